"""Bodies of /api/chat, /api/generate and /api/show, as values.

Faults come in Ollama's order: the body, top_logprobs, the model's name, whether the model exists, think and options,
then the conversation and the tools. Where existence stands in that order the parsers call `exists` with the name as
sent; it may raise. Whatever a request asks for that no model here does is named in `unsupported`, never dropped in
silence; what only some models do is in the `ChatRequest`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.names import thoughtless_text
from proxy.core.request import ChatRequest, JsonFormat, Message, Options, Think, ThinkLevel, Tool
from proxy.wire.body import Object, plain, written
from proxy.wire.durations import keep_alive
from proxy.wire.fields import Fields, Place, Struct, boolean, integer, list_of, read_body, shaped, string, taking
from proxy.wire.gotext import quote
from proxy.wire.names import CLOUD_OFF_SHOW, check_name, model_not_found_text
from proxy.wire.ollama.messages import IMAGES, MESSAGES, continued, conversation
from proxy.wire.options import OPTIONS, read_options, unsupported_options
from proxy.wire.requests import TOP_LOGPROBS, Exists, Known, any_model, check_insert, checked_model
from proxy.wire.tools import CHOICE, TOOL, read_tools

SPELLINGS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop",
    "max_tokens": "num_predict",
    "think": "think",
    "format": "format",
}
"""What this dialect calls the fields of the core's `ChatRequest` and `Options`."""

Action = Literal["answer", "load", "unload"]

_THINK_LEVELS: tuple[ThinkLevel, ...] = ("low", "medium", "high", "max")
_THINK_CHOICES = '"high", "medium", "low", "max", true, or false'
_UNSUPPORTED = ("template", "logprobs", "top_logprobs", "_debug_render_only")


@dataclass(frozen=True, slots=True)
class OllamaChat:
    """A body of /api/chat. `action` other than "answer" asks for no turn: answer it with `ChatStream.loaded`."""

    request: ChatRequest
    stream: bool
    action: Action
    unsupported: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


@dataclass(frozen=True, slots=True)
class OllamaGenerate(OllamaChat):
    """A body of /api/generate; raw answers carry no `context`."""

    @property
    def remembered(self) -> tuple[Message, ...] | None:
        """The conversation that the answer's `context` continues, None if it carries none."""
        return None if self.request.raw else self.request.messages


@dataclass(frozen=True, slots=True)
class OllamaShow:
    """A body of /api/show; `system` and `options` show what a session has set over the model's own."""

    model: str
    system: str = ""
    options: Fields = field(default_factory=dict)


@taking({"anyOf": [boolean, {"enum": _THINK_LEVELS}]})
def think_wish(value: Any, at: Place) -> Think:
    """A reader: whether, or how much, a model is to think."""
    if type(value) is bool:
        return value
    if type(value) is not str:
        raise InvalidRequest(f"think must be a boolean or string ({_THINK_CHOICES})")
    for level in _THINK_LEVELS:
        if value == level:
            return level
    raise InvalidRequest(f"invalid think value: {quote(value)} (must be {_THINK_CHOICES})")


_COMMON = {
    "model": string,
    "name": string,
    "stream": boolean,
    "format": shaped({"anyOf": [{"enum": ["", "json"]}, {"type": "object"}]}),
    "keep_alive": keep_alive,
    "options": OPTIONS,
    "think": think_wish,
    "truncate": boolean,
    "shift": boolean,
    "logprobs": boolean,
    "top_logprobs": TOP_LOGPROBS,
    "_debug_render_only": boolean,
}
CHAT = Struct(
    "api.ChatRequest",
    _COMMON | {"messages": MESSAGES, "tools": list_of(TOOL, "api.Tools", null=dict), "tool_choice": CHOICE},
    needed=("model",),
)
GENERATE = Struct(
    "api.GenerateRequest",
    _COMMON
    | {
        "prompt": string,
        "suffix": string,
        "system": string,
        "template": string,
        "context": list_of(integer, "[]int", null=int),
        "raw": boolean,
        "images": IMAGES,
    },
    needed=("model",),
)
SHOW = Struct(
    "api.ShowRequest",
    {"model": string, "name": string, "system": string, "template": string, "verbose": boolean, "options": OPTIONS},
    needed=("model",),
)


def parse_chat(body: bytes, exists: Exists = any_model) -> OllamaChat:
    """Read a body of /api/chat. Raises `ServerError` with Ollama's status and text."""
    fields = read_body(body, CHAT)
    model, known = checked_model(fields, InvalidRequest("model is required"), exists)
    turns: list[Fields] = fields.get("messages", [])
    action = _action(fields, empty=not turns)
    _check_think(fields, model, known, action)
    if action != "unload":
        _check_kind(model, known, "chat")
    options = _options(fields, action)
    wanted = _format(fields, action)
    messages = conversation(turns)
    tools = read_tools(fields.get("tools", ())) if action == "answer" else ()
    request = _request(fields, model, messages, options, wanted, tools)
    return OllamaChat(request, fields.get("stream", True), action, _unsupported(fields, action))


def parse_generate(body: bytes, exists: Exists = any_model) -> OllamaGenerate:
    """Read a body of /api/generate. Raises `ServerError` with Ollama's status and text."""
    fields = read_body(body, GENERATE)
    model, known = checked_model(fields, ModelNotFound(model_not_found_text("")), exists)
    action = _action(fields, empty=not fields.get("prompt"))
    raw: bool = fields.get("raw", False)
    if action != "unload" and raw and any(fields.get(key) for key in ("template", "system", "context")):
        raise InvalidRequest("raw mode does not support template, system, or context")
    _check_think(fields, model, known, action)
    suffix: str = fields.get("suffix", "")
    if action != "unload":
        _check_kind(model, known, "generate")
        check_insert(suffix, model, known)
    options = _options(fields, action)
    wanted = _format(fields, action)
    messages = continued(fields) if action == "answer" else ()
    request = _request(fields, model, messages, options, wanted)
    unsupported = _unsupported(fields, action)
    return OllamaGenerate(replace(request, raw=raw, suffix=suffix), fields.get("stream", True), action, unsupported)


def parse_show(body: bytes) -> OllamaShow:
    """Read a body of /api/show. Raises `InvalidRequest`."""
    fields = read_body(body, SHOW)
    model = fields.get("model") or fields.get("name") or ""
    if not model:
        raise InvalidRequest("model is required")
    check_name(model, cloud_off=CLOUD_OFF_SHOW)
    return OllamaShow(model, fields.get("system", ""), fields.get("options", {}))


def _action(fields: Fields, *, empty: bool) -> Action:
    if not empty:
        return "answer"
    return "unload" if fields.get("keep_alive") == 0 else "load"


def _check_think(fields: Fields, model: str, known: Known | None, action: Action) -> None:
    if action != "unload" and fields.get("think") and known is not None and "thinking" not in known.capabilities:
        raise InvalidRequest(thoughtless_text(model))


def _check_kind(model: str, known: Known | None, what: str) -> None:
    if known is not None and "completion" not in known.capabilities:
        raise InvalidRequest(f"{quote(model)} does not support {what}")


def _options(fields: Fields, action: Action) -> Options:
    """An unload has none, not even wrong ones."""
    return Options() if action == "unload" else read_options(fields.get("options", {}))


def _format(fields: Fields, action: Action) -> JsonFormat | None:
    """A bad format is Ollama's own fault (500): it finds it late, and only if there is something to answer."""
    wanted = fields.get("format", "")
    if wanted == "" or action != "answer":
        return None
    if wanted == "json":
        return JsonFormat()
    if type(wanted) is Object:
        return JsonFormat(plain(wanted))
    raise ServerError(
        f'invalid format: {quote(written(wanted))}; expected "json" or a valid JSON Schema object',
        fault="client",
        should_retry=False,
    )


def _request(
    fields: Fields,
    model: str,
    messages: tuple[Message, ...],
    options: Options,
    wanted: JsonFormat | None,
    tools: tuple[Tool, ...] = (),
) -> ChatRequest:
    return ChatRequest(
        model,
        messages,
        options=options,
        think=fields.get("think"),
        format=wanted,
        truncate=fields.get("truncate", True),
        keep_alive=fields.get("keep_alive"),
        tools=tools,
    )


def _unsupported(fields: Fields, action: Action) -> tuple[str, ...]:
    if action != "answer":
        return ()
    names = unsupported_options(fields.get("options", {}))
    names += [name for name in _UNSUPPORTED if fields.get(name)]
    if fields.get("tool_choice", "auto") != "auto":
        names.append("tool_choice")
    return tuple(names)
