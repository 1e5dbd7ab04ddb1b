"""cache_control: its shape, its number, the order of lifetimes."""

from collections.abc import Iterator
from typing import Any

from proxy.simulator.body import Block, Body, blocks_of, placed_blocks
from proxy.simulator.errors import invalid
from proxy.simulator.rules.fields import one_of, take, typed

MAX_BREAKPOINTS = 4


def check_caching(body: Body) -> None:
    """Every `cache_control` of a request: at most four, the longer-lived first.

    platform.claude.com docs, prompt caching.
    """
    found = 0
    lifetimes: list[str] = []
    for where, block in _cacheable(body):
        control = block.get("cache_control")
        if control is None:
            continue
        found += 1
        lifetimes.append(_lifetime(control, f"{where}.cache_control"))
        if block.get("type") in ("thinking", "redacted_thinking"):
            raise invalid(f"{where}.{block['type']}.cache_control: Extra inputs are not permitted")
    if body.get("cache_control") is not None:
        found += 1
        # It stands for one on the last block.
        lifetimes.append(_lifetime(body["cache_control"], "cache_control"))
    if found > MAX_BREAKPOINTS:
        raise invalid(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}.")
    # In the alphabet, too, "1h" is before "5m".
    if lifetimes != sorted(lifetimes):
        raise invalid(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
            "Note that blocks are processed in the following order: `tools`, `system`, `messages`."
        )


def _lifetime(control: Any, where: str) -> str:
    one_of(take(typed(control, dict, where), "type", str, f"{where}."), ("ephemeral",), f"{where}.type")
    lifetime: str = control.get("ttl", "5m")
    one_of(lifetime, ("5m", "1h"), f"{where}.ephemeral.ttl")
    return lifetime


def _cacheable(body: Body) -> Iterator[tuple[str, Block]]:
    for index, tool in enumerate(body.get("tools") or ()):
        yield f"tools.{index}", tool
    for index, block in enumerate(blocks_of(body.get("system"))):
        yield f"system.{index}", block
    yield from placed_blocks(body)
