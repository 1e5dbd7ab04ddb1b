"""Bodies of /v1/chat/completions, as values.

Faults come in Ollama's order: the body, empty messages, the messages one by one, stop strings, the format, the
reasoning effort, the tools, top_logprobs, the model's name, whether it exists (`exists`, as in the other dialect).
Beyond Ollama: `max_completion_tokens`, `top_k`, `tool_choice` and `parallel_tool_calls` count, more than one choice and
sound are refused, and what no model here does is named in `unsupported`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, JsonFormat, Think
from proxy.wire.body import Object, plain
from proxy.wire.fields import SCHEMA, TEXTS, Fields, Struct, anything, boolean, integer, list_of, read_body, string
from proxy.wire.openai.messages import MESSAGES, conversation
from proxy.wire.openai.options import (
    EFFORT,
    ONE,
    SAMPLING,
    asks_verbosity,
    check_one,
    penalties,
    read_effort,
    read_sampling,
)
from proxy.wire.requests import TOP_LOGPROBS, Exists, any_model, checked_model
from proxy.wire.syntax import EOF
from proxy.wire.tools import CHOICE, FUNCTION_TYPES, TOOL, read_choice, read_functions, unserved

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

# Reported when they hold anything at all.
_SWITCHES = ("functions", "function_call", "logprobs", "top_logprobs", "logit_bias", "prediction", "audio")
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


REQUEST = Struct(
    "openai.ChatCompletionRequest",
    {
        "model": string,
        "name": string,
        "messages": MESSAGES,
        "stream": boolean,
        "stream_options": Struct("openai.StreamOptions", {"include_usage": boolean}),
        **SAMPLING,
        "max_completion_tokens": integer,
        "n": ONE,
        "modalities": TEXTS,
        "response_format": Struct(
            "openai.ResponseFormat",
            {"type": string, "json_schema": Struct("openai.JsonSchema", {"schema": SCHEMA})},
        ),
        "tools": list_of(TOOL, "[]api.Tool", null=dict),
        "tool_choice": CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": Struct("openai.Reasoning", {"effort": EFFORT}),
        "reasoning_effort": EFFORT,
        "logprobs": boolean,
        "top_logprobs": TOP_LOGPROBS,
        "functions": anything,
        "function_call": anything,
        "logit_bias": anything,
        "prediction": anything,
        "audio": anything,
        "web_search_options": anything,
        "verbosity": anything,
    },
    needed=("model", "messages"),
)


def parse_chat_completion(body: bytes, exists: Exists = any_model) -> OpenAIChat:
    """Read a body of /v1/chat/completions. Raises `ServerError`."""
    fields = read_body(body, REQUEST, empty=EOF)
    turns: list[Fields] = fields.get("messages", [])
    if not turns:
        raise InvalidRequest("[] is too short - 'messages'")
    messages = conversation(turns)
    check_one(fields, "n")
    _check_modalities(fields.get("modalities"))
    options = read_sampling(fields)
    wanted = _format(fields.get("response_format", {}))
    think = _think(fields)
    tools = read_functions(fields.get("tools", ()))
    choice = read_choice(fields.get("tool_choice"), tools, parallel=fields.get("parallel_tool_calls", True))
    model, _known = checked_model(fields, InvalidRequest("model is required"), exists)
    request = ChatRequest(model, messages, options=options, think=think, format=wanted, tools=tools, tool_choice=choice)
    include_usage = fields.get("stream_options", {}).get("include_usage", False)
    return OpenAIChat(request, fields.get("stream", False), include_usage, _unsupported(fields))


def _check_modalities(modalities: Any) -> None:
    if type(modalities) is list and "audio" in modalities:
        raise InvalidRequest("audio output is not supported")


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
    return read_effort(fields.get("reasoning", {}).get("effort") or fields.get("reasoning_effort") or "")


def _unsupported(fields: Fields) -> tuple[str, ...]:
    names = penalties(fields)
    names += [name for name in _SWITCHES if fields.get(name)]
    if fields.get("response_format", {}).get("type", "text") not in _FORMATS:
        names.append("response_format")
    if "web_search_options" in fields:
        names.append("web_search_options")
    if asks_verbosity(fields.get("verbosity")):
        names.append("verbosity")
    return (*names, *unserved(fields.get("tools", ()), FUNCTION_TYPES))
