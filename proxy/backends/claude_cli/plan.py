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
    """A process as the plan sees it. `setup` is None until it was told one; `idle_since` is monotonic seconds."""

    state: State
    setup: Setup | None = None
    idle_since: float = 0.0


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
    """`assign`: pairs of indices, request and process. `evict`: processes to stop. `boot`: how many to boot."""

    assign: tuple[tuple[int, int], ...] = ()
    evict: tuple[int, ...] = ()
    boot: int = 0


def plan(processes: Sequence[View], waiting: Sequence[Setup], limits: Limits, *, quiet: bool) -> Plan:
    """Serve the waiting requests in their order; then, when it is `quiet`, fill up the spares one at a time.

    A request takes a clean process that was told the same setup, the one used last, else a spare. Requests that stay
    without one have processes booted for them, in the place of clean ones if need be, the longest idle first. Quiet
    means that no request waits for its first token, which a boot beside it would delay.
    """
    free = {index for index, view in enumerate(processes) if view.state in (State.CLEAN, State.SPARE)}
    assign: list[tuple[int, int]] = []
    for request, setup in enumerate(waiting):
        chosen = _choose(processes, free, setup)
        if chosen is not None:
            free.discard(chosen)
            assign.append((request, chosen))
    booting = _count(processes, State.BOOTING)
    unserved = len(waiting) - len(assign)
    if unserved:
        wanted = min(unserved, limits.boots) - booting
    else:
        spares = sum(processes[index].state is State.SPARE for index in free)
        wanted = 1 if quiet and not booting and spares < limits.spares else 0
    if wanted <= 0:
        return Plan(tuple(assign))
    room = limits.processes - len(processes)
    stopping = _count(processes, State.STOPPING)
    clean = sorted((i for i in free if processes[i].state is State.CLEAN), key=lambda i: processes[i].idle_since)
    evict = clean[: max(0, wanted - max(0, room) - stopping)]
    return Plan(tuple(assign), tuple(evict), max(0, min(wanted, room)))


def _choose(processes: Sequence[View], free: Iterable[int], setup: Setup) -> int | None:
    same = [i for i in free if processes[i].state is State.CLEAN and processes[i].setup == setup]
    if same:
        return max(same, key=lambda i: processes[i].idle_since)
    return min((i for i in free if processes[i].state is State.SPARE), default=None)


def _count(processes: Sequence[View], state: State) -> int:
    return sum(view.state is state for view in processes)
