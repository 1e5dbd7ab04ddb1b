"""The `input` of /v1/responses: items, as the messages of a conversation.

Reasoning, words and calls of the assistant's that stand together are one message of its.
"""

from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Part, Text, Thought, ToolCall, ToolResult
from proxy.shape.rounds import paired
from proxy.wire.body import Number, Object
from proxy.wire.fields import Fields, Shape, shaped, string, typed
from proxy.wire.gotext import quote
from proxy.wire.images import attachment_from_url, check_count, document_from_file
from proxy.wire.requests import ROLES
from proxy.wire.responses.seal import unsealed
from proxy.wire.responses.tools import full_name
from proxy.wire.tools import read_arguments

_Content = Text | Image | Document

# What OpenAI's own servers did for an earlier answer; it says nothing to a model here.
_OF_SERVERS = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "tool_search_call",
        "tool_search_output",
    }
)
_KINDS = {bool: "bool", Number: "number", Object: "object"}
_NO_UPLOADS = "file uploads by file_id are not supported, send"


_PARTS: list[Shape] = [
    *(typed(kind, text=string) for kind in ("input_text", "output_text", "text")),
    typed("refusal", refusal=string),
    typed("input_image", image_url=string),
    typed("input_file", file_data=string, filename=string),
]
_CONTENT: Shape = {"anyOf": [string, {"type": "array", "items": {"anyOf": _PARTS}}]}
_ITEMS: list[Shape] = [
    {"type": "object", "properties": {"role": string, "content": _CONTENT}, "required": ["role", "content"]},
    typed("message", role=string, content=_CONTENT),
    typed("function_call", call_id=string, name=string, arguments=string),
    typed("function_call_output", call_id=string, output=_CONTENT),
    typed("reasoning", encrypted_content=string),
    *(typed(kind) for kind in sorted(_OF_SERVERS)),
]
INPUT = shaped({"anyOf": [string, {"type": "array", "items": {"anyOf": _ITEMS}}]})
"""The field that `conversation` looks into."""


def conversation(sent: Any, instructions: str) -> tuple[Message, ...]:
    """The `input` that was `sent`, behind the `instructions`, its calls and results paired. Raises `InvalidRequest`."""
    if type(sent) is str:
        messages = [Message("user", (Text(sent),))] if sent else []
    elif type(sent) is list:
        messages = _messages(sent)
    elif sent is None:
        messages = []
    else:
        text = f"json: cannot unmarshal {_KINDS[type(sent)]} into Go value of type []json.RawMessage"
        raise InvalidRequest(f"input must be a string or array: {text}")
    if not messages:
        raise InvalidRequest("input is empty: there is nothing to answer")
    if instructions:
        messages.insert(0, Message("system", (Text(instructions),)))
    check_count(messages)
    return paired(tuple(messages))


def _messages(items: list[Any]) -> list[Message]:
    messages: list[Message] = []
    # Thoughts count once something of the assistant's follows them.
    thoughts: list[Thought] = []
    for index, item in enumerate(items):
        message = _message(item, f"input[{index}]")
        if message is None:
            continue
        if message.role != "assistant":
            thoughts = []
            messages.append(message)
        elif _is_thought(message):
            thoughts += [part for part in message.parts if isinstance(part, Thought)]
        else:
            said: tuple[Part, ...] = (*thoughts, *message.parts)
            thoughts = []
            if messages and messages[-1].role == "assistant":
                said = (*messages.pop().parts, *said)
            messages.append(Message("assistant", said))
    return messages


def _is_thought(message: Message) -> bool:
    return bool(message.parts) and all(isinstance(part, Thought) for part in message.parts)


def _message(item: Any, at: str) -> Message | None:
    """The message that an item is, None for one that says nothing."""
    fields = _fields(item, at)
    kind = fields.get("type") or ("message" if fields.get("role") else "")
    match kind:
        case "message":
            return Message(
                ROLES.get(_string(fields, "role", at).lower(), "user"), _parts(fields.get("content"), f"{at}: content")
            )
        case "function_call":
            return Message("assistant", (_call(fields, at),))
        case "function_call_output":
            parts = _parts(fields.get("output"), f"{at}: output")
            return Message("user", (ToolResult(_string(fields, "call_id", at), parts),))
        case "reasoning":
            thought = unsealed(_string(fields, "encrypted_content", at))
            return Message("assistant", (thought,)) if thought else None
        case "item_reference":
            raise InvalidRequest(f"{at}: item_reference is not supported: nothing is stored here, send the item itself")
        case "":
            raise InvalidRequest(f"{at}: input item missing required 'type' field")
    if type(kind) is str and kind in _OF_SERVERS:
        return None
    raise InvalidRequest(f"{at}: unknown input item type: {quote(str(kind))}")


def _call(fields: Fields, at: str) -> ToolCall:
    name = full_name(_string(fields, "namespace", at), _string(fields, "name", at))
    if not name:
        raise InvalidRequest(f"{at}: a function call needs a name")
    arguments = read_arguments(fields.get("arguments") or "")
    if arguments is None:
        raise InvalidRequest(f"{at}: invalid function call arguments")
    return ToolCall(_string(fields, "call_id", at), name, arguments)


def _parts(content: Any, at: str) -> tuple[_Content, ...]:
    """`at` names the place, and in it the field."""
    if content is None:
        return ()
    if type(content) is str:
        return (Text(content),) if content else ()
    if type(content) is not list:
        raise InvalidRequest(f"{at} must be a string or array")
    parts = (_part(part, f"{at}[{index}]") for index, part in enumerate(content))
    return tuple(part for part in parts if part != Text(""))


def _part(part: Any, at: str) -> _Content:
    fields = _fields(part, at)
    match fields.get("type"):
        case "input_text" | "output_text" | "text":
            return Text(_string(fields, "text", at))
        case "refusal":
            return Text(_string(fields, "refusal", at))
        case "input_image":
            url = _string(fields, "image_url", at)
            if not url and fields.get("file_id"):
                raise InvalidRequest(f"{_NO_UPLOADS} image_url")
            return attachment_from_url(url)
        case "input_file":
            return _file(fields, at)
        case "input_audio":
            raise InvalidRequest("audio input is not supported")
        case other:
            raise InvalidRequest(f"{at}: unknown content type: {other or ''}")


def _file(fields: Fields, at: str) -> Document:
    file_data = _string(fields, "file_data", at)
    if file_data:
        return document_from_file(file_data, _string(fields, "filename", at))
    if fields.get("file_url"):
        raise InvalidRequest("file URLs are not currently supported, please use base64 encoded data instead")
    raise InvalidRequest(f"{_NO_UPLOADS} file_data")


def _fields(value: Any, at: str) -> Fields:
    if type(value) is not Object:
        raise InvalidRequest(f"{at} must be an object")
    return dict(value)


def _string(fields: Fields, name: str, at: str) -> str:
    """A field that is a string, or absent."""
    value = fields.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise InvalidRequest(f"{at}: {name} must be a string")
    return value
