"""The tools of /v1/responses. Functions are flat here, and may stand in a namespace: in ``ns``, ``f`` is ``ns.f``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Tool, ToolChoice
from proxy.wire import tools as common
from proxy.wire.body import Object, plain
from proxy.wire.fields import Fields, Place, Reader, Struct, anything, list_of, shaped, string, taking, typed


@taking({"type": "object"})
def _parameters(value: Any, at: Place) -> Any:
    if type(value) is not Object:
        at.mismatch(value, "map[string]interface {}")
    return value


_FUNCTION: dict[str, Reader] = {
    "type": string,
    "name": string,
    "description": string,
    "parameters": _parameters,
    "strict": anything,
}
_FLAT_OR_NESTED: dict[str, Reader] = {**_FUNCTION, "function": Struct("openai.ResponsesFunction", _FUNCTION)}
_MEMBERS = list_of(Struct("openai.ResponsesTool", _FLAT_OR_NESTED), "[]openai.ResponsesTool", null=dict)
_TOOL = Struct("openai.ResponsesTool", {**_FLAT_OR_NESTED, "tools": _MEMBERS})
TOOLS = list_of(_TOOL, "[]openai.ResponsesTool", null=dict)
CHOICE = shaped({"anyOf": [{"enum": ["auto", "none", "required"]}, typed("function", name=string)]})
"""A `tool_choice`; `read_choice` looks into it."""


@dataclass(frozen=True, slots=True)
class Offered:
    """The `tools`, under their full names, and the namespace of each full name that has one.

    `unsupported` names those that were left out, because nobody here serves their types.
    """

    tools: tuple[Tool, ...]
    namespaces: Mapping[str, str]
    unsupported: tuple[str, ...]


def read_tools(offered: Sequence[Fields]) -> Offered:
    """What `TOOLS` has read. Raises `InvalidRequest` for a tool without a name."""
    found: list[tuple[str, str, Fields]] = []
    for index, each in enumerate(offered):
        at = f"tools[{index}]"
        if each.get("type") != "namespace":
            found.append((at, "", each))
            continue
        space: str = each.get("name", "")
        if not space:
            raise InvalidRequest(f"{at} has no name")
        found += [(f"{at}.tools[{inner}]", space, member) for inner, member in enumerate(each.get("tools", ()))]
    tools: list[Tool] = []
    namespaces: dict[str, str] = {}
    for at, space, fields in found:
        if fields.get("type", "") in common.FUNCTION_TYPES:
            tools.append(_function(fields, at, space))
            if space:
                namespaces[tools[-1].name] = space
    unsupported = common.unserved((fields for _, _, fields in found), common.FUNCTION_TYPES)
    return Offered(tuple(tools), namespaces, unsupported)


def read_choice(value: Any, tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    """A decoded `tool_choice`, None if there is none; the name of a function is flat. Raises `InvalidRequest`."""
    wanted = dict(value) if type(value) is Object else {}
    name, space = wanted.get("name"), wanted.get("namespace")
    if type(name) is str:
        function = Object((("name", full_name(space if type(space) is str else "", name)),))
        value = Object((("type", wanted.get("type")), ("function", function)))
    return common.read_choice(value, tools, parallel=parallel)


def full_name(space: str, name: str) -> str:
    """What the function `name` of the namespace `space`, if any, is called."""
    return f"{space}.{name}" if space and name else name


def _function(fields: Fields, at: str, space: str) -> Tool:
    function: Fields = fields | fields.get("function", {})
    name: str = function.get("name", "")
    if not name:
        raise InvalidRequest(f"{at} has no name")
    schema = plain(function.get("parameters", Object()))
    return Tool(full_name(space, name), function.get("description", ""), schema)
