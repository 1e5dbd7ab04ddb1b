"""all-MiniLM-L6-v2 in this process: embeddings without a server, a GPU or the internet.

The weights come inside a package of the extra `embeddings`. They are run by NumPy: what sentence-transformers would
need to do the same is PyTorch, some gigabytes, for a model of 22 million parameters.

    place      where the weights are, if they are there
    encoder    the model: token ids to vectors; pure
    texts      texts to token ids, and their vectors
    embedder   the Embedder contract: bounded, beside the event loop
"""
