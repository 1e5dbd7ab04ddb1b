"""The messages of /v1/chat/completions. The reasoning that a client sends back is taken and left out."""

from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Text, ToolResult
from proxy.shape.rounds import paired
from proxy.wire.body import Object
from proxy.wire.fields import Fields, Place, Shape, Struct, list_of, shaped, string, taking, typed
from proxy.wire.gotext import type_name
from proxy.wire.images import attachment_from_url, check_count, document_from_file
from proxy.wire.requests import ROLES
from proxy.wire.tools import read_arguments, read_calls

_Content = Text | Image | Document


@taking({"type": ["string", "object"]})
def _arguments(value: Any, at: Place) -> dict[str, Any]:
    """A string with an object; some clients send the object."""
    arguments = read_arguments(value)
    if arguments is None:
        at.fault("invalid tool call arguments")
        return {}
    return arguments


_FUNCTION = Struct("openai.Function", {"name": string, "arguments": _arguments}, needed=("name",))
_TOOL_CALL = Struct("openai.ToolCall", {"id": string, "type": string, "function": _FUNCTION}, needed=("function",))
_PARTS: list[Shape] = [
    typed("text", text=string),
    typed("refusal", refusal=string),
    typed("image_url", image_url={"anyOf": [string, {"type": "object", "properties": {"url": string}}]}),
    typed("file", file={"type": "object", "properties": {"file_data": string, "filename": string}}),
]
_MESSAGE = Struct(
    "openai.Message",
    {
        "role": string,
        "content": shaped({"anyOf": [string, {"type": "array", "items": {"anyOf": _PARTS}}]}),
        "reasoning": string,
        "refusal": string,
        "function_call": _FUNCTION,
        "tool_calls": list_of(_TOOL_CALL, "[]openai.ToolCall", null=dict),
        "name": string,
        "tool_call_id": string,
    },
)
MESSAGES = list_of(_MESSAGE, "[]openai.Message", null=dict)


def conversation(turns: list[Fields]) -> tuple[Message, ...]:
    """What `MESSAGES` has read, its calls and results `paired`. Raises `InvalidRequest`."""
    messages = tuple(map(_message, turns))
    check_count(messages)
    return paired(messages)


def _message(fields: Fields) -> Message:
    sent_as = fields.get("role", "").lower()
    is_result = sent_as in ("tool", "function")
    calls = _calls(fields)
    parts = _parts(_content(fields), optional=is_result or "tool_calls" in fields or bool(calls))
    if is_result:
        return Message("user", (ToolResult(fields.get("tool_call_id", ""), parts, name=fields.get("name", "")),))
    role = ROLES.get(sent_as, "user")
    return Message(role, (*parts, *read_calls(role, calls)))


def _calls(fields: Fields) -> list[Fields]:
    """`function_call` is the older name, of one call without an id."""
    calls: list[Fields] = fields.get("tool_calls", [])
    return calls or [{"function": function} for function in (fields.get("function_call"),) if function]


def _content(fields: Fields) -> Any:
    """A refusal stands in the place of the content."""
    content = fields.get("content")
    return fields.get("refusal") if content is None else content


def _parts(content: Any, *, optional: bool) -> tuple[_Content, ...]:
    if type(content) is str:
        return (Text(content),) if content else ()
    if type(content) is list:
        return tuple(part for part in map(_part, content) if part != Text(""))
    if content is None and optional:
        return ()
    raise InvalidRequest(f"invalid message content type: {type_name(content)}")


def _part(part: Any) -> _Content:
    members = _members(part)
    match members.get("type"):
        case "text":
            return Text(_string(members.get("text")))
        case "refusal":
            return Text(_string(members.get("refusal")))
        case "image_url":
            url = members.get("image_url")
            return attachment_from_url(_string(dict(url).get("url") if type(url) is Object else url))
        case "file":
            return _file(_members(members.get("file")))
        case "input_audio":
            raise InvalidRequest("audio input is not supported")
    raise InvalidRequest("invalid message format")


def _file(members: Fields) -> Document:
    file_data = members.get("file_data")
    if file_data is None:
        # An id names something that was uploaded earlier, and nothing can be uploaded here.
        raise InvalidRequest("file uploads by file_id are not supported, send file_data")
    return document_from_file(_string(file_data), _string(members.get("filename") or ""))


def _members(value: Any) -> Fields:
    if type(value) is not Object:
        raise InvalidRequest("invalid message format")
    return dict(value)


def _string(value: Any) -> str:
    if type(value) is not str:
        raise InvalidRequest("invalid message format")
    return value
