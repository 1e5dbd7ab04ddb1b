"""OpenAI's chat completions, for text and picture conversations.

requests    bodies of /v1/chat/completions -> values
answers     events and replies -> server-sent events, whole objects, error bodies
"""

from proxy.wire.openai.answers import ChunkStream, error_body
from proxy.wire.openai.requests import OpenAIChat, parse_chat_completion

__all__ = ["ChunkStream", "OpenAIChat", "error_body", "parse_chat_completion"]
