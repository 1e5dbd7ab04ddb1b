"""What a turn uses, and what is done with its answer before anybody has the end of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from proxy.core.contracts import Turn, pid_of
from proxy.core.events import Event, Finished
from proxy.core.reply import Reply, fold
from proxy.core.resources import HostReading, ProcessReading, Use
from proxy.engine import Engine
from proxy.observe.resources import Resources


class Meter:
    """Reads what is used before a turn and after it: `begin`, then `opened`, then `end`; then `use` tells."""

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self._resources = resources
        self._engine = engine
        self._others = False
        self._begun = 0
        self._pid: int | None = None
        self._before: HostReading | None = None
        self._process_before: ProcessReading | None = None
        self._use: Use | None = None

    async def begin(self) -> None:
        """No turn is open yet."""
        self._others, self._begun = self._engine.running > 0, self._engine.begun
        self._before = await self._resources.host()

    async def opened(self, turn: Turn) -> None:
        """The turn is open, and has said nothing yet."""
        self._pid = pid_of(turn)
        self._process_before = await self._resources.process(self._pid)

    async def end(self) -> None:
        """The turn has said everything."""
        assert self._before is not None
        process = await self._resources.process(self._pid)
        after = await self._resources.host()
        # One of those that have begun since then is this one.
        overlapping = self._others or self._engine.begun - self._begun > 1
        self._use = Use(self._before, after, overlapping, self._process_before, process)

    def use(self) -> Use:
        """What was used."""
        assert self._use is not None
        return self._use


class Followed:
    """A turn that awaits `complete` with its whole answer, before it gives away the last of its events."""

    def __init__(self, turn: Turn, complete: Callable[[Reply], Awaitable[None]]) -> None:
        self._batches = aiter(turn)
        self._complete = complete
        self._events: list[Event] = []

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]:
        return self

    async def __anext__(self) -> Sequence[Event]:
        events = await anext(self._batches)
        self._events += events
        if isinstance(events[-1], Finished):
            await self._complete(fold(self._events))
        return events
