"""A real Ollama server behind this one."""
