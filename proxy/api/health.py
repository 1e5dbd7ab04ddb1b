"""The routes that ask whether the daemon is well: alive at all, and able to answer."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import JSON, UNSTORED, route
from proxy.wire.stamps import stamp

SERVER = "claude-ollama-server"
"""What this server calls itself, for those who ask what has the port."""

ALIVE, READY = "/healthz", "/readyz"
HEALTH = "/health"
"""The same as `ALIVE`, in the shape that the chat service's clients know."""

Missing = Callable[[], Mapping[str, str]]
"""What keeps chats from being answered now: each thing's name, and a sentence. Empty when nothing does."""


class HealthRoutes:
    """Answers from memory alone; `missing` tells what is missing."""

    def __init__(self, missing: Missing) -> None:
        self._missing = missing

    def routes(self) -> list[Route]:
        """The route table."""
        return [
            route("HEAD, GET", ALIVE, self.alive),
            route("HEAD, GET", READY, self.ready),
            route("HEAD, GET", HEALTH, self.health),
        ]

    async def alive(self, _request: Request) -> Response:
        return _answer(200, {"server": SERVER, "alive": True})

    async def health(self, _request: Request) -> Response:
        return _answer(200, {"status": "ok", "timestamp": stamp(datetime.now(UTC)), "response_code": 200})

    async def ready(self, _request: Request) -> Response:
        missing = dict(self._missing())
        return _answer(503 if missing else 200, {"server": SERVER, "ready": not missing, "missing": missing})


def _answer(status: int, body: Mapping[str, object]) -> Response:
    return Response(json.dumps(body) + "\n", status, UNSTORED, JSON)
