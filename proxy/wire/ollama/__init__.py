"""Ollama's own dialect, for text and picture conversations.

requests    bodies of /api/chat, /api/generate and /api/show -> values
answers     events and replies -> NDJSON lines, whole objects, error bodies
"""

from proxy.wire.ollama.answers import ChatStream, GenerateStream, error_body
from proxy.wire.ollama.requests import OllamaChat, OllamaGenerate, OllamaShow, parse_chat, parse_generate, parse_show

__all__ = [
    "ChatStream",
    "GenerateStream",
    "OllamaChat",
    "OllamaGenerate",
    "OllamaShow",
    "error_body",
    "parse_chat",
    "parse_generate",
    "parse_show",
]
