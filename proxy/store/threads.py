"""The threads of a store."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

Result = TypeVar("Result")
Given = TypeVarTuple("Given")

_READERS = 4


class Threads:
    """Runs what blocks: a few readers, and one writer at a time, who are served in the order they came in.

    What has begun is finished, also when whoever waits for it is cancelled.
    """

    def __init__(self) -> None:
        self._readers = CapacityLimiter(_READERS)
        self._writer = CapacityLimiter(1)

    async def read(self, work: Callable[[*Given], Result], *given: *Given) -> Result:
        """What `work` returns, or raises."""
        return await to_thread.run_sync(work, *given, limiter=self._readers)

    async def write(self, work: Callable[[*Given], Result], *given: *Given) -> Result:
        """What `work` returns, or raises, as the only writer."""
        return await to_thread.run_sync(work, *given, limiter=self._writer)
