"""The messages of /v1/chat/completions. The reasoning that a client sends back is taken and left out."""

from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Message, Part, Text
from proxy.wire.body import Object
from proxy.wire.fields import Fields, Struct, anything, list_of, string
from proxy.wire.gotext import type_name
from proxy.wire.images import attachment_from_url, check_count, document_from_file
from proxy.wire.requests import ROLES

_TOOL_CALL = Struct(
    "openai.ToolCall",
    {"id": string, "type": string, "function": Struct("openai.Function", {"name": string, "arguments": anything})},
)
_MESSAGE = Struct(
    "openai.Message",
    {
        "role": string,
        "content": anything,
        "reasoning": string,
        "tool_calls": list_of(_TOOL_CALL, "[]openai.ToolCall", null=dict),
        "name": string,
        "tool_call_id": string,
    },
)
MESSAGES = list_of(_MESSAGE, "[]openai.Message", null=dict)


def conversation(turns: list[Fields]) -> tuple[Message, ...]:
    """What `MESSAGES` has read. Raises `InvalidRequest`."""
    messages = tuple(map(_message, turns))
    check_count(messages)
    return messages


def _message(fields: Fields) -> Message:
    role = fields.get("role", "").lower()
    if role in ("tool", "function"):
        raise InvalidRequest(f'messages with role "{role}" are not supported yet')
    content = fields.get("content")
    parts: tuple[Part, ...] = ()
    if type(content) is str:
        parts = (Text(content),) if content else ()
    elif type(content) is list:
        parts = tuple(part for part in map(_part, content) if part != Text(""))
    elif not (content is None and "tool_calls" in fields):
        raise InvalidRequest(f"invalid message content type: {type_name(content)}")
    return Message(ROLES.get(role, "user"), parts)


def _part(part: Any) -> Part:
    members = _members(part)
    match members.get("type"):
        case "text":
            return Text(_string(members.get("text")))
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
