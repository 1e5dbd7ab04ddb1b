"""Thinking that is sent back."""

from typing import Any

from proxy.simulator.binding import unbound
from proxy.simulator.body import Body
from proxy.simulator.errors import invalid
from proxy.simulator.models import Model
from proxy.simulator.rules.fields import one_of, only, typed

MISMATCHES = ("error", "drop_block")


def check_block_binding(thinking: dict[str, Any], where: str) -> None:
    """The shape of `thinking.block_binding`."""
    if thinking.get("block_binding") is None:
        return
    where = f"{where}block_binding"
    binding = typed(thinking["block_binding"], dict, where)
    only(binding, ("prefix_mismatch_behavior",), f"{where}.")
    if binding.get("prefix_mismatch_behavior") is not None:
        one_of(binding["prefix_mismatch_behavior"], MISMATCHES, f"{where}.prefix_mismatch_behavior")


def check_bound_thinking(body: Body, model: Model) -> None:
    """Refuse a thinking block of another conversation, on the models that look, unless it may be dropped.

    Rule and words: platform.claude.com docs, "Fix a thinking block bound to a different conversation".
    """
    binding = body.get("thinking", {}).get("block_binding") or {}
    if not model.binds_thinking or binding.get("prefix_mismatch_behavior") == "drop_block":
        return
    if where := unbound(body):
        raise invalid(
            f"{where}: Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
            'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
        )
