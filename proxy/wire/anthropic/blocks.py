"""Content blocks: what messages, system prompts and the results of tools are made of.

A block is read once its type is known, since other types have other things under the same names. Of a type that has no
meaning here only the type is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Part, Role, Text, Thought, ToolCall, ToolResult
from proxy.wire.body import Object
from proxy.wire.fields import (
    Fields,
    Place,
    Reader,
    Struct,
    anything,
    boolean,
    list_of,
    shaped,
    string,
    taking,
    typed,
)
from proxy.wire.images import attachment, document_from_file, image_data
from proxy.wire.tools import read_arguments

Shown = Text | Image | Document

_BLOCK = "anthropic.ContentBlock"
_TYPE = Struct(_BLOCK, {"type": string})
_SPEAKERS: Mapping[str, Role] = {
    "tool_use": "assistant",
    "tool_result": "user",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
}
# What the API has beyond the types that are read. Any other type is reported under one name: a client must not be able
# to fill headers and counters with names of its own making.
_UNSUPPORTED = frozenset(
    {
        "bash_code_execution_tool_result",
        "code_execution_tool_result",
        "container_upload",
        "mcp_tool_result",
        "mcp_tool_use",
        "search_result",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "tool_reference",
        "tool_search_tool_result",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)


def _typed(kind: str, struct: Struct) -> Struct:
    return Struct(struct.name, {"type": shaped({"const": kind}), **struct.readers}, ("type", *struct.needed))


def _content_of(types: Mapping[str, Struct]) -> Reader:
    """A reader of content: a list of blocks, or a string for one of text."""

    @taking({"anyOf": [_typed(kind, struct) for kind, struct in types.items()]})
    def block(value: Any, at: Place) -> Fields:
        fields = _TYPE(value, at)
        known = types.get(fields.get("type", ""))
        return fields | known(value, at) if known else fields

    blocks = list_of(block, f"[]{_BLOCK}", null=dict)

    @taking({"anyOf": [string, blocks]})
    def content(value: Any, at: Place) -> Any:
        return [{"type": "text", "text": value}] if type(value) is str else blocks(value, at)

    return content


@taking({"type": ["object", "string"]})
def _input(value: Any, at: Place) -> dict[str, Any]:
    """An object; a string that holds one is taken as well."""
    arguments = read_arguments(value)
    if arguments is None:
        at.fault("tool_use block has an 'input' that is not an object")
        return {}
    return arguments


_SOURCE = shaped({"anyOf": [typed(kind, media_type=string, data=string) for kind in ("base64", "text")]})
_SHOWN: Mapping[str, Struct] = {
    "text": Struct(_BLOCK, {"text": string}),
    "image": Struct(_BLOCK, {"source": _SOURCE}, needed=("source",)),
    "document": Struct(
        _BLOCK, {"source": _SOURCE, "title": string, "context": string, "citations": anything}, ("source",)
    ),
}
_RESULT = {"tool_use_id": string, "content": _content_of(_SHOWN), "is_error": boolean}
_KNOWN: Mapping[str, Struct] = {
    **_SHOWN,
    "tool_use": Struct(_BLOCK, {"id": string, "name": string, "input": _input}, needed=("id", "name")),
    "tool_result": Struct(_BLOCK, _RESULT, needed=("tool_use_id",)),
    "thinking": Struct(_BLOCK, {"thinking": string, "signature": string}),
    "redacted_thinking": Struct(_BLOCK, {"data": string}),
}

CONTENT = _content_of(_KNOWN)


def parts_of(blocks: Iterable[Fields], role: Role) -> tuple[Part, ...]:
    """What `CONTENT` has read in a message of `role`, without blocks that hold nothing. Raises `InvalidRequest`."""
    return tuple(part for block in blocks if (part := _part(block, role)) is not None)


def text_of(blocks: Iterable[Fields]) -> str:
    """The joined texts of a system prompt that `CONTENT` has read. Raises `InvalidRequest` for any other block."""
    texts = []
    for block in blocks:
        if block.get("type") != "text":
            raise InvalidRequest("system takes text blocks only")
        texts.append(block.get("text", ""))
    return "".join(texts)


def unsupported_in(blocks: Iterable[Fields]) -> Iterator[str]:
    """By name, the blocks that mean nothing here, those in results of tools included."""
    return _others(blocks, _KNOWN)


def _others(blocks: Iterable[Fields], known: Mapping[str, Struct]) -> Iterator[str]:
    for block in blocks:
        kind: str = block.get("type", "")
        if kind not in known:
            yield f"content.{kind if kind in _UNSUPPORTED else 'other'}"
        elif kind == "document":
            yield from (f"content.document.{name}" for name in _lost(block))
        elif kind == "tool_result":
            yield from _others(block.get("content", ()), _SHOWN)


def _lost(document: Fields) -> Iterator[str]:
    """What is asked for of a document and is not done."""
    if document.get("title") and _members(document.get("source")).get("type") == "text":
        yield "title"
    if document.get("context"):
        yield "context"
    if _members(document.get("citations")).get("enabled") is True:
        yield "citations"


def _members(value: Any) -> dict[str, Any]:
    return dict(value) if type(value) is Object else {}


def _part(block: Fields, role: Role) -> Part | None:
    kind: str = block.get("type", "")
    speaker = _SPEAKERS.get(kind, role)
    if speaker != role:
        raise InvalidRequest(f"{kind} blocks belong to the {speaker}'s messages, not to the {role}'s")
    match kind:
        case "tool_use":
            return ToolCall(_required(block, "id"), _required(block, "name"), block.get("input", {}))
        case "tool_result":
            shown = tuple(part for each in block.get("content", ()) if (part := _shown(each)) is not None)
            return ToolResult(_required(block, "tool_use_id"), shown, error=block.get("is_error", False))
        case "thinking":
            signature: str = block.get("signature", "")
            return Thought(block.get("thinking", ""), signature) if signature else None
        case "redacted_thinking":
            data: str = block.get("data", "")
            return Thought(redacted=data) if data else None
    return _shown(block)


def _shown(block: Fields) -> Shown | None:
    match _required(block, "type"):
        case "text":
            text: str = block.get("text", "")
            return Text(text) if text else None
        case "image":
            return _image(block.get("source"))
        case "document":
            return _document(block.get("source"), block.get("title", ""))
    return None


def _image(source: Any) -> Image | Document:
    kind, data = _source(source, "image")
    if kind != "base64":
        raise InvalidRequest(f"invalid image source type: {kind}. Only base64 images are supported.")
    return attachment(_base64(data, "image"))


def _document(source: Any, title: str) -> Shown | None:
    kind, data = _source(source, "document")
    if kind == "text":
        return Text(data) if data else None
    if kind != "base64":
        raise InvalidRequest(f"invalid document source type: {kind}. Only base64 and text documents are supported.")
    return document_from_file(_base64(data, "document"), title)


def _source(source: Any, what: str) -> tuple[str, str]:
    """The type and the data of a source; only types that are refused later have no data."""
    members = _members(source)
    kind, data = members.get("type"), members.get("data")
    if type(kind) is not str or (kind in ("base64", "text") and type(data) is not str):
        raise InvalidRequest(f"invalid {what} source")
    return kind, data if type(data) is str else ""


def _base64(data: str, what: str) -> str:
    at = Place()
    clean = image_data(data, at)
    try:
        at.check()
    except InvalidRequest as error:
        raise InvalidRequest(f"invalid base64 {what} data: {error.message}") from None
    return clean


def _required(block: Fields, name: str) -> str:
    value: str = block.get(name, "")
    if not value:
        raise InvalidRequest(f"{block.get('type', 'content')} block missing required '{name}' field")
    return value
