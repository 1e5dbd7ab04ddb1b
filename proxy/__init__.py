"""Claude behind the Ollama API.

Imports point down only (``tests/test_layers.py`` enforces it); packages on one line never import each other:

    app                     composition root: settings in, a running ASGI application out
    api                     thin HTTP handlers, and the reply that owns a request's scope
    engine                  the one place of policy: resolve the model, open a turn, drain
    wire catalog backends observe simulator
    core                    values and contracts, standard library only
"""
