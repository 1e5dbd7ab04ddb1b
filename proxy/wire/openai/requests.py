"""Bodies of /v1/chat/completions, as values.

Faults come in Ollama's order: the body, empty messages, the messages one by one, stop strings, the format, the
reasoning effort, the tools, top_logprobs, the model's name, whether it exists (`exists`, as in the other dialect).
Beyond Ollama: `max_completion_tokens`, `top_k`, `tool_choice` and `parallel_tool_calls` count, more than one choice is
refused, and what no model here does is named in `unsupported`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, JsonFormat, Options, Think
from proxy.wire.body import Object, plain
from proxy.wire.fields import Fields, Struct, anything, boolean, integer, list_of, number, read_body, string
from proxy.wire.gotext import quote, type_name
from proxy.wire.openai.messages import MESSAGES, conversation
from proxy.wire.options import asks, positive, stop_strings
from proxy.wire.requests import Exists, any_model, checked_model
from proxy.wire.syntax import EOF
from proxy.wire.tools import TOOL, read_choice, read_tools

SPELLINGS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop",
    "max_tokens": "max_tokens",
    "think": "reasoning_effort",
    "format": "response_format",
}
"""What this dialect calls the fields of the core's `ChatRequest` and `Options`."""

_EFFORTS: Mapping[str, Think | None] = {
    "": None,
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "ultra": "max",
    "max": "max",
}
_EFFORT_CHOICES = '"minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"'
_SAMPLING = ("seed", "frequency_penalty", "presence_penalty")
# Reported when they hold anything at all.
_SWITCHES = ("functions", "logprobs", "top_logprobs", "logit_bias", "prediction", "audio")
_FORMATS = ("text", "json_object", "json_schema")


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """A body of /v1/chat/completions."""

    request: ChatRequest
    stream: bool
    include_usage: bool
    unsupported: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


_REQUEST = Struct(
    "openai.ChatCompletionRequest",
    {
        "model": string,
        "name": string,
        "messages": MESSAGES,
        "stream": boolean,
        "stream_options": Struct("openai.StreamOptions", {"include_usage": boolean}),
        "max_tokens": integer,
        "max_completion_tokens": integer,
        "n": integer,
        "seed": integer,
        "stop": anything,
        "temperature": number,
        "top_p": number,
        "top_k": integer,
        "frequency_penalty": number,
        "presence_penalty": number,
        "response_format": Struct(
            "openai.ResponseFormat",
            {"type": string, "json_schema": Struct("openai.JsonSchema", {"schema": anything})},
        ),
        "tools": list_of(TOOL, "[]api.Tool", null=dict),
        "tool_choice": anything,
        "parallel_tool_calls": boolean,
        "reasoning": Struct("openai.Reasoning", {"effort": string}),
        "reasoning_effort": string,
        "logprobs": boolean,
        "top_logprobs": integer,
        "functions": anything,
        "logit_bias": anything,
        "prediction": anything,
        "audio": anything,
        "web_search_options": anything,
    },
)


def parse_chat_completion(body: bytes, exists: Exists = any_model) -> OpenAIChat:
    """Read a body of /v1/chat/completions. Raises `ServerError`."""
    fields = read_body(body, _REQUEST, empty=EOF)
    turns: list[Fields] = fields.get("messages", [])
    if not turns:
        raise InvalidRequest("[] is too short - 'messages'")
    messages = conversation(turns)
    if fields.get("n", 1) > 1:
        raise InvalidRequest("n must be 1: every request has one choice")
    options = _options(fields)
    wanted = _format(fields.get("response_format", {}))
    think = _think(fields)
    tools = read_tools(fields.get("tools", ()))
    choice = read_choice(fields.get("tool_choice"), tools, parallel=fields.get("parallel_tool_calls", True))
    model = checked_model(fields, InvalidRequest("model is required"), exists)
    request = ChatRequest(model, messages, options=options, think=think, format=wanted, tools=tools, tool_choice=choice)
    include_usage = fields.get("stream_options", {}).get("include_usage", False)
    return OpenAIChat(request, fields.get("stream", False), include_usage, _unsupported(fields))


def _options(fields: Fields) -> Options:
    """`max_completion_tokens` is the newer name and counts when both are given."""
    return Options(
        temperature=fields.get("temperature"),
        top_p=fields.get("top_p"),
        top_k=positive(fields.get("top_k")),
        stop=_stop(fields.get("stop", [])),
        max_tokens=positive(fields.get("max_completion_tokens")) or positive(fields.get("max_tokens")),
    )


def _stop(value: Any) -> tuple[str, ...]:
    values = value if type(value) is list else [value]
    for each in values:
        if type(each) is not str:
            raise InvalidRequest(f"invalid type for 'stop' field: {type_name(each)}")
    return stop_strings(values)


def _format(response_format: Fields) -> JsonFormat | None:
    match response_format.get("type"):
        case "json_object":
            return JsonFormat()
        case "json_schema":
            schema = response_format.get("json_schema", {}).get("schema")
            if type(schema) is not Object:
                raise InvalidRequest("response_format: json_schema needs a schema object")
            return JsonFormat(plain(schema))
    return None


def _think(fields: Fields) -> Think | None:
    effort: str = fields.get("reasoning", {}).get("effort") or fields.get("reasoning_effort") or ""
    if effort not in _EFFORTS:
        raise InvalidRequest(f"invalid reasoning value: {quote(effort)} (must be {_EFFORT_CHOICES})")
    return _EFFORTS[effort]


def _unsupported(fields: Fields) -> tuple[str, ...]:
    names = [name for name in _SAMPLING if asks(name, fields.get(name))]
    names += [name for name in _SWITCHES if fields.get(name)]
    if fields.get("response_format", {}).get("type", "text") not in _FORMATS:
        names.append("response_format")
    if "web_search_options" in fields:
        names.append("web_search_options")
    return tuple(names)
