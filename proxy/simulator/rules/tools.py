"""Tool definitions and tool_choice."""

import re
from typing import Any

from proxy.simulator.body import Body
from proxy.simulator.errors import invalid
from proxy.simulator.rules.fields import one_of, take, typed

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_COMPOSITIONS = ("oneOf", "allOf", "anyOf")


def check_tools(body: Body) -> None:
    """The tools, and the choice among them."""
    names: set[str] = set()
    for index, tool in enumerate(typed(body.get("tools", []), list, "tools")):
        name = _tool(typed(tool, dict, f"tools.{index}"), f"tools.{index}")
        if name in names:
            raise invalid("tools: Tool names must be unique.")
        names.add(name)
    if "tool_choice" in body:
        _choice(body["tool_choice"], names)


def _tool(tool: dict[str, Any], where: str) -> str:
    """A tool's name. Tools with a `type` of their own run at Anthropic and have no schema."""
    name: str = take(tool, "name", str, f"{where}.custom.")
    if not _NAME.fullmatch(name):
        raise invalid(f"{where}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if tool.get("type") not in (None, "custom"):
        return name
    if tool.get("description") is not None:
        typed(tool["description"], str, f"{where}.custom.description")
    schema = take(tool, "input_schema", dict, f"{where}.custom.")
    if found := [word for word in _COMPOSITIONS if word in schema]:
        raise invalid(
            f"{where}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level "
            f"(found {found[0]})"
        )
    if "type" not in schema:
        raise invalid(f"{where}.custom.input_schema.type: Field required")
    one_of(schema["type"], ("object",), f"{where}.custom.input_schema.type")
    return name


def _choice(choice: object, names: set[str]) -> None:
    chosen = typed(choice, dict, "tool_choice")
    kind = take(chosen, "type", str, "tool_choice.")
    one_of(kind, ("auto", "any", "tool", "none"), "tool_choice.type")
    if not names and kind != "none":
        raise invalid("tool_choice may only be specified while providing tools")
    if kind == "tool" and take(chosen, "name", str, "tool_choice.tool.") not in names:
        raise invalid(f"Tool '{chosen['name']}' not found in provided tools")
