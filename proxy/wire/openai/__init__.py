"""OpenAI's chat completions, for conversations of text, pictures and PDFs, with calls of the client's tools.

requests      bodies of /v1/chat/completions -> values
messages      the conversation in a body
options       what a body asks of a model: sampling, stop strings, effort
answers       events and replies -> server-sent events, whole objects, error bodies
completions   the older /v1/completions: bodies and answers
"""

from proxy.wire.openai.answers import ChunkStream, error_body
from proxy.wire.openai.completions import CompletionStream, OpenAICompletion, parse_completion
from proxy.wire.openai.requests import SPELLINGS, OpenAIChat, parse_chat_completion

__all__ = [
    "SPELLINGS",
    "ChunkStream",
    "CompletionStream",
    "OpenAIChat",
    "OpenAICompletion",
    "error_body",
    "parse_chat_completion",
    "parse_completion",
]
