"""The deadlines of a turn watched by one timer: a deadline around each read would cost more than the read."""

import asyncio
import time
from collections.abc import Callable

from proxy.core.deadlines import Deadlines, passed
from proxy.core.errors import TimedOut


class Watch:
    """Watches a turn that was `opened` at a monotonic time; `fail` is called once, when a deadline has passed.

    Tell it by `start` that the API has accepted, and by `waiting_since` since when the process is waited for, None
    while it is not. `close` ends it.
    """

    def __init__(self, deadlines: Deadlines, opened: float, fail: Callable[[TimedOut], None]) -> None:
        self._deadlines = deadlines
        self._fail = fail
        self._first_event_at = time.monotonic() + deadlines.first_event
        self._total_at = opened + deadlines.total
        self._started = False
        self.waiting_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle = self._loop.call_soon(self._look)

    def start(self) -> None:
        """The API has accepted the request: from here on silence counts."""
        self._started = True
        self._timer.cancel()
        self._timer = self._loop.call_soon(self._look)

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _look(self) -> None:
        now = time.monotonic()
        at, name, seconds = min(self._pending(now))
        if now < at:
            self._timer = self._loop.call_later(at - now, self._look)
        else:
            self._fail(passed(name, seconds))

    def _pending(self, now: float) -> list[tuple[float, str, float]]:
        limits = self._deadlines
        total = (self._total_at, "total", limits.total)
        if not self._started:
            return [total, (self._first_event_at, "first_event", limits.first_event)]
        since = now if self.waiting_since is None else self.waiting_since
        return [total, (since + limits.idle, "idle", limits.idle)]
