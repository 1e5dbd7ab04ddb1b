"""The messages of /api/chat, and the prompt of /api/generate as messages.

Thinking that a client sends back is taken and left out: a model does not need it again.
"""

from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Text, ToolResult
from proxy.shape.rounds import paired
from proxy.wire.context import decode_context
from proxy.wire.fields import Fields, Place, Struct, at_once, list_of, string, taking
from proxy.wire.images import attachment, check_count, image_data
from proxy.wire.requests import ROLES
from proxy.wire.tools import read_arguments, read_calls


@taking(string, plain=str)
def _content(value: Any, at: Place) -> str:
    """A string; clients also send an empty list with pictures or tool calls."""
    return "" if value == [] else string(value, at)


def _name(value: Any, at: Place) -> str:
    """Not a field of Ollama's, but where some clients have the tool's name: anything else in it is let be."""
    return value if type(value) is str else ""


@taking({"type": ["object", "string"]})
def _arguments(value: Any, at: Place) -> dict[str, Any]:
    """An object; some clients send it as a string."""
    arguments = read_arguments(value)
    if arguments is None:
        raise InvalidRequest("Value looks like object, but can't find closing '}' symbol")
    return arguments


IMAGES = list_of(image_data, "[]api.ImageData", null=str)
_TOOL_CALL = Struct(
    "api.ToolCall",
    {"id": string, "function": Struct("api.ToolCallFunction", {"name": string, "arguments": _arguments}, ("name",))},
    needed=("function",),
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
        "name": _name,
        "tool_call_id": string,
    },
)
MESSAGES = list_of(at_once(_MESSAGE), "[]api.Message", null=dict)


def conversation(turns: list[Fields]) -> tuple[Message, ...]:
    """What `MESSAGES` has read, its calls and results `paired`. Raises `InvalidRequest`."""
    return paired(_counted(tuple(map(_message, turns))))


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
    sent_as = fields.get("role", "").lower()
    parts = _parts(fields.get("content", ""), fields.get("images", []))
    if sent_as == "tool":
        name = fields.get("tool_name") or fields.get("name", "")
        return Message("user", (ToolResult(fields.get("tool_call_id", ""), parts, name=name),))
    role = ROLES.get(sent_as, "user")
    return Message(role, (*parts, *read_calls(role, fields.get("tool_calls", ()))))


def _parts(text: str, images: list[str]) -> tuple[Text | Image | Document, ...]:
    """Pictures and PDFs stand before the text, as in Ollama's prompts."""
    attachments = tuple(map(attachment, images))
    return (*attachments, Text(text)) if text else attachments


def _counted(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    check_count(messages)
    return messages
