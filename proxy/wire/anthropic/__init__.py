"""Anthropic's Messages API, for conversations of text, pictures, PDFs and thoughts, with calls of the client's tools.

requests    bodies of /v1/messages and its count_tokens -> values
tools       the tools in a body, and the choice among them
messages    the conversation in a body
blocks      the content blocks that messages, system prompts and results are made of
answers     events and replies -> server-sent events, whole objects, error bodies
"""

from proxy.wire.anthropic.answers import MessageStream, count_body, error_body
from proxy.wire.anthropic.requests import SPELLINGS, AnthropicMessages, parse_count_tokens, parse_messages

__all__ = [
    "SPELLINGS",
    "AnthropicMessages",
    "MessageStream",
    "count_body",
    "error_body",
    "parse_count_tokens",
    "parse_messages",
]
