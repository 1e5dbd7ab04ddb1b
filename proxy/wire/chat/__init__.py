"""The chat service: a plain API of its own, beside the dialects.

requests   bodies of /chat, /chat/simple and /chat/stream -> values
prompts    the answer to a flat prompt: chunks in OpenAI's style
answers    the answer to a message: one object, or events
metrics    what an answer took: tokens, durations, memory, processors, GPUs
rendering  Markdown of an answer as HTML that is harmless
colours    code in it, in colours
history    kept chats, as they are told, and as a model is told them
"""

from proxy.wire.chat.answers import MessageAnswer, SimpleAnswer, error_body
from proxy.wire.chat.prompts import PromptStream
from proxy.wire.chat.requests import SPELLINGS, MessageChat, PromptChat, parse_chat, parse_message

__all__ = [
    "SPELLINGS",
    "MessageAnswer",
    "MessageChat",
    "PromptChat",
    "PromptStream",
    "SimpleAnswer",
    "error_body",
    "parse_chat",
    "parse_message",
]
