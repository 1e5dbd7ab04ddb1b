"""Bodies of /v1/chat/completions, as values.

Faults come in Ollama's order: the body, empty messages, the messages one by one, the reasoning effort, top_logprobs,
the model's name, whether it exists (`exists`, as in the other dialect). Beyond Ollama: `max_completion_tokens` counts,
more than one choice is refused, and what is asked for in vain is named in `unsupported`.
"""

from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Image, Message, Text
from proxy.wire.body import Object
from proxy.wire.fields import Fields, Struct, anything, boolean, integer, list_of, number, read_body, string
from proxy.wire.gotext import quote, type_name
from proxy.wire.images import image_from_url
from proxy.wire.options import asks, token_limit
from proxy.wire.requests import ROLES, TOOL, Exists, any_model, checked_model
from proxy.wire.syntax import EOF

_EFFORTS = frozenset({"", "minimal", "low", "medium", "high", "xhigh", "ultra", "max", "none"})
_EFFORT_CHOICES = '"minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"'
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "stop")
# Reported when they hold anything at all.
_SWITCHES = (
    "tools",
    "functions",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "prediction",
    "audio",
)


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
_REQUEST = Struct(
    "openai.ChatCompletionRequest",
    {
        "model": string,
        "name": string,
        "messages": list_of(_MESSAGE, "[]openai.Message", null=dict),
        "stream": boolean,
        "stream_options": Struct("openai.StreamOptions", {"include_usage": boolean}),
        "max_tokens": integer,
        "max_completion_tokens": integer,
        "n": integer,
        "seed": integer,
        "stop": anything,
        "temperature": number,
        "top_p": number,
        "frequency_penalty": number,
        "presence_penalty": number,
        "response_format": Struct("openai.ResponseFormat", {"type": string}),
        "tools": list_of(TOOL, "[]api.Tool", null=dict),
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
    messages = tuple(map(_message, turns))
    if fields.get("n", 1) > 1:
        raise InvalidRequest("n must be 1: every request has one choice")
    effort = _effort(fields)
    model = checked_model(fields, InvalidRequest("model is required"), exists)
    stream_options = fields.get("stream_options", {})
    unsupported = list(_unsupported(fields, effort))
    if any(turn.get("tool_calls") for turn in turns):
        unsupported.append("tool_calls")
    request = ChatRequest(model, messages, max_tokens=_max_tokens(fields))
    return OpenAIChat(
        request, fields.get("stream", False), stream_options.get("include_usage", False), tuple(unsupported)
    )


def _max_tokens(fields: Fields) -> int | None:
    """`max_completion_tokens` is the newer name and counts when both are given."""
    return token_limit(fields.get("max_completion_tokens", 0)) or token_limit(fields.get("max_tokens", 0))


def _effort(fields: Fields) -> str:
    effort: str = fields.get("reasoning", {}).get("effort") or fields.get("reasoning_effort") or ""
    if effort not in _EFFORTS:
        raise InvalidRequest(f"invalid reasoning value: {quote(effort)} (must be {_EFFORT_CHOICES})")
    return effort


def _message(fields: Fields) -> Message:
    role = fields.get("role", "").lower()
    if role in ("tool", "function"):
        raise InvalidRequest(f'messages with role "{role}" are not supported yet')
    content = fields.get("content")
    parts: tuple[Text | Image, ...] = ()
    if type(content) is str:
        parts = (Text(content),) if content else ()
    elif type(content) is list:
        parts = tuple(part for part in map(_part, content) if part != Text(""))
    elif not (content is None and "tool_calls" in fields):
        raise InvalidRequest(f"invalid message content type: {type_name(content)}")
    return Message(ROLES.get(role, "user"), parts)


def _part(part: Any) -> Text | Image:
    if type(part) is not Object:
        raise InvalidRequest("invalid message format")
    members = dict(part)
    match members.get("type"):
        case "text":
            return Text(_string(members.get("text")))
        case "image_url":
            url = members.get("image_url")
            return image_from_url(_string(dict(url).get("url") if type(url) is Object else url))
    raise InvalidRequest("invalid message format")


def _string(value: Any) -> str:
    if type(value) is not str:
        raise InvalidRequest("invalid message format")
    return value


def _unsupported(fields: Fields, effort: str) -> list[str]:
    names = [name for name in _SAMPLING if asks(name, fields.get(name))]
    names += [name for name in _SWITCHES if fields.get(name)]
    if fields.get("response_format", {}).get("type", "text") != "text":
        names.append("response_format")
    if "web_search_options" in fields:
        names.append("web_search_options")
    if effort not in ("", "none"):
        names.append("reasoning_effort")
    return names
