"""A simulated Messages API on loopback: the real Claude CLI, or any client of the API, can talk to it.

    server          run it: `async with serve_simulator() as simulator`, then `simulator.url`
    app             the ASGI application: routes, recording, errors
    player pace     sending an answer: paced, cut, hung, ended when the client goes
    recorder        every request that came, for tests
    body            reading a request's conversation
    rules models    what the API refuses; the simulated models and what each takes
    tokens cache    token counting, the prompt cache
    directives      scripted behaviour, written into the prompt: ``[simulate: status=529]``
    compose         a request becomes a script, by `answers` or as a directive says (`scripted`)
    answers         what is answered by default (recall facts calls schema images)
    script          an answer and its faults
    binding         what ties thinking to its conversation, and the signature that carries it
    stream pieces   a script as SSE events or as one JSON message; how text is cut into deltas
    errors          the API's errors

All is pure but `app`, `server`, `player` and `recorder`. `docs/simulator.md` is the manual.
"""
