"""The response that owns a turn's scope.

One task runs the turn and sends; beside it two watch the client. When the client goes away, or takes no bytes for too
long, the scope is cancelled, and leaving the turn frees its process. Before the first byte an error is a status, after
it the dialect's frame in the stream.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

import anyio
from anyio.abc import TaskGroup
from starlette.types import Message, Receive, Scope, Send

from proxy.api.departure import abort, watch_departure
from proxy.api.record import Record, record_of
from proxy.core.contracts import Turn
from proxy.core.errors import Busy, ServerError
from proxy.core.events import Event, Finished, Started
from proxy.core.reply import Reply, fold

Headers = Sequence[tuple[bytes, bytes]]
OpenTurn = Callable[[], AbstractAsyncContextManager[Turn]]

UNBUFFERED = (b"x-accel-buffering", b"no")
"""Has nginx, and others that took it over, pass on each piece of a stream as it comes."""


class Encoder(Protocol):
    """A dialect's stream: events to bytes, an error to its in-stream frame."""

    def encode(self, events: Sequence[Event]) -> bytes: ...

    def error(self, exc: ServerError) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one request is to be answered.

    `whole` turns a complete answer into a body, `error` an error before the first byte; both are of `content_type`.
    `stream` is set for a streaming answer, which is of `stream_type`. `headers` may be added to until the turn is open.
    """

    error: Callable[[ServerError], bytes]
    whole: Callable[[Reply], bytes]
    content_type: str
    stream_type: str
    stream: Encoder | None = None
    headers: Headers = field(default=())


class TurnReply:
    """An ASGI response: opens the turn, relays it, ends it."""

    def __init__(self, open_turn: OpenTurn, dialect: Dialect, *, write_timeout: float) -> None:
        self._open_turn = open_turn
        self._dialect = dialect
        self._write_timeout = write_timeout
        self._started = False
        self._complete = False
        self._writing_since: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = record_of(scope)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_departure, receive, tasks, record, lambda: self._complete)
            tasks.start_soon(self._watch_stall, scope, tasks, record)
            await self._run(send, record)
            tasks.cancel_scope.cancel()

    async def _run(self, send: Send, record: Record) -> None:
        try:
            async with self._open_turn() as turn:
                await (self._stream(turn, send, record) if self._dialect.stream else self._whole(turn, send, record))
        except ServerError as error:
            record.failed(error)
            await self._fail(error, send)
        if self._started:
            self._complete = True
            await self._write(send, b"", more=False)

    async def _stream(self, turn: Turn, send: Send, record: Record) -> None:
        stream = self._dialect.stream
        assert stream is not None
        async for events in turn:
            if not self._started:
                # The first event is the API's acceptance: headers go out now, so that slow thinking is no silence.
                headers = (*self._dialect.headers, UNBUFFERED)
                await self._start(send, 200, self._dialect.stream_type, headers)
            data = stream.encode(events)
            if data:
                await self._write(send, data)
            _note(events, record)

    async def _whole(self, turn: Turn, send: Send, record: Record) -> None:
        events: list[Event] = []
        async for batch in turn:
            events += batch
            _note(batch, record)
        reply = fold(events)
        body = self._dialect.whole(reply)
        await self._start(send, 200, self._dialect.content_type, self._dialect.headers, len(body))
        await self._write(send, body)

    async def _fail(self, error: ServerError, send: Send) -> None:
        if self._started:
            if self._dialect.stream is not None:
                await self._write(send, self._dialect.stream.error(error))
            return
        body = self._dialect.error(error)
        headers = (*self._dialect.headers, *error_headers(error))
        await self._start(send, error.status, self._dialect.content_type, headers, len(body))
        await self._write(send, body)

    async def _start(
        self, send: Send, status: int, content_type: str, headers: Headers, length: int | None = None
    ) -> None:
        self._started = True
        lines = [(b"content-type", content_type.encode()), *headers]
        if length is not None:
            lines.append((b"content-length", str(length).encode()))
        await self._send(send, {"type": "http.response.start", "status": status, "headers": lines})

    async def _write(self, send: Send, data: bytes, *, more: bool = True) -> None:
        await self._send(send, {"type": "http.response.body", "body": data, "more_body": more})

    async def _send(self, send: Send, message: Message) -> None:
        self._writing_since = anyio.current_time()
        await send(message)
        self._writing_since = None

    async def _watch_stall(self, scope: Scope, tasks: TaskGroup, record: Record) -> None:
        # A look from time to time costs the stream nothing; a deadline around every write would.
        while True:
            await anyio.sleep(self._write_timeout / 2)
            since = self._writing_since
            if since is not None and anyio.current_time() - since >= self._write_timeout:
                record.ended = "stalled"
                tasks.cancel_scope.cancel()
                abort(scope)


def _note(events: Sequence[Event], record: Record) -> None:
    first, last = events[0], events[-1]
    if isinstance(first, Started):
        record.note(answered_by=first.model)
    if isinstance(last, Finished):
        record.finished(last)


def error_headers(error: ServerError) -> Headers:
    """What an error tells a client's retry logic."""
    headers: list[tuple[bytes, bytes]] = []
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if error.should_retry is not None:
        headers.append((b"x-should-retry", b"true" if error.should_retry else b"false"))
    elif isinstance(error, Busy):
        headers.append((b"x-should-retry", b"true"))
    return headers
