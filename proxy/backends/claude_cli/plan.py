"""What the pool should do next. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a process is in its life; `docs/lifecycle.md` draws it."""

    BOOTING = "booting"
    SPARE = "spare"
    LEASED = "leased"
    SETTLING = "settling"
    CLEAN = "clean"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is told once, for good: its system prompt, None for none."""

    system: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A process as the plan sees it. `setup` is None until it was told one; `since` is when its state began."""

    state: State
    setup: Setup | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`spares`: processes kept booted and untold. `processes`: the most there may be at once, in any state.

    `boots`: the most that boot at the same time while requests wait for them.
    """

    spares: int
    processes: int
    boots: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`assign`: pairs of indices, request and process. `evict`: processes to stop. `boot`: how many to boot.

    `held`: how many requests were left waiting for a process that is nearly clean; look again after `SETTLE_PATIENCE`.
    """

    assign: tuple[tuple[int, int], ...] = ()
    evict: tuple[int, ...] = ()
    boot: int = 0
    held: int = 0


SETTLE_PATIENCE = 0.1
"""Seconds that a request waits for a used process to become clean, before it takes a spare.

A used process answers several times sooner than a spare, and is mostly clean again after a few hundredths of a second:
so a client that asks one thing after another stays on one process.
"""


def plan(processes: Sequence[View], waiting: Sequence[Setup], limits: Limits, *, quiet: bool, now: float) -> Plan:
    """Serve the waiting requests in their order; then, when it is `quiet`, fill up the spares one at a time.

    A request takes a clean process that was told the same setup, the one used last, else a spare. Requests that stay
    without one have processes booted for them. What is booted takes the place of clean processes if need be, the
    longest idle first. Quiet means that no request waits for its first token, which a boot beside it would delay.
    """
    free = {index for index, view in enumerate(processes) if view.state in (State.CLEAN, State.SPARE)}
    settling = {
        index
        for index, view in enumerate(processes)
        if view.state is State.SETTLING and now - view.since < SETTLE_PATIENCE
    }
    assign: list[tuple[int, int]] = []
    held = 0
    for request, setup in enumerate(waiting):
        chosen = _latest(processes, free, State.CLEAN, setup)
        nearly = _latest(processes, settling, State.SETTLING, setup)
        if chosen is None and nearly is not None:
            settling.discard(nearly)
            held += 1
            continue
        if chosen is None:
            chosen = min((index for index in free if processes[index].state is State.SPARE), default=None)
        if chosen is not None:
            free.discard(chosen)
            assign.append((request, chosen))
    room = limits.processes - len(processes)
    booting = _count(processes, State.BOOTING)
    unserved = len(waiting) - len(assign) - held
    if unserved:
        wanted = min(unserved, limits.boots) - booting
    else:
        spares = sum(processes[index].state is State.SPARE for index in free)
        wanted = 1 if quiet and not booting and spares < limits.spares else 0
        # A spare may take the place of a used process, but not of the last one.
        if room <= 0 and _count(processes, State.CLEAN) <= 1:
            wanted = 0
    if wanted <= 0:
        return Plan(tuple(assign), held=held)
    stopping = _count(processes, State.STOPPING)
    clean = sorted((i for i in free if processes[i].state is State.CLEAN), key=lambda i: processes[i].since)
    evict = clean[: max(0, wanted - max(0, room) - stopping)]
    return Plan(tuple(assign), tuple(evict), max(0, min(wanted, room)), held)


def _latest(processes: Sequence[View], among: Iterable[int], state: State, setup: Setup) -> int | None:
    """Of the processes in `state` that were told `setup`, the one whose state began last."""
    same = [index for index in among if processes[index].state is state and processes[index].setup == setup]
    return max(same, key=lambda index: processes[index].since, default=None)


def _count(processes: Sequence[View], state: State) -> int:
    return sum(view.state is state for view in processes)
