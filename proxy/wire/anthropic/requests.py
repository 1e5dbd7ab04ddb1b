"""Bodies of /v1/messages and /v1/messages/count_tokens, as values.

Faults come in Ollama's order: the body, the model's name, `max_tokens`, empty messages, the system prompt, the messages
one by one, the tools; then what Ollama does not read: the choice among them, the effort, the format, stop strings; last
whether the model exists (`exists`, as in the other dialects). What means nothing here (`metadata`, `service_tier`,
`cache_control` and the like) is taken in silence; what asks for something that no model here does is in `unsupported`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, JsonFormat, Options, Think, ThinkLevel
from proxy.wire.anthropic.blocks import CONTENT
from proxy.wire.anthropic.messages import MESSAGES, conversation, unsupported_content
from proxy.wire.anthropic.tools import CHOICE, TOOLS, read_choice, read_tools, unsupported_tools
from proxy.wire.body import Object, plain
from proxy.wire.fields import (
    SCHEMA,
    UNSET,
    Fields,
    Struct,
    anything,
    boolean,
    integer,
    list_of,
    number,
    read_body,
    shaped,
    string,
)
from proxy.wire.gotext import quote
from proxy.wire.names import check_name
from proxy.wire.options import positive, stop_strings
from proxy.wire.requests import Exists, any_model
from proxy.wire.syntax import EOF

SPELLINGS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop_sequences",
    "max_tokens": "max_tokens",
    "think": "thinking",
    "format": "output_config.format",
}
"""What this dialect calls the fields of the core's `ChatRequest` and `Options`."""

_EFFORTS: Mapping[str, ThinkLevel] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_EFFORT_CHOICES = '"low", "medium", "high", "xhigh" or "max"'


@dataclass(frozen=True, slots=True)
class AnthropicMessages:
    """A body of /v1/messages, or of its count_tokens."""

    request: ChatRequest
    stream: bool
    unsupported: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


_EFFORT = shaped({"enum": list(_EFFORTS)}, string)
_FORMAT = Struct("anthropic.OutputFormat", {"type": shaped({"const": "json_schema"}, string), "schema": SCHEMA})
REQUEST = Struct(
    "anthropic.MessagesRequest",
    {
        "model": string,
        "max_tokens": shaped({"type": "integer", "minimum": 1}, integer),
        "messages": MESSAGES,
        "system": CONTENT,
        "stream": boolean,
        "temperature": number,
        "top_p": number,
        "top_k": integer,
        "stop_sequences": list_of(string, "[]string", null=str),
        "tools": TOOLS,
        "tool_choice": CHOICE,
        "thinking": Struct("anthropic.ThinkingConfig", {"type": string, "budget_tokens": integer, "display": string}),
        "output_config": Struct("anthropic.OutputConfig", {"effort": _EFFORT, "format": _FORMAT}),
        "output_format": _FORMAT,
        "mcp_servers": anything,
        "thread": UNSET,
    },
    needed=("model", "max_tokens", "messages"),
)
COUNT = replace(REQUEST, needed=("model", "messages"))


def parse_messages(body: bytes, exists: Exists = any_model) -> AnthropicMessages:
    """Read a body of /v1/messages. Raises `ServerError`."""
    return _parsed(body, exists, REQUEST)


def parse_count_tokens(body: bytes, exists: Exists = any_model) -> AnthropicMessages:
    """Read a body of /v1/messages/count_tokens: the same, only that it needs no `max_tokens`. Raises `ServerError`."""
    return _parsed(body, exists, COUNT)


def _parsed(body: bytes, exists: Exists, struct: Struct) -> AnthropicMessages:
    fields = read_body(body, struct, empty=EOF)
    model: str = fields.get("model", "")
    if not model:
        raise InvalidRequest("model is required")
    if fields.get("thread"):
        raise _no_threads()
    if "max_tokens" in struct.needed and fields.get("max_tokens", 0) <= 0:
        raise InvalidRequest("max_tokens is required and must be positive")
    turns: list[Fields] = fields.get("messages", [])
    if not turns:
        raise InvalidRequest("messages is required")
    messages = conversation(fields.get("system", []), turns)
    tools = read_tools(fields.get("tools", ()))
    choice = read_choice(fields.get("tool_choice", {}), tools)
    think = _think(fields)
    wanted = _format(fields)
    options = _options(fields)
    check_name(model)
    exists(model)
    request = ChatRequest(
        model,
        messages,
        options=options,
        think=think,
        think_hidden=fields.get("thinking", {}).get("display") == "omitted",
        think_budget=positive(fields.get("thinking", {}).get("budget_tokens")) if think else None,
        format=wanted,
        tools=tools,
        tool_choice=choice,
    )
    return AnthropicMessages(request, fields.get("stream", False), _unsupported(fields, turns))


def _no_threads() -> InvalidRequest:
    """In the words that let Anthropic's library send the whole conversation instead."""
    details = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    text = "thread is not supported: nothing is stored here, send the whole conversation"
    return InvalidRequest(text, should_retry=False, details=details)


def _options(fields: Fields) -> Options:
    return Options(
        temperature=fields.get("temperature"),
        top_p=fields.get("top_p"),
        top_k=positive(fields.get("top_k")),
        stop=stop_strings(fields.get("stop_sequences", ())),
        max_tokens=positive(fields.get("max_tokens")),
    )


def _think(fields: Fields) -> Think | None:
    """An effort says how much is thought, unless nothing is to be. Without one, any other `thinking` is simply on."""
    effort: str = fields.get("output_config", {}).get("effort", "")
    if effort and effort not in _EFFORTS:
        raise InvalidRequest(f"invalid output_config.effort {quote(effort)}: expected {_EFFORT_CHOICES}")
    kind: str = fields.get("thinking", {}).get("type", "")
    if kind == "disabled":
        return False
    if effort:
        return _EFFORTS[effort]
    return True if kind else None


def _format(fields: Fields) -> JsonFormat | None:
    """`output_config.format`, whose name was `output_format` while it was new."""
    wanted: Fields = fields.get("output_config", {}).get("format") or fields.get("output_format") or {}
    if not wanted:
        return None
    kind: str = wanted.get("type", "")
    if kind != "json_schema":
        raise InvalidRequest(f'invalid output_config.format type {quote(kind)}: expected "json_schema"')
    schema = wanted.get("schema")
    if type(schema) is not Object:
        raise InvalidRequest("output_config.format: json_schema needs a schema object")
    return JsonFormat(plain(schema))


def _unsupported(fields: Fields, turns: list[Fields]) -> tuple[str, ...]:
    names = (*unsupported_content(turns), *unsupported_tools(fields.get("tools", ())))
    return (*names, "mcp_servers") if fields.get("mcp_servers") else names
