"""The messages of /api/chat, and the prompt of /api/generate as messages.

Thinking that a client sends back is taken and left out: a model does not need it again.
"""

from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Message, Part, Text
from proxy.wire.context import decode_context
from proxy.wire.fields import Fields, Place, Struct, anything, at_once, list_of, string
from proxy.wire.images import attachment, check_count, image_data
from proxy.wire.requests import ROLES


def _content(value: Any, at: Place) -> str:
    """A string; clients also send an empty list with pictures or tool calls."""
    return "" if value == [] else string(value, at)


IMAGES = list_of(image_data, "[]api.ImageData", null=str)
_TOOL_CALL = Struct(
    "api.ToolCall",
    {"id": string, "function": Struct("api.ToolCallFunction", {"name": string, "arguments": anything})},
)
_MESSAGE = Struct(
    "api.Alias",
    {
        "role": string,
        "content": _content,
        "thinking": string,
        "images": IMAGES,
        "tool_calls": list_of(_TOOL_CALL, "[]api.ToolCall", null=dict),
        "tool_name": string,
        "tool_call_id": string,
    },
)
MESSAGES = list_of(at_once(_MESSAGE), "[]api.Message", null=dict)


def conversation(turns: list[Fields]) -> tuple[Message, ...]:
    """What `MESSAGES` has read. Raises `InvalidRequest`."""
    return _counted(tuple(map(_message, turns)))


def continued(fields: Fields) -> tuple[Message, ...]:
    """A generate request after its context; a system prompt that this already ends up with is not repeated."""
    earlier = decode_context(fields.get("context", ()))
    asked = Message("user", _parts(fields["prompt"], fields.get("images", [])))
    system: str = fields.get("system", "")
    current = next((message.text for message in reversed(earlier) if message.role == "system"), "")
    if system in ("", current):
        return _counted((*earlier, asked))
    return _counted((*earlier, Message("system", (Text(system),)), asked))


def _message(fields: Fields) -> Message:
    role = fields.get("role", "").lower()
    if role == "tool":
        raise InvalidRequest('messages with role "tool" are not supported yet')
    return Message(ROLES.get(role, "user"), _parts(fields.get("content", ""), fields.get("images", [])))


def _parts(text: str, images: list[str]) -> tuple[Part, ...]:
    """Pictures and PDFs stand before the text, as in Ollama's prompts."""
    attachments = tuple(map(attachment, images))
    return (*attachments, Text(text)) if text else attachments


def _counted(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    check_count(messages)
    return messages
