"""A stream of server-sent events: until the client leaves, takes nothing for too long, or the daemon ends."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
from starlette.types import Receive, Scope, Send

from proxy.api.departure import abort, watch_departure
from proxy.api.desk import SSE
from proxy.api.record import record_of
from proxy.api.reply import UNBUFFERED

Events = Callable[[], AsyncGenerator[bytes, None]]
"""Opens a stream; each of its pieces is one event or more."""

_HEADERS = [(b"content-type", SSE.encode()), (b"cache-control", b"no-store"), UNBUFFERED]


def event(kind: str, data: bytes) -> bytes:
    """One event; `data` is JSON of one line."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)


class EventStream:
    """An ASGI response: sends `events` until they end. A write that takes more than `write_timeout` seconds ends it."""

    def __init__(self, events: Events, write_timeout: float) -> None:
        self._events = events
        self._write_timeout = write_timeout
        self._complete = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = record_of(scope)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_departure, receive, tasks, record, lambda: self._complete)
            if not await self._send_all(send):
                record.ended = "stalled"
                abort(scope)
            tasks.cancel_scope.cancel()

    async def _send_all(self, send: Send) -> bool:
        """Whether the client has taken all of it."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        # Closed here, in this task, also when the client leaves while something is sent.
        async with aclosing(self._events()) as events:
            async for piece in events:
                with anyio.move_on_after(self._write_timeout) as writing:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                if writing.cancelled_caught:
                    return False
        self._complete = True
        await send({"type": "http.response.body", "body": b""})
        return True
