"""Ollama's own dialect, for conversations of text, pictures and PDFs, with calls of the client's tools.

requests    bodies of /api/chat, /api/generate and /api/show -> values
messages    the conversation in a body
answers     events and replies -> NDJSON lines, whole objects, error bodies
creation    bodies of /api/create, copy, delete, pull and push -> values
progress    what is told of making, pulling and pushing a model
account     what is told of the account and the cloud: there are none
"""

from proxy.wire.ollama.answers import ChatStream, GenerateStream, error_body
from proxy.wire.ollama.requests import (
    SPELLINGS,
    OllamaChat,
    OllamaGenerate,
    OllamaShow,
    parse_chat,
    parse_generate,
    parse_show,
)

__all__ = [
    "SPELLINGS",
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
