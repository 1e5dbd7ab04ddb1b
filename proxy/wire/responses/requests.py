"""Bodies of /v1/responses, as values.

Faults come in the order: the body, what would need a memory of earlier requests, the input, the format, the reasoning
effort, the tools, top_logprobs, the model's name, whether it exists (`exists`). What no model here does is named in
`unsupported`. Nothing is stored, whatever `store` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, JsonFormat, Options
from proxy.wire.body import Object, plain
from proxy.wire.fields import (
    SCHEMA,
    UNSET,
    Fields,
    Place,
    Reader,
    Struct,
    anything,
    boolean,
    integer,
    number,
    read_body,
    shaped,
    string,
    taking,
)
from proxy.wire.openai.options import EFFORT, PENALTIES, asks_verbosity, penalties, read_effort, read_penalties
from proxy.wire.options import positive
from proxy.wire.requests import TOP_LOGPROBS, Exists, any_model, checked_model
from proxy.wire.responses.items import INPUT, conversation
from proxy.wire.responses.tools import CHOICE, TOOLS, Offered, read_choice, read_tools
from proxy.wire.syntax import EOF

SPELLINGS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_output_tokens",
    "think": "reasoning.effort",
    "format": "text.format",
}
"""What this dialect calls the fields of the core's `ChatRequest` and `Options`."""

_FORMATS = ("text", "json_object", "json_schema")
_OF_MEMORY = ("previous_response_id", "conversation")


@dataclass(frozen=True, slots=True)
class Responses:
    """A body of /v1/responses. `echo` are the members of the response object that repeat it; `namespaces` has the
    namespace of each tool that stands in one, by its full name."""

    request: ChatRequest
    stream: bool
    unsupported: tuple[str, ...]
    echo: Mapping[str, Any]
    namespaces: Mapping[str, str]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


def _kept(reader: Reader) -> Reader:
    """A reader of a pair: the value as it was decoded, and what `reader` makes of it."""

    @taking(reader)
    def read(value: Any, at: Place) -> tuple[Any, Any]:
        return value, reader(value, at)

    return read


_FORMAT = Struct("openai.ResponsesTextFormat", {"type": string, "name": string, "schema": SCHEMA})
REQUEST = Struct(
    "openai.ResponsesRequest",
    {
        "model": string,
        "name": string,
        "input": INPUT,
        "instructions": string,
        "stream": boolean,
        "max_output_tokens": integer,
        "temperature": number,
        "top_p": number,
        "top_logprobs": TOP_LOGPROBS,
        **PENALTIES,
        "reasoning": Struct("openai.ResponsesReasoning", {"effort": EFFORT, "summary": string}),
        "text": Struct("openai.ResponsesText", {"format": _kept(_FORMAT), "verbosity": anything}),
        "tools": _kept(TOOLS),
        "tool_choice": CHOICE,
        "parallel_tool_calls": boolean,
        "truncation": string,
        "background": shaped({"const": False}, boolean),
        "previous_response_id": UNSET,
        "conversation": UNSET,
        "prompt": UNSET,
        "metadata": anything,
        "user": string,
        "safety_identifier": string,
        "prompt_cache_key": string,
    },
    needed=("model", "input"),
)


def parse_response(body: bytes, exists: Exists = any_model) -> Responses:
    """Read a body of /v1/responses. Raises `ServerError`."""
    fields = read_body(body, REQUEST, empty=EOF)
    _check_stateless(fields)
    messages = conversation(fields.get("input"), fields.get("instructions", ""))
    wanted = _format(fields)
    think = read_effort(fields.get("reasoning", {}).get("effort", ""))
    offered: Offered = read_tools(fields.get("tools", ((), ()))[1])
    parallel = fields.get("parallel_tool_calls", True)
    choice = read_choice(fields.get("tool_choice"), offered.tools, parallel=parallel)
    model, _known = checked_model(fields, InvalidRequest("model is required"), exists)
    request = ChatRequest(
        model,
        messages,
        options=Options(
            temperature=fields.get("temperature"),
            top_p=fields.get("top_p"),
            max_tokens=positive(fields.get("max_output_tokens")),
            others=read_penalties(fields),
        ),
        think=think,
        format=wanted,
        truncate=fields.get("truncation", "auto") != "disabled",
        tools=offered.tools,
        tool_choice=choice,
    )
    stream = fields.get("stream", False)
    unsupported = (*_unsupported(fields), *offered.unsupported)
    return Responses(request, stream, unsupported, _echo(fields, request), offered.namespaces)


def _check_stateless(fields: Fields) -> None:
    for name in _OF_MEMORY:
        if name in fields:
            raise InvalidRequest(f"{name} is not supported: send the whole conversation as input")
    if fields.get("background"):
        raise InvalidRequest("background is not supported: stay for the answer")
    if "prompt" in fields:
        raise InvalidRequest("prompt is not supported: no templates are stored here, send instructions and input")


def _format(fields: Fields) -> JsonFormat | None:
    _, wanted = fields.get("text", {}).get("format", (None, {}))
    match wanted.get("type"):
        case "json_object":
            return JsonFormat()
        case "json_schema":
            schema = wanted.get("schema")
            if type(schema) is not Object:
                raise InvalidRequest("text.format: json_schema needs a schema object")
            return JsonFormat(plain(schema))
    return None


def _unsupported(fields: Fields) -> tuple[str, ...]:
    names = penalties(fields)
    if fields.get("top_logprobs"):
        names.append("top_logprobs")
    text: Fields = fields.get("text", {})
    _, wanted = text.get("format", (None, {}))
    if wanted.get("type", "text") not in _FORMATS:
        names.append("text.format")
    if asks_verbosity(text.get("verbosity")):
        names.append("text.verbosity")
    return tuple(names)


def _echo(fields: Fields, request: ChatRequest) -> dict[str, Any]:
    """Clients expect every member, also of what was not asked for: those have OpenAI's defaults."""
    reasoning: Fields = fields.get("reasoning", {})
    text: Fields = fields.get("text", {})
    wanted, _ = text.get("format", (None, None))
    tools, _ = fields.get("tools", ([], ()))
    options = request.options
    return {
        "background": False,
        "frequency_penalty": fields.get("frequency_penalty", 0),
        "instructions": fields.get("instructions"),
        "max_output_tokens": options.max_tokens,
        "max_tool_calls": None,
        "metadata": plain(fields.get("metadata", {})),
        "parallel_tool_calls": request.tool_choice.parallel,
        "presence_penalty": fields.get("presence_penalty", 0),
        "previous_response_id": None,
        "prompt_cache_key": fields.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": fields.get("safety_identifier"),
        "service_tier": "default",
        "store": False,
        "temperature": 1 if options.temperature is None else options.temperature,
        "text": {"format": {"type": "text"} if wanted is None else plain(wanted)},
        "tool_choice": plain(fields.get("tool_choice", "auto")),
        "tools": plain(tools),
        "top_logprobs": 0,
        "top_p": 1 if options.top_p is None else options.top_p,
        "truncation": "auto" if request.truncate else "disabled",
        "user": fields.get("user"),
    }
