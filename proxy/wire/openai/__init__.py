"""OpenAI's chat completions, for conversations of text, pictures and PDFs, with calls of the client's tools.

requests    bodies of /v1/chat/completions -> values
messages    the conversation in a body
answers     events and replies -> server-sent events, whole objects, error bodies
"""

from proxy.wire.openai.answers import ChunkStream, error_body
from proxy.wire.openai.requests import SPELLINGS, OpenAIChat, parse_chat_completion

__all__ = ["SPELLINGS", "ChunkStream", "OpenAIChat", "error_body", "parse_chat_completion"]
