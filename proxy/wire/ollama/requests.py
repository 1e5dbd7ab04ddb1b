"""Bodies of /api/chat, /api/generate and /api/show, as values.

Faults come in Ollama's order: the body, top_logprobs, the model's name, whether the model exists, think and options,
then the conversation. Where existence stands in that order the parsers call `exists` with the name as sent; it may
raise. Whatever a request asks for that this server does not do is named in `unsupported`, never dropped in silence.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.request import ChatRequest, Image, Message, Text
from proxy.wire.body import Object, written
from proxy.wire.context import decode_context
from proxy.wire.durations import keep_alive
from proxy.wire.fields import (
    Fields,
    Place,
    Struct,
    anything,
    at_once,
    boolean,
    integer,
    list_of,
    mapping,
    read_body,
    string,
)
from proxy.wire.gotext import quote
from proxy.wire.images import image, image_data
from proxy.wire.names import CLOUD_OFF_SHOW, check_name, model_not_found_text, unsupported_text
from proxy.wire.options import check_options, max_tokens, unsupported_options
from proxy.wire.requests import ROLES, TOOL, Exists, any_model, checked_model

Action = Literal["answer", "load", "unload"]

_THINK_LEVELS = ("high", "medium", "low", "max")
_THINK_CHOICES = '"high", "medium", "low", "max", true, or false'
_UNSUPPORTED = ("format", "think", "tools", "template", "logprobs", "top_logprobs", "_debug_render_only")


@dataclass(frozen=True, slots=True)
class OllamaChat:
    """A body of /api/chat. `action` other than "answer" asks for no turn: answer it with `ChatStream.loaded`.

    `keep_alive` is in seconds, infinite for "forever", None if the client left it open.
    """

    request: ChatRequest
    stream: bool
    action: Action
    keep_alive: float | None
    unsupported: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


@dataclass(frozen=True, slots=True)
class OllamaGenerate(OllamaChat):
    """A body of /api/generate; `raw` answers carry no `context`."""

    raw: bool

    @property
    def remembered(self) -> tuple[Message, ...] | None:
        """The conversation that the answer's `context` continues, None if it carries none."""
        return None if self.raw else self.request.messages


@dataclass(frozen=True, slots=True)
class OllamaShow:
    """A body of /api/show; `system` and `options` show what a session has set over the model's own."""

    model: str
    system: str = ""
    options: Fields = field(default_factory=dict)


def _think(value: Any, at: Place) -> bool | str:
    if type(value) is bool:
        return value
    if type(value) is not str:
        raise InvalidRequest(f"think must be a boolean or string ({_THINK_CHOICES})")
    if value not in _THINK_LEVELS:
        raise InvalidRequest(f"invalid think value: {quote(value)} (must be {_THINK_CHOICES})")
    return value


def _content(value: Any, at: Place) -> str:
    """A string; clients also send an empty list with pictures or tool calls."""
    return "" if value == [] else string(value, at)


_images = list_of(image_data, "[]api.ImageData", null=str)
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
        "images": _images,
        "tool_calls": list_of(_TOOL_CALL, "[]api.ToolCall", null=dict),
        "tool_name": string,
        "tool_call_id": string,
    },
)
_COMMON = {
    "model": string,
    "name": string,
    "stream": boolean,
    "format": anything,
    "keep_alive": keep_alive,
    "options": mapping,
    "think": _think,
    "truncate": boolean,
    "shift": boolean,
    "logprobs": boolean,
    "top_logprobs": integer,
    "_debug_render_only": boolean,
}
_CHAT = Struct(
    "api.ChatRequest",
    _COMMON
    | {
        "messages": list_of(at_once(_MESSAGE), "[]api.Message", null=dict),
        "tools": list_of(TOOL, "api.Tools", null=dict),
    },
)
_GENERATE = Struct(
    "api.GenerateRequest",
    _COMMON
    | {
        "prompt": string,
        "suffix": string,
        "system": string,
        "template": string,
        "context": list_of(integer, "[]int", null=int),
        "raw": boolean,
        "images": _images,
    },
)
_SHOW = Struct(
    "api.ShowRequest",
    {"model": string, "name": string, "system": string, "template": string, "verbose": boolean, "options": mapping},
)


def parse_chat(body: bytes, exists: Exists = any_model) -> OllamaChat:
    """Read a body of /api/chat. Raises `ServerError` with Ollama's status and text."""
    fields = read_body(body, _CHAT)
    model = checked_model(fields, InvalidRequest("model is required"), exists)
    turns: list[Fields] = fields.get("messages", [])
    action = _action(fields, empty=not turns)
    options = _checked_options(fields, action)
    request = ChatRequest(model, tuple(map(_message, turns)), max_tokens=max_tokens(options))
    unsupported = _unsupported(fields) if action == "answer" else ()
    return OllamaChat(request, fields.get("stream", True), action, fields.get("keep_alive"), unsupported)


def parse_generate(body: bytes, exists: Exists = any_model) -> OllamaGenerate:
    """Read a body of /api/generate. Raises `ServerError` with Ollama's status and text."""
    fields = read_body(body, _GENERATE)
    model = checked_model(fields, ModelNotFound(model_not_found_text("")), exists)
    action = _action(fields, empty=not fields.get("prompt"))
    raw: bool = fields.get("raw", False)
    if action != "unload":
        if raw and any(fields.get(key) for key in ("template", "system", "context")):
            raise InvalidRequest("raw mode does not support template, system, or context")
        if fields.get("suffix"):
            raise InvalidRequest(unsupported_text(model, "insert"))
    options = _checked_options(fields, action)
    messages = _conversation(fields) if action == "answer" else ()
    request = ChatRequest(model, messages, max_tokens=max_tokens(options))
    unsupported = _unsupported(fields) if action == "answer" else ()
    return OllamaGenerate(request, fields.get("stream", True), action, fields.get("keep_alive"), unsupported, raw)


def parse_show(body: bytes) -> OllamaShow:
    """Read a body of /api/show. Raises `InvalidRequest`."""
    fields = read_body(body, _SHOW)
    model = fields.get("model") or fields.get("name") or ""
    if not model:
        raise InvalidRequest("model is required")
    check_name(model, cloud_off=CLOUD_OFF_SHOW)
    return OllamaShow(model, fields.get("system", ""), fields.get("options", {}))


def _action(fields: Fields, *, empty: bool) -> Action:
    if not empty:
        return "answer"
    return "unload" if fields.get("keep_alive") == 0 else "load"


def _checked_options(fields: Fields, action: Action) -> Fields:
    """The options of a request, with its format checked too if there will be an answer; an unload has none."""
    options = {} if action == "unload" else fields.get("options", {})
    check_options(options)
    if action == "answer":
        _check_format(fields)
    return options


def _check_format(fields: Fields) -> None:
    """Ollama reports a bad format as its own fault (500): it finds it late."""
    wanted = fields.get("format", "")
    if wanted in ("", "json") or type(wanted) is Object:
        return
    raise ServerError(
        f'invalid format: {quote(written(wanted))}; expected "json" or a valid JSON Schema object',
        fault="client",
        should_retry=False,
    )


def _message(fields: Fields) -> Message:
    role = fields.get("role", "").lower()
    if role == "tool":
        raise InvalidRequest('messages with role "tool" are not supported yet')
    return Message(ROLES.get(role, "user"), _parts(fields.get("content", ""), fields.get("images", [])))


def _parts(text: str, images: list[str]) -> tuple[Text | Image, ...]:
    """Pictures stand before the text, as in Ollama's prompts."""
    pictures = tuple(map(image, images))
    return (*pictures, Text(text)) if text else pictures


def _conversation(fields: Fields) -> tuple[Message, ...]:
    """A generate request as messages; a system prompt that the context already ends up with is not repeated."""
    earlier = decode_context(fields.get("context", ()))
    asked = Message("user", _parts(fields["prompt"], fields.get("images", [])))
    system: str = fields.get("system", "")
    current = next((message.text for message in reversed(earlier) if message.role == "system"), "")
    if system in ("", current):
        return (*earlier, asked)
    return (*earlier, Message("system", (Text(system),)), asked)


def _unsupported(fields: Fields) -> tuple[str, ...]:
    names = unsupported_options(fields.get("options", {}))
    names += [name for name in _UNSUPPORTED if _set(fields.get(name))]
    if any(turn.get("tool_calls") for turn in fields.get("messages", ())):
        names.append("tool_calls")
    return tuple(dict.fromkeys(names))


def _set(value: Any) -> bool:
    """Whether a field asks for anything; an empty schema is one."""
    return bool(value) or type(value) is Object
