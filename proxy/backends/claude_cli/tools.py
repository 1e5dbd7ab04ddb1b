"""The client's tools as a process knows them: an MCP server spoken over the control channel. Pure.

A process is told its tools once, for good, and the model sees them under the client's own names, as far as the API
takes those. The CLI asks the server for a tool's result as soon as the model has called it, one call at a time: the
question waits here until the client's next request brings the result.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from proxy.backends.claude_cli.codec import JsonObject, McpAsk, encode_mcp, encode_refusal
from proxy.core.errors import InvalidRequest
from proxy.core.request import Text, Tool, ToolResult

SERVER = "client"
"""The server's name, which the CLI may put in front of the tools' names."""

PREFIX = f"mcp__{SERVER}__"

LONGEST_RESULT = 400_000
"""UTF-16 units of a result that a waiting process takes as it is; the CLI would keep a longer one in a file."""

_ALLOWED_RESULT = 500_000
# Characters; the most that a tool can be allowed.

_TAKEN = frozenset({"Agent", "ToolSearch"})
# Names of the CLI's own that it keeps to itself, also where those tools are off.

_INVISIBLE = frozenset({"Cf", "Co", "Cn"})
# Unicode categories of the characters that the CLI takes out of what it is told of tools.

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAME_LENGTH = 64
_DIGEST_BYTES = 4


@dataclass(frozen=True, slots=True)
class Naming:
    """How the API spells the names of tools: behind a `prefix`, and never as one of the `reserved`."""

    prefix: str = ""
    reserved: frozenset[str] = frozenset()

    def api_name(self, name: str) -> str:
        """What the API calls the client's tool `name`: the same wherever it can, else always the same other one."""
        room = _NAME_LENGTH - len(self.prefix)
        if _NAME.fullmatch(name) and len(name) <= room and name not in self.reserved and name not in _TAKEN:
            return self.prefix + name
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9_-]", "_", name)[: room - len(digest) - 1]
        return f"{self.prefix}{readable}_{digest}"


PLAIN = Naming()
"""The client's own names."""


@dataclass(frozen=True, slots=True)
class ToolSet:
    """The tools that a process was told: `listing` is the JSON of what the server lists.

    `names` are pairs: what the API calls a tool, and what the client does. `exact` are the tools as the API has to get
    them, where the CLI would pass on something else.
    """

    listing: str
    names: tuple[tuple[str, str], ...]
    exact: tuple[JsonObject, ...] = field(default=(), compare=False)


def tool_set(tools: Sequence[Tool], naming: Naming, description_limit: int) -> ToolSet | None:
    """The tools as a process is told them, None for none; of a description it takes so many characters.

    Raises `InvalidRequest` for two names that the API cannot tell apart.
    """
    if not tools:
        return None
    names = [(naming.api_name(tool.name), tool.name) for tool in tools]
    if len(dict(names)) < len(names):
        raise InvalidRequest("the names of two tools are too much alike")
    listed = [
        _listed(name.removeprefix(naming.prefix), tool, description_limit)
        for (name, _), tool in zip(names, tools, strict=True)
    ]
    listing = json.dumps(listed, separators=(",", ":"))
    kept = "\\u" not in listing or _is_kept(json.dumps(listed, ensure_ascii=False))
    changed = not kept or any(len(tool.description) > description_limit for tool in tools)
    # The CLI's own tools are not ours to tell the API of.
    exact = exact_tools(tools, naming) if changed and not naming.reserved else ()
    return ToolSet(listing, tuple(names), exact)


def exact_tools(tools: Sequence[Tool], naming: Naming) -> tuple[JsonObject, ...]:
    """The tools as the API takes them, in full."""
    return tuple(
        {"name": naming.api_name(tool.name), "description": tool.description, "input_schema": dict(tool.schema)}
        for tool in tools
    )


def _is_kept(text: str) -> bool:
    """Whether the CLI passes on what it is told of tools as it is: it normalises it, and takes invisible characters
    out."""
    visible = not any(unicodedata.category(char) in _INVISIBLE for char in set(text))
    return visible and unicodedata.is_normalized("NFKC", text)


def _listed(name: str, tool: Tool, limit: int) -> JsonObject:
    description, schema = tool.description, tool.schema
    if len(description) > limit:
        # The CLI would cut it off there. The model reads the schema as well, whose own description has no limit.
        cut = max(description.rfind(" ", limit // 2, limit - len(_GOES_ON)), limit // 2)
        description, rest = description[:cut] + _GOES_ON, description[cut:]
        own = schema.get("description")
        schema = {**schema, "description": f"{_REST}{rest}" + (f"\n\n{own}" if isinstance(own, str) else "")}
    return {
        "name": name,
        "description": description,
        "inputSchema": schema,
        "_meta": {"anthropic/maxResultSizeChars": _ALLOWED_RESULT},
    }


_GOES_ON = " ... (goes on in the description of the input schema)"
_REST = "(the tool's description goes on) ..."


class ToolServer:
    """The server of one process: answers what the CLI asks of it, and keeps the calls that have no result yet."""

    def __init__(self, tools: ToolSet) -> None:
        self.tools = tools
        self.listed = False
        self._asked: dict[str, McpAsk] = {}
        self._results: dict[str, str] = {}

    def take(self, ask: McpAsk) -> bytes | None:
        """The line that answers `ask`; None while that has to wait for the client."""
        match ask.message.get("method"):
            case "initialize":
                return encode_mcp(ask, json.dumps(_introduction(ask.message)))
            case "tools/list":
                self.listed = True
                return encode_mcp(ask, f'{{"tools":{self.tools.listing}}}')
            case "tools/call":
                return self._call(ask)
            case "ping":
                return encode_mcp(ask, "{}")
            case str(method) if method.startswith("notifications/"):
                return encode_mcp(ask, "{}")
            case _:
                return encode_refusal(ask)

    def waits_for(self, call_id: str) -> bool:
        """The CLI has asked for the result of this call, and goes on as soon as it has it."""
        return call_id in self._asked

    def answer(self, results: Iterable[ToolResult]) -> list[bytes]:
        """The lines that give the CLI what it has asked for; the other results are kept until it asks."""
        self._results |= {result.call_id: json.dumps(_content(result)) for result in results}
        waiting = [call_id for call_id in self._asked if call_id in self._results]
        return [encode_mcp(self._asked.pop(call_id), self._results.pop(call_id)) for call_id in waiting]

    def forget(self) -> None:
        """Drop every call: the turn that made them is over."""
        self._asked.clear()
        self._results.clear()

    def _call(self, ask: McpAsk) -> bytes | None:
        call_id = call_of(ask.message)
        if call_id in self._results:
            return encode_mcp(ask, self._results.pop(call_id))
        self._asked[call_id] = ask
        return None


def call_of(message: Mapping[str, Any]) -> str:
    """The id of the model's call that a `tools/call` is for; empty when the CLI does not say."""
    parameters = message.get("params")
    meta = parameters.get("_meta") if isinstance(parameters, dict) else None
    return str(meta.get("claudecode/toolUseId", "")) if isinstance(meta, dict) else ""


def arrives_unchanged(result: ToolResult) -> bool:
    """Whether a waiting process passes `result` on as it is: measured, and checked by the probe."""
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    # A byte order mark is a blank as well, for the CLI.
    said = len(texts) == len(result.parts) and all(text.replace("\ufeff", "").strip() for text in texts)
    return bool(texts) and said and not result.error and sum(map(_units, texts)) <= LONGEST_RESULT


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _content(result: ToolResult) -> JsonObject:
    return {"content": [{"type": "text", "text": part.text} for part in result.parts if isinstance(part, Text)]}


def _introduction(message: Mapping[str, Any]) -> JsonObject:
    parameters = message.get("params")
    version = parameters.get("protocolVersion") if isinstance(parameters, dict) else None
    return {
        "protocolVersion": version or "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": SERVER, "version": "1"},
    }
