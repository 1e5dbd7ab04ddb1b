"""Request ids, the log line, the last resort for errors. Pure ASGI."""

import re
import time
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.api.access import ADMIN, FILES, METRICS, PAGES
from proxy.api.health import ALIVE, HEALTH, READY
from proxy.api.record import Record, open_record
from proxy.observe.observer import Observer

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_ID_HEADERS = (b"x-request-id",)
# Anthropic's clients look for theirs under a name of its own.

_QUIET = ("/", "/api/version", "/api/tags", "/api/ps", "/v1/models", METRICS, *PAGES)
# Paths that clients poll with GET; answered well, they are logged for debugging only.

_LOOKED_AT = (ADMIN, FILES, "/chat/history", "/chat/render")
# What the paths begin with that the pages ask for again and again.

_HEALTH = (ALIVE, READY, HEALTH)
# Paths that a monitor polls, which hears for itself that something is missing.


class RequestLog:
    """Gives each request an id (the client's own ``x-request-id`` if it is a plain one) and a line in the log.

    `fields` are in every line. The `observer` sees each request begin and end.
    """

    def __init__(self, app: ASGIApp, fields: Mapping[str, object], observer: Observer) -> None:
        self._app = app
        self._fields = fields
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = open_record(scope, _request_id(scope))
        record.note(**self._fields)
        exchange = self._observer.begun(record.request_id, scope["method"], scope["path"], record.fields)
        started = time.perf_counter()
        status = 0
        names = (*_ID_HEADERS, b"request-id") if scope["path"].startswith("/v1/messages") else _ID_HEADERS

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *((name, record.request_id.encode()) for name in names)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            record.ended = "disconnected"
        except Exception:
            record.ended = "internal_error"
            log.exception("request_crashed", request_id=record.request_id, path=scope["path"])
            if not status:
                await _crashed(send_with_id)
        finally:
            seconds = time.perf_counter() - started
            _write(scope, record, status, seconds)
            self._observer.ended(exchange, status=status, ended=record.ended, seconds=seconds)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return str(text)
    return uuid4().hex[:16]


async def _crashed(send: Send) -> None:
    body = b'{"error":"internal server error"}'
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_quiet(method: str, path: str) -> bool:
    return (path in _QUIET and method in ("GET", "HEAD")) or path.startswith(_LOOKED_AT)


def _write(scope: Scope, record: Record, status: int, seconds: float) -> None:
    level = "info"
    # After the first byte an error has no status of its own.
    if scope["path"] in _HEALTH and record.ended == "complete":
        level = "debug"
    elif record.ended not in ("complete", "disconnected", "stalled") and not 400 <= status < 500:
        level = "error"
    elif status < 400 and _is_quiet(scope["method"], scope["path"]):
        level = "debug"
    getattr(log, level)(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ended=record.ended,
        total_ms=round(seconds * 1000),
        **record.fields,
        request_id=record.request_id,
    )
