"""The tools of /v1/messages, and the choice among them. Tools that Anthropic runs or defines are left out."""

from collections.abc import Sequence
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Tool, ToolChoice
from proxy.wire.body import Object, plain
from proxy.wire.fields import SCHEMA, Fields, Place, Struct, anything, boolean, list_of, string
from proxy.wire.gotext import quote
from proxy.wire.tools import WISHES, unserved

TOOLS = list_of(
    Struct(
        "anthropic.Tool",
        {"type": string, "name": string, "description": string, "input_schema": SCHEMA}
        | dict.fromkeys(WISHES, anything),
        needed=("name",),
    ),
    "[]anthropic.Tool",
    null=dict,
)
CHOICE = Struct("anthropic.ToolChoice", {"type": string, "name": string, "disable_parallel_tool_use": boolean})

_TYPES = ("", "custom")


def read_tools(offered: Sequence[Fields]) -> tuple[Tool, ...]:
    """The client's own tools of what `TOOLS` has read, in order. Raises `InvalidRequest`."""
    return tuple(_tool(index, each) for index, each in enumerate(offered) if each.get("type", "") in _TYPES)


def unsupported_tools(offered: Sequence[Fields]) -> tuple[str, ...]:
    """By name, the tools that were left out."""
    return unserved(offered, _TYPES)


def read_choice(wanted: Fields, tools: Sequence[Tool]) -> ToolChoice:
    """What `CHOICE` has read, empty if there is none. Raises `InvalidRequest`, also for what `tools` cannot do."""
    parallel = not wanted.get("disable_parallel_tool_use", False)
    kind, name = wanted.get("type", "auto" if not wanted else ""), wanted.get("name", "")
    match kind:
        case "auto" | "none":
            return ToolChoice(kind, parallel=parallel)
        case "any":
            if not tools:
                raise InvalidRequest('tool_choice "any" needs tools')
            return ToolChoice("required", parallel=parallel)
        case "tool":
            if all(tool.name != name for tool in tools):
                raise InvalidRequest(f"tool_choice names {quote(name)}, which is not among the tools")
            return ToolChoice("named", name, parallel)
    raise InvalidRequest(f'invalid tool_choice type {quote(kind)}: expected "auto", "any", "tool" or "none"')


def _tool(index: int, fields: Fields) -> Tool:
    name: str = fields.get("name", "")
    if not name:
        raise InvalidRequest(f"tools[{index}] has no name")
    return Tool(name, fields.get("description", ""), _schema(name, fields.get("input_schema", Object())))


def _schema(name: str, value: Any) -> Any:
    if type(value) is not Object:
        at = Place()
        at.mismatch(value, "api.ToolFunctionParameters")
        try:
            at.check()
        except InvalidRequest as error:
            raise InvalidRequest(f"invalid input_schema for tool {quote(name)}: {error.message}") from None
    return plain(value)
