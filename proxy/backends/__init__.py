"""What can answer a `ChatRequest`, or make embeddings: implementations of `Backend` and `Embedder` in
`proxy.core.contracts`. None of them knows of another.

claude_cli   the official Claude CLI, driven as a pool of warm subprocesses
ollama       a real Ollama server behind this one
minilm       a model for embeddings that runs in this process, if the extra for it is installed
"""
