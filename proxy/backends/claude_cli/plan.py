"""What the pool should do next. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from proxy.backends.claude_cli.conversations import Conversation
from proxy.backends.claude_cli.tools import ToolSet


class State(Enum):
    """Where a process is in its life; `docs/lifecycle.md` draws it."""

    BOOTING = "booting"
    SPARE = "spare"
    LEASED = "leased"
    SETTLING = "settling"
    LIVE = "live"
    CLEAN = "clean"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is, for good: its system prompt and the client's tools, which it is told once, None for none.

    `builtin` are the tools of the CLI's own with which it was booted.
    """

    system: str | None = None
    tools: ToolSet | None = None
    builtin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs: a process that was told `setup`, best one that holds `history` already."""

    setup: Setup = Setup()
    history: Conversation | None = None

    def held_by(self, process: "View") -> bool:
        """The request can go on with what `process` holds."""
        return self.history is not None and process.conversation == self.history and process.setup == self.setup


@dataclass(frozen=True, slots=True)
class View:
    """A process as the plan sees it. `setup` is None until it was told one; `since` is when its state began. It was
    booted with the `builtin` tools.

    `conversation` is what it holds, or, while it settles, what it is going to hold; None for nothing. It `waits`
    for the results of the calls that this ends with.
    """

    state: State
    setup: Setup | None = None
    since: float = 0.0
    conversation: Conversation | None = None
    waits: bool = False
    builtin: tuple[str, ...] = ()


SETTLE_PATIENCE = 0.1
"""`Limits.patience` where nothing else is wanted, in seconds.

A used process answers several times sooner than a spare, and is mostly ready again after a few hundredths of a second:
so a client that asks one thing after another stays on one process.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """`spares`: processes kept booted and untold. `processes`: the most there may be at once, in any state.

    `boots`: the most that boot at the same time while requests wait for them. `conversations`: the most kept live.
    `stateless`: a used process takes any request, but that it keeps a system prompt once it has one. `reuse`: a process
    that holds a conversation can be emptied for another one. `patience`: seconds that a request waits for a used
    process that is nearly ready, before it takes a spare.
    """

    spares: int
    processes: int
    boots: int
    conversations: int
    reuse: bool = True
    stateless: bool = False
    patience: float = SETTLE_PATIENCE


@dataclass(frozen=True, slots=True)
class Plan:
    """`assign`: pairs of indices, request and process. `evict`: processes to stop. `boot`: those to boot, each by its
    builtin tools.

    `clear`: live processes to take the conversation out of. `held`: how many requests were left waiting for a process
    that is nearly ready; `again`: when the first of them loses its patience, on the clock of `now`, infinite for none.
    """

    assign: tuple[tuple[int, int], ...] = ()
    evict: tuple[int, ...] = ()
    clear: tuple[int, ...] = ()
    boot: tuple[tuple[str, ...], ...] = ()
    held: int = 0
    again: float = math.inf


RESULT_PATIENCE = 30.0
"""Seconds for which a process that waits for results is left alone: most tools answer sooner."""


def plan(processes: Sequence[View], waiting: Sequence[Need], limits: Limits, *, quiet: bool, now: float) -> Plan:
    """Serve the waiting requests in their order; then, when it is `quiet`, fill up the spares one at a time.

    A request goes on where its history is held. Else it takes a clean process that was told the same setup, the one
    used last; else one that held a single answer, the least recently used, has it taken out, so that questions asked
    once do not cost a boot each; else a spare. Requests that stay without one have processes booted for them. What is
    booted takes the place of clean processes if need be, then of live ones, the longest idle first. Quiet means that
    no request waits for its first token, which a boot beside it would delay; one that is served now does.
    """
    serving = _Serving(processes, now, limits)
    assign = list(serving.go_on(waiting))
    going_on = {request for request, _ in assign}
    for request, need in enumerate(waiting):
        if request not in going_on and (chosen := serving.choose(need)) is not None:
            assign.append((request, chosen))
    assign.sort()
    free = serving.free
    room = limits.processes - len(processes)
    booting = _count(processes, State.BOOTING)
    replaceable = _oldest(processes, free, State.CLEAN)
    if serving.unserved:
        wanted = serving.to_boot()[: max(0, limits.boots - booting)]
        # A spare that is left could not serve them.
        replaceable += _oldest(processes, free, State.SPARE) + _oldest(processes, free, State.LIVE)
    else:
        spares = sum(processes[index].state is State.SPARE and not processes[index].builtin for index in free)
        # A spare may take the place of a used process, but not of the last one, nor of a conversation.
        possible = room > 0 or len(replaceable) > 1
        wanted = [()] if quiet and not assign and not booting and spares < limits.spares and possible else []
    stopping = _count(processes, State.STOPPING)
    evict = replaceable[: max(0, len(wanted) - max(0, room) - stopping)] if wanted else []
    if room < 0:
        # The limit was lowered while they ran.
        evict = _longest_idle(processes, free)[: max(0, -room - stopping)]
    clear = serving.clear + serving.beyond(limits.conversations, evict)
    boot = tuple(wanted[: max(0, room)])
    return Plan(tuple(assign), tuple(evict), tuple(clear), boot, serving.held, serving.again)


_Matches = Callable[[View], bool]


class _Serving:
    """Which processes are left while one request after the other is served."""

    def __init__(self, processes: Sequence[View], now: float, limits: Limits) -> None:
        self._processes = processes
        self._limits = limits
        self._now = now
        self.free = {i for i, view in enumerate(processes) if view.state in (State.CLEAN, State.SPARE, State.LIVE)}
        self._settling = {
            i for i, view in enumerate(processes) if view.state is State.SETTLING and now - view.since < limits.patience
        }
        self.clear: list[int] = []
        self.held = 0
        self.again = math.inf
        self.unserved: list[tuple[str, ...]] = []

    def go_on(self, waiting: Sequence[Need]) -> Iterator[tuple[int, int]]:
        """The requests whose history a live process holds, each with its process; before one is cleared for others."""
        for request, need in enumerate(waiting):
            if (live := self._find(self.free, need.held_by)) is not None:
                self.free.discard(live)
                yield request, live

    def choose(self, need: Need) -> int | None:
        """The process for a request that no live one holds; None if it has to wait."""
        setup = need.setup
        if self._wait(need.held_by):
            return None
        clean = self._find(self.free, lambda view: view.state is State.CLEAN and view.setup == setup)
        if clean is None and self._limits.stateless:
            clean = self._find(self.free, lambda view: view.state is State.CLEAN and _takes(view.setup, setup))
        if clean is None:
            nearly = _takes if self._limits.stateless else _equal
            if self._wait(lambda view: view.conversation is None and nearly(view.setup, setup)):
                return None
            if self._limits.reuse and (single := self._single(setup)) is not None:
                self.free.discard(single)
                self.clear.append(single)
                self._hold(self._now)
                return None
            clean = min((i for i in self.free if self._is_spare(i, setup.builtin)), default=None)
        if clean is None:
            self.unserved.append(setup.builtin)
        else:
            self.free.discard(clean)
        return clean

    def to_boot(self) -> list[tuple[str, ...]]:
        """By their builtin tools, the processes that the unserved requests lack and that do not boot already."""
        booting = Counter(view.builtin for view in self._processes if view.state is State.BOOTING)
        lacking = []
        for builtin in self.unserved:
            if booting[builtin]:
                booting[builtin] -= 1
            else:
                lacking.append(builtin)
        return lacking

    def beyond(self, limit: int, evicted: Sequence[int]) -> list[int]:
        """The live processes that are too many, the least recently used first."""
        coming = sum(view.state is State.SETTLING and view.conversation is not None for view in self._processes)
        live = _oldest(self._processes, self.free.difference(evicted), State.LIVE)
        return live[: max(0, len(live) + coming - limit)]

    def _is_spare(self, index: int, builtin: tuple[str, ...]) -> bool:
        return self._processes[index].state is State.SPARE and self._processes[index].builtin == builtin

    def _single(self, setup: Setup) -> int | None:
        """A live process that holds one answer alone, and will hardly be asked again: no results are on their way."""
        live = _oldest(self._processes, self.free, State.LIVE)
        views = ((index, self._processes[index]) for index in live if not self._expects(self._processes[index]))
        return next((i for i, v in views if v.setup == setup and v.conversation and v.conversation.answers == 1), None)

    def _expects(self, view: View) -> bool:
        return view.waits and self._now - view.since < RESULT_PATIENCE

    def _wait(self, matches: _Matches) -> bool:
        """Let the request wait for a process that is nearly ready, if there is one."""
        nearly = self._find(self._settling, matches)
        if nearly is None:
            return False
        self._settling.discard(nearly)
        self._hold(self._processes[nearly].since)
        return True

    def _hold(self, since: float) -> None:
        self.held += 1
        self.again = min(self.again, since + self._limits.patience)

    def _find(self, among: Iterable[int], matches: _Matches) -> int | None:
        """Of the processes that match, the one whose state began last."""
        found = [index for index in among if matches(self._processes[index])]
        return max(found, key=lambda index: self._processes[index].since, default=None)


def _equal(has: Setup | None, wanted: Setup) -> bool:
    return has == wanted


def _takes(has: Setup | None, wanted: Setup) -> bool:
    """Whether a used process takes a stateless request: a system prompt is replaced, but never taken away."""
    if has is None or has.builtin or wanted.builtin:
        return has == wanted
    return has.system is None or wanted.system is not None


def surplus(processes: Sequence[View], limits: Limits) -> list[int]:
    """The spares that are more than the limits want."""
    plain = {index for index, view in enumerate(processes) if not view.builtin}
    return _oldest(processes, plain, State.SPARE)[limits.spares :]


def _longest_idle(processes: Sequence[View], among: Collection[int]) -> list[int]:
    """In the order in which they can be done without."""
    return [i for state in (State.CLEAN, State.SPARE, State.LIVE) for i in _oldest(processes, among, state)]


def _oldest(processes: Sequence[View], among: Iterable[int], state: State) -> list[int]:
    return sorted((i for i in among if processes[i].state is state), key=lambda i: processes[i].since)


def _count(processes: Sequence[View], state: State) -> int:
    return sum(view.state is state for view in processes)
