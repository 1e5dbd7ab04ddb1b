"""Every request that came to the simulator, and how many are still open."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

REQUEST_LIMIT = 1000
BYTE_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it came. `headers` have lower-case names; `body` is the parsed JSON, {} when it was none.

    `error` is the API's refusal of it, or None; `streamed` whether it asked for server-sent events.
    """

    request_id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    raw: bytes = b""
    body: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def streamed(self) -> bool:
        """Whether the client asked for server-sent events."""
        return bool(self.body.get("stream"))


class Recorder:
    """`requests` are those to `/v1/messages`, refused ones too; `others` the rest. The oldest go when memory fills."""

    def __init__(self, limit: int = REQUEST_LIMIT, byte_limit: int = BYTE_LIMIT) -> None:
        self.requests: deque[RecordedRequest] = deque(maxlen=limit)
        self.others: deque[RecordedRequest] = deque(maxlen=limit)
        self.count = 0
        self.open_requests = 0
        self._byte_limit = byte_limit
        self._changed = anyio.Event()

    def record(self, request: RecordedRequest) -> None:
        """Keep a request."""
        if request.path != "/v1/messages":
            self.others.append(request)
            return
        self.requests.append(request)
        self.count += 1
        held = sum(len(kept.raw) for kept in self.requests)
        while held > self._byte_limit and len(self.requests) > 1:
            held -= len(self.requests.popleft().raw)
        self._change()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Count a request as open."""
        self.open_requests += 1
        self._change()
        try:
            yield
        finally:
            self.open_requests -= 1
            self._change()

    async def wait_for(self, count: int) -> None:
        """Until `count` requests to `/v1/messages` have come since the start."""
        await self._wait_until(lambda: self.count >= count)

    async def wait_until_open(self, count: int) -> None:
        """Until exactly `count` requests are open: 0 when every client was answered or is gone."""
        await self._wait_until(lambda: self.open_requests == count)

    async def _wait_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
