"""HTTP/1.1 by uvicorn and h11, on a connection that is read while it is answered, and whose requests come in time.

httptools would drop the body of a request that offers an upgrade; h11 does not, and costs nothing measurable here.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST_BEHIND = 1 << 20
# Bytes of further requests that may wait behind the running one.

_GRACE = 5.0
# Seconds at most that a connection gets for its error, when the rest of a body never came.

_REFUSAL = "server busy, please try again.  maximum connections exceeded"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a client may take up: `request` seconds from a request's first byte to its last; so many `connections`; and
    twice `write` seconds in which it takes nothing of an answer, where whoever answers has not given it up by then."""

    request: float = 60.0
    write: float = 30.0
    connections: int = 512


class Protocol(H11Protocol):
    """uvicorn stops reading when a further request comes before the answer; then it would miss the disconnect. And it
    waits for ever for the rest of a request."""

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._behind = 0
        self._late = False
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, json.dumps({"error": _REFUSAL}), "application/json")
            return
        self._timer = self.loop.call_later(self.bounds.request, self._too_late)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.flow is not None and self.flow.read_paused and self.conn.their_state is h11.DONE:
            self._behind += len(data)
            if self._behind <= _MOST_BEHIND:
                self.flow.resume_reading()
        self._watch()

    def on_response_complete(self) -> None:
        self._behind = 0
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        self._stall = self.loop.call_later(2 * self.bounds.write, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unset_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._unset_stall()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the words of Go's server."""
        # Called where h11's error is handled, which alone knows what is wrong.
        status = HTTPStatus(getattr(sys.exc_info()[1], "error_status_hint", HTTPStatus.BAD_REQUEST))
        self._refuse(status, f"{status} {status.phrase}")

    def _watch(self) -> None:
        """Let the time run while a request is on its way: it has begun, and its end has not come."""
        theirs = self.conn.their_state
        begun = theirs is h11.SEND_BODY or (theirs is h11.IDLE and bool(self.conn.trailing_data[0]))
        if not begun:
            self._forget()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.bounds.request, self._too_late)

    def _forget(self) -> None:
        self._late = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unset_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _too_late(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            if self._late:
                self.transport.abort()
            else:
                # Whoever waits for the body tells it in the words of its dialect.
                self._late = True
                self._timer = self.loop.call_later(min(_GRACE, self.bounds.request), self._too_late)
        elif self.conn.trailing_data[0]:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"{HTTPStatus.REQUEST_TIMEOUT} Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        """Answer without the application, where nothing is being answered, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("content-type", kind), ("content-length", str(len(text))), ("connection", "close")]
            head = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
            for event in (head, h11.Data(text.encode()), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
