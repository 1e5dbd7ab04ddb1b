"""The CLI's stream-json: one JSON object a line, both ways. Pure.

`decode` turns a line of the CLI into one of the outputs below; whatever it does not know becomes `Other`, since unknown
types are never an error. Corrupt lines raise `CorruptLine`. The `encode_*` functions make the lines that go in.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orjson import JSONDecodeError, loads

JsonObject = dict[str, Any]

SYNTHETIC_MODEL = "<synthetic>"
"""The model that the CLI names on messages it made up itself: errors that look like answers."""

_NOTHING: Mapping[str, Any] = {}


class CorruptLine(ValueError):
    """A line that is not a JSON object."""


@dataclass(slots=True)  # there is one for each token, and frozen ones take twice as long to make
class ApiEvent:
    """A raw event of the Messages API, as the CLI relays it."""

    event: JsonObject


@dataclass(frozen=True, slots=True)
class ControlReply:
    """The CLI's answer to a control request of ours; `error` is set when it refused."""

    request_id: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ControlAsk:
    """A control request that the CLI makes of us and that has to be answered."""

    request_id: str
    subtype: str


@dataclass(frozen=True, slots=True)
class McpAsk:
    """A message of the Model Context Protocol from the CLI to a tool server of ours; `message` is its JSON-RPC."""

    request_id: str
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TurnBegins:
    """The CLI begins a turn; `tools` are the names of those that it offers to the model."""

    tools: frozenset[str]


@dataclass(frozen=True, slots=True)
class Retry:
    """The CLI is about to repeat a failed API request. `delay` is in seconds."""

    delay: float
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What the CLI says of a failed API request, from a synthetic message or from the result.

    `text` is for people. `status` and `error_type` are the API's; `code` is the CLI's own word for the kind, `cause`
    for the circumstance, such as ``connection_failed`` or ``prompt_too_long``. `resets_at` is in Unix seconds.
    """

    text: str
    code: str = ""
    status: int | None = None
    error_type: str = ""
    cause: str = ""
    resets_at: int | None = None
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a turn in the CLI, exactly one each; `failure` is set when it says that it failed.

    `cost` is what its process has cost since it began, in US dollars, as the CLI writes it.
    """

    subtype: str
    failure: Failure | None = None
    cost: object = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The model refused; `explanation` is the API's, when it gives one."""

    explanation: str


@dataclass(frozen=True, slots=True)
class Said:
    """A finished block of the answer, as the process now holds it: a block of the Messages API."""

    block: JsonObject

    @property
    def kind(self) -> str:
        """The block's type."""
        return str(self.block.get("type"))


@dataclass(frozen=True, slots=True)
class Other:
    """A line that says nothing we need; `kind` is its type."""

    kind: str


Output = ApiEvent | ControlReply | ControlAsk | McpAsk | TurnBegins | Retry | Failure | Result | Refused | Said | Other


def decode(line: bytes) -> Output:
    """One line of the CLI's output. Raises `CorruptLine`."""
    try:
        value = loads(line)
    except JSONDecodeError:
        value = _lenient(line)
    if type(value) is not dict:
        raise CorruptLine(f"the CLI wrote a line that is not a JSON object: {line[:80]!r}")
    kind = value.get("type")
    if kind == "stream_event":
        event = value.get("event")
        # Some lines carry a field `event` that is a string; subagents' events are not this conversation's.
        if type(event) is dict and value.get("parent_tool_use_id") is None:
            return ApiEvent(event)
        return Other("stream_event")
    match kind:
        case "assistant":
            return _assistant(value)
        case "result":
            return _result(value)
        case "control_response":
            return _control_reply(_mapping(value.get("response")))
        case "control_request":
            return _control_ask(str(value.get("request_id")), _mapping(value.get("request")))
        case "system":
            return _system(value)
        case _:
            return Other(str(kind))


def _lenient(line: bytes) -> object:
    # orjson refuses lone surrogates, which a delta that splits an emoji may carry as escapes.
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except ValueError as error:
        raise CorruptLine(f"the CLI wrote a line that is not JSON: {line[:80]!r}") from error
    except RecursionError as error:
        raise CorruptLine("the CLI wrote a line of JSON that is nested too deeply") from error


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _assistant(value: JsonObject) -> Output:
    message = _mapping(value.get("message"))
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if message.get("model") != SYNTHETIC_MODEL:
        if len(blocks) != 1 or value.get("parent_tool_use_id") is not None:
            return Other("assistant")
        return Said(blocks[0])
    limits = _mapping(_mapping(value.get("api_error_params")).get("rate_limit_info"))
    return Failure(
        text="".join(str(block.get("text", "")) for block in blocks),
        code=str(value.get("error") or ""),
        status=_integer(value.get("api_error_status")),
        error_type=str(value.get("api_error_type") or ""),
        cause=str(value.get("api_error") or ""),
        resets_at=_integer(limits.get("resetsAt")),
        refusal=message.get("stop_reason") == "refusal",
    )


def _result(value: JsonObject) -> Result:
    subtype = str(value.get("subtype") or "")
    if not value.get("is_error"):
        return Result(subtype, cost=value.get("total_cost_usd"))
    failure = Failure(
        text=str(value.get("result") or subtype),
        status=_integer(value.get("api_error_status")),
        error_type=str(value.get("api_error_type") or ""),
        cause=str(value.get("api_error") or value.get("terminal_reason") or ""),
    )
    return Result(subtype, failure, value.get("total_cost_usd"))


def _control_reply(response: Mapping[str, Any]) -> Output:
    request_id = str(response.get("request_id"))
    if response.get("subtype") == "success":
        return ControlReply(request_id, _mapping(response.get("response")))
    return ControlReply(request_id, error=str(response.get("error") or "refused"))


def _control_ask(request_id: str, request: Mapping[str, Any]) -> Output:
    subtype = str(request.get("subtype"))
    if subtype == "mcp_message":
        return McpAsk(request_id, _mapping(request.get("message")))
    return ControlAsk(request_id, subtype)


def _system(value: JsonObject) -> Output:
    match value.get("subtype"):
        case "init":
            tools = value.get("tools")
            return TurnBegins(frozenset(map(str, tools)) if isinstance(tools, list) else frozenset())
        case "api_retry":
            delay = value.get("retry_delay_ms")
            seconds = delay / 1000 if isinstance(delay, int | float) and math.isfinite(delay) else 0.0
            return Retry(seconds, _integer(value.get("error_status")), str(value.get("error") or ""))
        case "model_refusal_no_fallback":
            return Refused(str(value.get("api_refusal_explanation") or ""))
        case subtype:
            return Other(f"system/{subtype}")


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def encode_control(request_id: str, subtype: str, **fields: object) -> bytes:
    """A control request of ours; the CLI answers it with a `ControlReply` of the same `request_id`."""
    return _line(
        {"type": "control_request", "request_id": request_id, "request": {"subtype": subtype, **fields}},
    )


def encode_refusal(ask: ControlAsk | McpAsk) -> bytes:
    """The answer to a control request of the CLI that we do not serve."""
    subtype = ask.subtype if isinstance(ask, ControlAsk) else "mcp_message"
    response = {"subtype": "error", "request_id": ask.request_id, "error": f"{subtype} is not supported"}
    return _line({"type": "control_response", "response": response})


def encode_mcp(ask: McpAsk, result: str) -> bytes:
    """The answer to a message of the Model Context Protocol; one without an id is only acknowledged.

    `result` is JSON of ASCII characters: it may be large, and is made once.
    """
    request_id, message_id = json.dumps(ask.request_id), json.dumps(ask.message.get("id", 0))
    rpc = f'{{"jsonrpc":"2.0","id":{message_id},"result":{result}}}'
    response = f'{{"subtype":"success","request_id":{request_id},"response":{{"mcp_response":{rpc}}}}}'
    return f'{{"type":"control_response","response":{response}}}\n'.encode("ascii")


def encode_user(uuid: str, content: Sequence[JsonObject], *, ask: bool) -> bytes:
    """A user message; `ask` False only adds it to the conversation. `uuid` names it for `rewind_conversation`."""
    line: JsonObject = {
        "type": "user",
        "uuid": uuid,
        "message": {"role": "user", "content": [*content, _VERBATIM]},
        "parent_tool_use_id": None,
        "session_id": "default",
    }
    if not ask:
        line["shouldQuery"] = False
    return _line(line)


_VERBATIM: JsonObject = {"type": "text", "text": " "}
# The CLI reads slash commands and file mentions in the last text block alone. This one, which it drops before the API,
# takes their place, so that what a client wrote is sent verbatim.


def encode_assistant(uuid: str, message_id: str, model: str, content: Sequence[JsonObject]) -> bytes:
    """An earlier answer. Each needs a `message_id` of its own, or the CLI merges neighbours."""
    message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": list(content)}
    return _line(
        {"type": "assistant", "uuid": uuid, "message": message, "parent_tool_use_id": None, "session_id": "default"},
    )


def _line(value: JsonObject) -> bytes:
    # The standard library's encoder, because text may hold lone surrogates, which orjson refuses.
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
