"""The routes that tell of the running daemon: to an admin key, or to somebody on this machine.

The dashboard is made of them, and anything else may be.
"""

import re
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api import telling
from proxy.api.access import METRICS
from proxy.api.admin import check_admin
from proxy.api.desk import JSON, NDJSON, UNSTORED, Answer, Desk, Manners
from proxy.api.events import EventStream, event
from proxy.api.identity import identity_of
from proxy.api.page import Status
from proxy.core.errors import Busy, InvalidRequest, ServerError
from proxy.observe.exchange import Exchange
from proxy.observe.observer import Observer
from proxy.wire import ollama
from proxy.wire.jsontext import dump

_MANNERS = Manners(ollama.error_body, JSON, NDJSON, {})

_STREAMS = 16
# The most that look at the same time.

_TICK = 0.5
# Seconds between two looks for news; a status follows every so many of them.
_TICKS_OF_A_STATUS = 4

_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_MOST = 500
_FEW = 100
# Requests or lines that are told at once, at most, and where nobody says how many.


class NotRemembered(ServerError):
    """No such request is among those that are remembered."""

    kind = "not_remembered"
    default_status = 404
    default_fault = "client"


class DashboardRoutes:
    """Tells what the `observer` saw, and the `status`. What was said in requests is for admins alone; `contents` tells
    whether that is kept at all."""

    def __init__(self, desk: Desk, observer: Observer, status: Callable[[], Status], *, contents: bool) -> None:
        self._desk = desk
        self._observer = observer
        self._status = status
        self._contents = contents
        self._streams = 0

    def routes(self) -> list[Route]:
        """The route table."""
        table = [
            ("GET", "/admin/status", self.status),
            ("GET", "/admin/metrics", self.metrics),
            ("GET", "/admin/requests", self.requests),
            ("GET", "/admin/requests/{id}", self.request),
            ("GET", "/admin/log", self.log),
            ("GET", "/admin/events", self.events),
            ("GET", METRICS, self.prometheus),
        ]
        return self._desk.routes(_MANNERS, table)

    async def status(self, request: Request) -> Response:
        check_admin(request)
        return _json(await self._state())

    async def metrics(self, request: Request) -> Response:
        check_admin(request)
        query, metrics = request.query_params, self._observer.metrics
        ranges = {"hour": metrics.hour, "day": metrics.day}
        wanted = query.get("range", "hour")
        if wanted not in ranges:
            raise InvalidRequest("range has to be hour or day")
        label = (query.get("model", ""), query.get("dialect", ""))
        told = {"since": telling.stamp(metrics.began), "totals": telling.tallies(metrics.tallies)}
        return _json({"range": wanted, **telling.series(ranges[wanted], label), **told})

    async def requests(self, request: Request) -> Response:
        check_admin(request)
        ring = self._observer.requests
        return _json({"last": ring.last, "requests": self._told(ring.newest(_number(request, "limit", _FEW, _MOST)))})

    async def request(self, request: Request) -> Response:
        check_admin(request)
        found = self._observer.find(request.path_params["id"])
        if found is None:
            raise NotRemembered("no request of that id is remembered", should_retry=False)
        told = self._told([found])[0]
        shown = self._contents and identity_of(request.scope).admin
        kept = found.contents if shown else None
        return _json(told | {"contents": telling.contents(kept) if kept else None, "contents_shown": shown})

    async def log(self, request: Request) -> Response:
        check_admin(request)
        ring = self._observer.lines.ring
        lines = ring.newest(_number(request, "limit", _FEW, _MOST))
        return _json({"last": ring.last, "lines": [telling.log_line(line) for line in lines]})

    async def events(self, request: Request) -> Answer:
        check_admin(request)
        if self._streams >= _STREAMS:
            raise Busy(f"{_STREAMS} clients watch already")
        requests, lines = self._observer.requests.last, self._observer.lines.ring.last
        after = _number(request, "requests", requests, requests), _number(request, "lines", lines, lines)
        return EventStream(lambda: self._news(*after), self._desk.write_timeout)

    async def prometheus(self, request: Request) -> Response:
        check_admin(request)
        from proxy.observe.prometheus import MEDIA_TYPE, exposition  # it takes a while, and few ask for it

        levels = levels_of(self._status())
        return Response(exposition(self._observer.metrics, levels), headers=UNSTORED, media_type=MEDIA_TYPE)

    async def _news(self, requests: int, lines: int) -> AsyncGenerator[bytes, None]:
        """What happens from now on: statuses, and what has come after those numbers. What fell out meanwhile is lost,
        and a client that is slow can have no more than there is room for in the rings."""
        self._streams += 1
        try:
            tick = 0
            ring, log = self._observer.requests, self._observer.lines.ring
            while not self._desk.engine.draining:
                pieces = []
                if tick % _TICKS_OF_A_STATUS == 0:
                    pieces.append(event("status", dump(await self._state())))
                ended, requests = ring.after(requests)
                logged, lines = log.after(lines)
                pieces += [event("request", dump(told)) for told in self._told(ended)]
                pieces += [event("log", dump(telling.log_line(line))) for line in logged]
                if pieces:
                    yield b"".join(pieces)
                tick += 1
                await anyio.sleep(_TICK)
            yield event("end", b'{"reason":"the server is shutting down"}')
        finally:
            self._streams -= 1

    async def _state(self) -> dict[str, Any]:
        """The daemon now: its processes, what it runs, and what it runs on."""
        observer, status = self._observer, self._status()
        pids = [member.pid for member in status.members if member.pid is not None]
        found, look = await observer.host.resources.processes(pids), await observer.host.look()
        loaded = self._desk.engine.loaded()
        return {
            **telling.daemon(status, observer.metrics, time.monotonic()),
            "loaded": [{"model": name, "stays_seconds": _finite(seconds)} for name, seconds in loaded.items()],
            "processes": [
                telling.process(member, found.get(member.pid) if member.pid else None) for member in status.members
            ],
            "requests": self._told(observer.open),
            "host": telling.host(look),
        }

    def _told(self, exchanges: Iterable[Exchange]) -> list[dict[str, Any]]:
        names = telling.key_names(self._desk.engine.admission.keyring.keys)
        now = time.monotonic()
        return [telling.exchange(each, names, now) for each in exchanges]


def levels_of(status: Status) -> dict[str, float]:
    """How high things stand, by their names in charts and in ``/metrics``."""
    return {
        "running": status.running,
        "waiting": status.waiting,
        "processes": len(status.members),
        "conversations": sum(bool(member.model) for member in status.members),
    }


def _json(value: object) -> Response:
    return Response(dump(value), headers=UNSTORED, media_type=JSON)


def _number(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, `most` at most. Raises `InvalidRequest`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(f"{name} has to be a number")
    return min(int(text), most)


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else round(seconds, 1)
