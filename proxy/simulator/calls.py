"""Which offered tool an answer calls, and with what: chosen by the words of the user's message."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from proxy.simulator.body import Body, encode
from proxy.simulator.schema import minimal_value
from proxy.simulator.script import ToolUse

# The CLI's own tool for structured output; the real model always calls it.
STRUCTURED_OUTPUT = "StructuredOutput"

_GENERIC = frozenset({"get", "set", "current", "tool", "call", "the", "mcp", "client", "list", "find", "search"})
_PLACE = re.compile(r"\b(?:in|for|at|of|to|from|with)\s+((?:[A-Z][\w'’-]*\s?)+|\"[^\"]+\")")
_QUOTED = re.compile(r"[\"“']([^\"”']+)[\"”']")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def choose_calls(body: Body, text: str) -> list[ToolUse]:
    """The calls that the model makes now, several when the message names several tools; often none."""
    tools = {tool["name"]: tool for tool in body.get("tools") or () if "input_schema" in tool}
    choice = body.get("tool_choice") or {}
    kind = choice.get("type", "auto")
    if kind == "none" or not tools:
        return []
    if kind == "tool":
        names = [choice["name"]]
    else:
        names = sorted((name for name in tools if _is_named(name, text)), key=lambda name: text.find(_bare(name)))
        if STRUCTURED_OUTPUT in tools:
            names = [STRUCTURED_OUTPUT]
        if kind == "any" and not names:
            names = list(tools)[:1]
    if choice.get("disable_parallel_tool_use"):
        names = names[:1]
    return [
        ToolUse(call_id(body, index), name, arguments(tools[name]["input_schema"], text))
        for index, name in enumerate(names)
    ]


def call_id(body: Body, index: int) -> str:
    """An id for a call: the same for the same conversation, different at every place in it."""
    digest = hashlib.blake2b(encode(body["messages"]) + bytes([index % 256]), digest_size=11)
    return f"toolu_01{digest.hexdigest()}"


def full_name(body: Body, name: str) -> str:
    """The offered tool's name for `name`, which may lack an MCP prefix; `name` itself when none is offered."""
    offered = [tool["name"] for tool in body.get("tools") or ()]
    return next((tool for tool in offered if tool == name or tool.endswith(f"__{name}")), name)


def arguments(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Arguments for a tool: the required properties, or all when none is; filled from the text where it can be."""
    properties = schema.get("properties") or {}
    numbers = _NUMBER.findall(text)
    filled = {}
    for name in schema.get("required") or list(properties):
        wanted = properties.get(name, {})
        filled[name] = _argument(wanted, text, numbers)
        if filled[name] is None:
            filled[name] = minimal_value(wanted, schema)
    return filled


def _argument(wanted: Mapping[str, Any], text: str, numbers: list[str]) -> Any:
    """A value for one property out of the text; None when the text holds none. Takes from `numbers`."""
    if options := wanted.get("enum"):
        return next((option for option in options if str(option).lower() in text.lower()), None)
    match wanted.get("type"):
        case "integer" | "number" if numbers:
            number = float(numbers.pop(0))
            return int(number) if number == int(number) else number
        case "string" if "format" not in wanted and "const" not in wanted:
            found = _PLACE.search(text) or _QUOTED.search(text)
            return found[1].strip(' "') if found else None
    return None


def _is_named(name: str, text: str) -> bool:
    """Whether the text speaks of the tool: by its name, or by a telling word of a name of several."""
    bare = _bare(name)
    if re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", text) and (
        "_" in bare or re.search(r"\b(call|use)\b", text, re.I)
    ):
        return True
    words = [word for word in re.split(r"[_-]+", bare.lower()) if len(word) > 3 and word not in _GENERIC]
    spoken = set(re.findall(r"\w+", text.lower()))
    return len(re.split(r"[_-]+", bare)) > 1 and any(word in spoken for word in words)


def _bare(name: str) -> str:
    """The name without an MCP prefix."""
    return name.rsplit("__", 1)[-1]
