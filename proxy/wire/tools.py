"""Tools in requests: those that a client offers, its choice among them, and the calls of an earlier answer.

A tool's name and schema are taken as they are: whether a model takes them is not the dialect's affair. Tools that the
APIs' own servers run, or that have no schema, are no tools here.
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Role, Tool, ToolCall, ToolChoice
from proxy.wire.body import Object, object_in, plain, written
from proxy.wire.fields import Fields, Place, Struct, anything, shaped, string, taking, typed
from proxy.wire.gotext import quote


@taking({"type": "object"})
def _parameters(value: Any, at: Place) -> Any:
    if type(value) is not Object:
        at.mismatch(value, "api.ToolFunctionParameters")
    return value


TOOL = Struct(
    "api.Tool",
    {
        "type": string,
        "function": Struct(
            "api.ToolFunction",
            {"name": string, "description": string, "parameters": _parameters, "strict": anything},
            needed=("name",),
        ),
    },
    needed=("function",),
)
CHOICE = shaped(
    {
        "anyOf": [
            {"enum": ["auto", "none", "required"]},
            typed("function", function={"type": "object", "properties": {"name": string}, "required": ["name"]}),
        ]
    }
)
"""A `tool_choice`; `read_choice` looks into it."""

FUNCTION_TYPES = ("", "function")
"""The types of a tool that `TOOL` reads."""

WISHES = ("strict", "input_examples")
"""What the APIs take of a tool, and the CLI has no way to tell them.

That a tool is not loaded at first (`defer_loading`) changes nothing that a client could see.
"""

_VERSION = re.compile(r"_\d{8}|_\d{4}_\d\d_\d\d")
# What the APIs have beyond the client's own functions, without the dates of their versions. Any other type is reported
# under one name: a client must not be able to fill headers and counters with names of its own making.
_UNSERVED = frozenset(
    {
        "advisor",
        "apply_patch",
        "bash",
        "browser_toolset",
        "code_execution",
        "code_interpreter",
        "computer",
        "computer_toolset",
        "computer_use_preview",
        "custom",
        "file_search",
        "image_generation",
        "local_shell",
        "mcp",
        "mcp_toolset",
        "memory",
        "programmatic_tool_calling",
        "shell",
        "text_editor",
        "tool_search",
        "tool_search_tool_bm25",
        "tool_search_tool_regex",
        "web_fetch",
        "web_search",
        "web_search_preview",
    }
)
_CHOICES = '"auto", "none", "required" or {"type":"function","function":{"name":"..."}}'


def read_tools(offered: Sequence[Fields]) -> tuple[Tool, ...]:
    """The tools that `TOOL` has read, in order. Raises `InvalidRequest` for one without a name or of another type."""
    for index, each in enumerate(offered):
        kind: str = each.get("type", "")
        if kind not in FUNCTION_TYPES:
            raise InvalidRequest(f'tools[{index}] is of type {quote(kind)}: only "function" is supported')
    return read_functions(offered)


def read_functions(offered: Sequence[Fields]) -> tuple[Tool, ...]:
    """Those of the tools that `TOOL` has read that are functions, in order. Raises `InvalidRequest`."""
    functions = ((index, each) for index, each in enumerate(offered) if each.get("type", "") in FUNCTION_TYPES)
    return tuple(_tool(index, each) for index, each in functions)


def unserved(offered: Iterable[Fields], served: Container[str]) -> tuple[str, ...]:
    """By name, the tools `offered` that are of no type that is `served` (``tools.web_search``), and what is asked for
    of the others in vain (``tools.strict``)."""
    names: list[str] = []
    for each in offered:
        kind: str = each.get("type", "")
        if kind in served:
            names += (name for name in WISHES if (each.get("function") or each).get(name))
        else:
            family = _VERSION.sub("", kind)
            names.append(family if family in _UNSERVED else "other")
    return tuple(dict.fromkeys(f"tools.{name}" for name in names))


def read_choice(value: Any, tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    """A decoded `tool_choice`, None if there is none. Raises `InvalidRequest`, also for what the `tools` cannot do."""
    wanted = dict(value) if type(value) is Object else {"type": value}
    mode = wanted.get("type")
    if value is None or mode == "auto":
        return ToolChoice("auto", parallel=parallel)
    if mode == "none":
        return ToolChoice("none", parallel=parallel)
    if mode == "required":
        if not tools:
            raise InvalidRequest('tool_choice "required" needs tools')
        return ToolChoice("required", parallel=parallel)
    name = _named(wanted)
    if not name:
        raise InvalidRequest(f"invalid tool_choice: {written(value)}; expected {_CHOICES}")
    if all(tool.name != name for tool in tools):
        raise InvalidRequest(f"tool_choice names {quote(name)}, which is not among the tools")
    return ToolChoice("named", name, parallel)


def read_calls(role: Role, sent: Sequence[Fields]) -> tuple[ToolCall, ...]:
    """The `tool_calls` of an earlier message; an `id` may be missing, `arguments` are read. Raises `InvalidRequest`."""
    if sent and role != "assistant":
        raise InvalidRequest(f"tool_calls belong to the assistant's messages, not to the {role}'s")
    return tuple(map(_call, sent))


def read_arguments(value: Any) -> dict[str, Any] | None:
    """The arguments of a call: an object, or a string that holds one or nothing. None for anything else.

    Raises `InvalidRequest` for an object that `plain` refuses.
    """
    if type(value) is str:
        value = object_in(value) if value else Object()
    return plain(value) if type(value) is Object else None


def _call(fields: Fields) -> ToolCall:
    function: Fields = fields.get("function", {})
    name: str = function.get("name", "")
    if not name:
        raise InvalidRequest("a tool call needs the name of its function")
    return ToolCall(fields.get("id", ""), name, function.get("arguments", {}))


def _tool(index: int, fields: Fields) -> Tool:
    function: Fields = fields.get("function", {})
    name: str = function.get("name", "")
    if not name:
        raise InvalidRequest(f"tools[{index}] has no function name")
    return Tool(name, function.get("description", ""), plain(function.get("parameters", Object())))


def _named(wanted: Fields) -> str:
    function = wanted.get("function")
    name = dict(function).get("name") if type(function) is Object else None
    return name if wanted.get("type") == "function" and type(name) is str else ""
