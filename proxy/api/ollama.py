"""The routes of Ollama's own dialect."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import JSON, NDJSON, Answer, Desk, Manners, route
from proxy.api.health import SERVER
from proxy.api.identity import identity_of, is_at_hand
from proxy.api.operations import endpoints
from proxy.api.page import PAGE_HEADERS, Status, page
from proxy.api.record import record_of
from proxy.core.request import Caller
from proxy.wire import models, ollama
from proxy.wire.jsontext import dump

API_VERSION = "0.32.15"
"""The version of Ollama whose API this is. Clients compare it with what they need."""

_MANNERS = Manners(ollama.error_body, JSON, NDJSON, ollama.SPELLINGS)


class OllamaRoutes:
    """Answers in Ollama's dialect, and browsers at ``/`` with the page of `status`."""

    def __init__(self, desk: Desk, status: Callable[[], Status]) -> None:
        self._desk = desk
        self._engine = desk.engine
        self._status = status

    def routes(self) -> list[Route]:
        """The route table."""
        table = [
            ("HEAD, GET", "/api/version", self.version),
            ("HEAD, GET", "/api/tags", self.tags),
            ("GET", "/api/ps", self.ps),
            ("POST", "/api/show", self.show),
            ("POST", "/api/chat", self.chat),
            ("POST", "/api/generate", self.generate),
        ]
        return [route("HEAD, GET", "/", self.home), *self._desk.routes(_MANNERS, table)]

    async def home(self, request: Request) -> Response:
        accepted = request.headers.get("accept", "")
        # What runs here is for those alone who may use all of it.
        if "text/html" in accepted and (identity_of(request.scope).admin or is_at_hand(request)):
            return Response(page(self._status()), headers=PAGE_HEADERS, media_type="text/html; charset=utf-8")
        if "application/json" in accepted:
            return Response(_about(self._status().version, request.app.routes), media_type=JSON)
        return Response("Ollama is running", media_type="text/plain; charset=utf-8")

    async def version(self, _request: Request) -> Response:
        return Response(models.version(API_VERSION), media_type=JSON)

    async def tags(self, request: Request) -> Response:
        return Response(models.tags(self._desk.cards(request)), media_type=JSON)

    async def ps(self, request: Request) -> Response:
        now = datetime.now().astimezone()
        loaded = [
            models.Loaded(self._desk.card(self._engine.find(name)), _end(now, seconds))
            for name, seconds in self._engine.loaded(_whose(request)).items()
        ]
        return Response(models.ps(loaded), media_type=JSON)

    async def show(self, request: Request) -> Response:
        asked = ollama.parse_show(await self._desk.body(request))
        card = await self._desk.shown(request, asked.model)
        return Response(models.show(card, asked, request.headers.get("user-agent", "")), media_type=JSON)

    async def chat(self, request: Request) -> Answer:
        call = await self._desk.asked(request, ollama.parse_chat)
        return self._answer(request, call, ollama.ChatStream(call.model, time.time_ns))

    async def generate(self, request: Request) -> Answer:
        call = await self._desk.asked(request, ollama.parse_generate)
        return self._answer(request, call, ollama.GenerateStream(call.model, time.time_ns, call.remembered))

    def _answer(
        self, request: Request, call: ollama.OllamaChat, stream: ollama.ChatStream | ollama.GenerateStream
    ) -> Answer:
        if call.action == "answer":
            return self._desk.turn(request, call, stream, _MANNERS, kept=isinstance(stream, ollama.ChatStream))
        record_of(request.scope).note(model=call.model)
        reason = call.action

        async def loaded() -> Response:
            if reason == "load":
                self._engine.fit(call.request)  # what the model cannot do is an error here too
                await self._engine.load(call.model, call.request.keep_alive, call.request.caller)
            else:
                await self._engine.unload(call.model, _whose(request))
            return Response(stream.loaded(reason), media_type=JSON)

        return self._desk.work(request, _MANNERS, loaded)


def _about(version: str, routes: Sequence[Route]) -> bytes:
    """What runs here, and what it serves."""
    table = [(each.path, sorted(each.methods or ())) for each in routes]
    return dump({"app_name": SERVER, "version": version, "endpoints": endpoints(table)})


def _whose(request: Request) -> Caller | None:
    """Whose loaded models a request is about: its caller's, an admin's about everyone's."""
    identity = identity_of(request.scope)
    return None if identity.admin else identity.caller


def _end(now: datetime, seconds: float) -> datetime | None:
    """When so many seconds are over; None for never."""
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return None
