"""One answer of the server's, read as it comes in, within its deadlines."""

import time
from collections.abc import Callable, Sequence

from proxy.backends.ollama.answer import Answer
from proxy.backends.ollama.client import Lines, deadline
from proxy.core.deadlines import Deadlines
from proxy.core.errors import ServerError
from proxy.core.events import Event, Finished


class OllamaTurn:
    """Begin it, then iterate it for batches of events. It was `opened` at a monotonic time; `on_finished` hears its end
    before anybody else does."""

    def __init__(
        self, lines: Lines, answer: Answer, deadlines: Deadlines, opened: float, on_finished: Callable[[Finished], None]
    ) -> None:
        self._lines = lines
        self._answer = answer
        self._deadlines = deadlines
        self._opened = opened
        self._on_finished = on_finished
        self._first: Sequence[Event] = ()
        self._error: ServerError | None = None

    async def begin(self) -> None:
        """Wait until the server has begun to answer. Raises `ServerError`."""
        limit = self._deadlines.first_event
        self._first = await self._next((self._opened + limit, "first_event", limit))

    def __aiter__(self) -> "OllamaTurn":
        return self

    async def __anext__(self) -> Sequence[Event]:
        if self._first:
            first, self._first = self._first, ()
            return first
        if self._answer.ended:
            raise StopAsyncIteration
        if self._error is not None:
            raise self._error
        limit = self._deadlines.idle
        return await self._next((time.monotonic() + limit, "idle", limit))

    async def _next(self, limit: tuple[float, str, float]) -> Sequence[Event]:
        """The next events, in time: until a monotonic time, a deadline of that name and of so many seconds."""
        total = self._deadlines.total
        at, name, seconds = min(limit, (self._opened + total, "total", total))
        events: list[Event] = []
        with deadline(name, seconds, max(0.0, at - time.monotonic())):
            while not events:
                events = self._taken(await self._lines.next())
        if isinstance(events[-1], Finished):
            self._on_finished(events[-1])
        return events

    def _taken(self, lines: Sequence[bytes]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            try:
                events += self._answer.feed([line])
            except ServerError as error:
                if not events:
                    raise
                # What came before the error is the client's; the error follows.
                self._error = error
                break
        return events
