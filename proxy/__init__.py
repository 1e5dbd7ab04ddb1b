"""Claude behind the Ollama API.

Imports point down only (``tests/test_layers.py`` enforces it); packages on one line never import each other:

    commands                what the program does: serving, models, doctor, keys, chats, service
    app                     composition root: settings in, a running ASGI application out
    others                  what answers beside Claude's models, as far as the settings have it
    cli                     the CLI that there is, and the folders that its processes live in
    parts                   settings as the values that each part is given
    api                     thin HTTP handlers, and the reply that owns a request's scope
    web                     pages for a browser, static files
    engine chats            the one place of policy: fit a request to its model, admit it, drain; kept chats
    wire access catalog backends store observe simulator
    shape                   what an answer is held to: stop strings, JSON
    core                    values and contracts, standard library only
"""
