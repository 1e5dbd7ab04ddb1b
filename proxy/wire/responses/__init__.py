"""OpenAI's responses: /v1/responses, stateless, with calls of the client's tools.

requests   bodies -> values, and what an answer repeats of them
items      the conversation in a body
tools      the tools of a body, the choice among them, their namespaces
seal       thoughts as the opaque text that a client keeps and sends back
outputs    the items of an answer: as objects, and piece by piece
answers    events and replies -> numbered events, whole objects

Errors before the first byte have the same bodies as in `proxy.wire.openai`.
"""

from proxy.wire.responses.answers import ResponseStream
from proxy.wire.responses.requests import SPELLINGS, Responses, parse_response

__all__ = ["SPELLINGS", "ResponseStream", "Responses", "parse_response"]
