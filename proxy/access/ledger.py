"""What was used today: counted at once, in memory; written to disk beside the requests, which never wait for that."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import anyio
import structlog
from anyio import to_thread

from proxy.access.journal import Journal
from proxy.access.usage import Usage, Use

log = structlog.get_logger()

_TRY_AGAIN = 10.0
# Seconds after a write that failed.


def _utc() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """Counts what callers use. Without a `journal` that lasts as long as the process. `now` is the time in UTC.

    Where the disk takes nothing, what was used still counts, and is written when it does again.
    """

    def __init__(self, journal: Journal | None = None, now: Callable[[], datetime] = _utc) -> None:
        self._journal = journal
        self.now = now
        self._usage = Usage()
        self._unwritten: dict[tuple[date, str], Use] = {}
        self._news = anyio.Event()
        self._failing = False

    def load(self) -> None:
        """Take in what was used today before, and remove what is too old. A journal that cannot be read is logged."""
        if self._journal is None:
            return
        today = self.now().date()
        try:
            self._journal.sweep(today)
            for caller, use in self._journal.read(today).items():
                self._usage.add(today, caller, use)
        except OSError as error:
            log.error("usage_unreadable", error=error.strerror, meaning="today's use counts from now on")

    def add(self, caller: str, use: Use) -> None:
        """Count what a caller has used now."""
        today = self.now().date()
        self._usage.add(today, caller, use)
        if self._journal is not None:
            self._note(today, caller, use)

    def of(self, caller: str) -> Use:
        """What a caller has used today."""
        return self._usage.of(self.now().date(), caller)

    def total(self) -> Use:
        """What all have used today."""
        return self._usage.total(self.now().date())

    def callers(self) -> Mapping[str, Use]:
        """All that used something today."""
        return self._usage.callers(self.now().date())

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """While it is entered, what is used is written; on leaving, what is left."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
        await self._write()

    async def _keep(self) -> None:
        while True:
            await self._news.wait()
            # One write at a time: what is used meanwhile is in the next one.
            if not await self._write():
                await anyio.sleep(_TRY_AGAIN)

    def _note(self, day: date, caller: str, use: Use) -> None:
        self._unwritten[day, caller] = self._unwritten.get((day, caller), Use()) + use
        self._news.set()

    async def _write(self) -> bool:
        """Write what is not written yet; what cannot be written is kept, one sum for each caller and day."""
        taken, self._unwritten, self._news = self._unwritten, {}, anyio.Event()
        failed = None
        if taken:
            # What was taken must not get lost when the daemon stops.
            with anyio.CancelScope(shield=True):
                failed = await to_thread.run_sync(self._on_disk, taken)
        if failed is None:
            if taken and self._failing:
                log.info("usage_kept_again")
                self._failing = False
            return True
        for (day, caller), use in taken.items():
            self._note(day, caller, use)
        if not self._failing:
            self._failing = True
            log.error("usage_not_kept", error=failed, meaning="it counts, but a restart would forget it")
        return False

    def _on_disk(self, taken: Mapping[tuple[date, str], Use]) -> str | None:
        """Write, beside the event loop; why it failed, None if it did not."""
        assert self._journal is not None
        for day in {day for day, _ in taken}:
            try:
                self._journal.write(day, {caller: use for (on, caller), use in taken.items() if on == day})
            except OSError as error:
                return error.strerror or str(error)
        return None
