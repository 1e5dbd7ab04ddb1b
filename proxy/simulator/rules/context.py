"""context_management: what the API is asked to clear out of a long conversation."""

from collections.abc import Mapping

from proxy.simulator.body import Body
from proxy.simulator.errors import invalid
from proxy.simulator.rules.fields import only, take, typed

CLEAR_THINKING = "clear_thinking_20251015"

_EDITS: Mapping[str, tuple[str, ...]] = {
    CLEAR_THINKING: ("type", "keep"),
    "clear_tool_uses_20250919": ("type", "trigger", "keep", "clear_at_least", "clear_tool_inputs", "exclude_tools"),
    "compact_20260112": ("type", "trigger", "instructions", "pause_after_compaction"),
}


def check_context(body: Body, *, thinks: bool) -> None:
    """The edits: known ones, and none that clears thinking where the model does not think."""
    context = body.get("context_management")
    if context is None:
        return
    only(typed(context, dict, "context_management"), ("edits",), "context_management.")
    for index, edit in enumerate(typed(context.get("edits", []), list, "context_management.edits")):
        where = f"context_management.edits.{index}"
        kind = take(typed(edit, dict, where), "type", str, f"{where}.")
        if kind not in _EDITS:
            raise invalid(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
        only(edit, _EDITS[kind], f"{where}.{kind}.")
        if kind == CLEAR_THINKING and not thinks:
            raise invalid(f"`{CLEAR_THINKING}` strategy requires `thinking` to be enabled or adaptive")
