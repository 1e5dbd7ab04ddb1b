"""Ollama's routes that make, copy, delete and fetch models, and those of its account."""

import contextlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import JSON, NDJSON, PLAIN_JSON, Desk, Manners
from proxy.api.identity import identity_of
from proxy.api.record import record_of
from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.wire import ollama
from proxy.wire.gotext import quote
from proxy.wire.ollama import account, creation, progress

_MANNERS = Manners(ollama.error_body, JSON, NDJSON, ollama.SPELLINGS)


class LibraryRoutes:
    """The models of one's own. What is asked for is done when it is answered: the steps of a stream come at once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        changes = [
            ("POST", "/api/create", self.create),
            ("POST", "/api/copy", self.copy),
            ("DELETE", "/api/delete", self.delete),
            ("POST", "/api/push", self.push),
            ("HEAD, POST", "/api/blobs/{digest}", self.blob),
        ]
        table = [
            *self._desk.admins(changes),
            ("POST", "/api/pull", self.pull),
            ("POST", "/api/me", self.me),
            ("POST", "/api/signout", self.signout),
            ("DELETE", "/api/user/keys/{key}", self.signout),
            ("GET", "/api/status", self.status),
            ("GET", "/api/experimental/model-recommendations", self.recommendations),
            ("POST", "/api/experimental/web_search", self.web),
            ("POST", "/api/experimental/web_fetch", self.web),
        ]
        return self._desk.routes(_MANNERS, table)

    async def create(self, request: Request) -> Response:
        asked = await self._desk.parsed(request, lambda body, _exists: creation.parse_create(body))
        record_of(request.scope).note(model=asked.name.short)
        engine = self._desk.engine
        try:
            parent = self._desk.card(await self._desk.find(request, asked.source))
            persona = await engine.library.create(asked.name, asked.source, asked.traits)
        except ModelNotFound:
            # Ollama goes to fetch what it does not have.
            return self._failed(request, progress.PULLING, _missing(), stream=asked.stream)
        return _told(progress.create_steps(parent, persona.traits), stream=asked.stream)

    async def copy(self, request: Request) -> Response:
        asked = creation.parse_copy(await self._desk.body(request))
        record_of(request.scope).note(model=asked.destination.short)
        try:
            await self._desk.find(request, asked.source)
            await self._desk.engine.library.copy(asked.source, asked.destination)
        except ModelNotFound:
            raise ModelNotFound(f"model {quote(asked.source)} not found") from None
        return Response()

    async def delete(self, request: Request) -> Response:
        name = creation.parse_delete(await self._desk.body(request))
        record_of(request.scope).note(model=name)
        await self._desk.find(request, name)
        await self._desk.engine.delete(name)
        return Response()

    async def pull(self, request: Request) -> Response:
        asked = creation.parse_pull(await self._desk.body(request))
        record_of(request.scope).note(model=asked.model)
        try:
            card = self._desk.card(await self._desk.find(request, asked.model))
        except ModelNotFound:
            return self._failed(request, progress.PULLING, _missing(), stream=asked.stream)
        return _told(progress.pull_steps(card), stream=asked.stream)

    async def push(self, request: Request) -> Response:
        asked = creation.parse_push(await self._desk.body(request))
        record_of(request.scope).note(model=asked.model)
        try:
            await self._desk.find(request, asked.model)
        except ModelNotFound as error:
            return self._failed(request, progress.PUSH_MISSING, error, stream=asked.stream)
        refused = InvalidRequest("unauthorized: the models of this server cannot be pushed to a registry", status=403)
        return self._failed(request, progress.PUSHING, refused, stream=asked.stream)

    async def blob(self, request: Request) -> Response:
        creation.check_digest(request.path_params["digest"])
        if request.method == "HEAD":
            return Response(status_code=404)
        # A client that is cut off while it sends would not read why.
        with contextlib.suppress(InvalidRequest):
            await self._desk.body(request)
        raise InvalidRequest(creation.NO_FILES)

    async def me(self, _request: Request) -> Response:
        raise account.signed_out()

    async def signout(self, _request: Request) -> Response:
        raise account.never_signed_in()

    async def status(self, _request: Request) -> Response:
        return Response(account.CLOUD_STATUS, media_type=JSON)

    async def recommendations(self, request: Request) -> Response:
        identity, bases = identity_of(request.scope), self._desk.engine.catalog.bases
        cards = [self._desk.card(model) for model in bases if identity.may_use(model.name)]
        return Response(account.recommendations(cards), media_type=JSON)

    async def web(self, request: Request) -> Response:
        account.refuse_web(await self._desk.body(request), request.url.path.rpartition("_")[2])

    def _failed(self, request: Request, steps: progress.Steps, error: ServerError, *, stream: bool) -> Response:
        """An answer whose last line is an error; without a stream it is the error's status."""
        if not stream:
            raise error
        record_of(request.scope).failed(error)
        return Response(progress.lines(steps, error), media_type=NDJSON)


def _told(steps: progress.Steps, *, stream: bool) -> Response:
    if stream:
        return Response(progress.lines(steps), media_type=NDJSON)
    return Response(progress.whole(steps), media_type=PLAIN_JSON)


def _missing() -> ServerError:
    return ServerError(progress.PULL_MISSING, fault="client", should_retry=False)
