"""A real Ollama server behind this one: its models answer as they are.

Pure, no I/O:

    bodies      a ChatRequest, and a request for embeddings, as the bodies that the server gets
    answer      the lines of one answer, turned into events with exactly one end
    faults      what went wrong, from the server's status and words
    listings    what the server tells of its models

With I/O:

    client      requests to the server: one connection pool, every wait bounded
    turn        one answer, read as it comes in, within its deadlines
    roster      which models the server has: looked up in the background, and when an unknown one is asked for
    backend     joins them: the Backend and the Embedder contract
"""
