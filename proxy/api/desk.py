"""What the routes of all dialects have in common: bodies parsed, turns opened, errors in the dialect's words."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from proxy.api.body import read_body
from proxy.api.identity import identity_of
from proxy.api.metering import Followed
from proxy.api.record import Record, record_of
from proxy.api.reply import Dialect, Encoder, Headers, OpenTurn, TurnReply, error_headers
from proxy.api.work import Work, WorkReply
from proxy.catalog.fit import Fitted
from proxy.catalog.models import Model
from proxy.chats.dialects import DialectChats
from proxy.core.contracts import Turn
from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.reply import Reply
from proxy.core.request import Caller, ChatRequest
from proxy.core.traits import Traits
from proxy.engine import Engine
from proxy.wire import ollama
from proxy.wire.models import ModelCard
from proxy.wire.names import CloudOff, model_not_found_text
from proxy.wire.requests import Exists, any_model

Answer = Response | ASGIApp
Handler = Callable[[Request], Awaitable[Answer]]
ErrorBody = Callable[[ServerError], bytes]

Value = TypeVar("Value")
Asked = TypeVar("Asked", bound="Call")

_DISCOVERY_PATIENCE = 10.0
# Seconds that a request for an unknown model waits for the CLI's first process, which knows more of them.

_LARGE_BODY = 256 << 10
# Bytes from which on a body is parsed beside the event loop, where it would hold up every stream.

JSON = "application/json; charset=utf-8"
PLAIN_JSON = "application/json"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
UNCACHED = ((b"cache-control", b"no-cache"),)
UNSTORED = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Options:
    """`max_body` in bytes; `write_timeout`, and `request_timeout` for a body to arrive, in seconds. `simulated`: every
    answer is a made-up one, and says so.

    `fallback` is the name of the model that answers where an unknown one is asked for, None for an error. `chats` keeps
    the conversations of other dialects, where they are to be kept. `contents`: what was said in requests is kept for a
    while, and shown to admins.
    """

    max_body: int
    write_timeout: float
    simulated: bool = False
    fallback: str | None = None
    request_timeout: float = 60.0
    chats: DialectChats | None = None
    contents: bool = False


class Call(Protocol):
    """A parsed body that asks for an answer. `unsupported` names what no model of Claude's does of what it asks for."""

    @property
    def request(self) -> ChatRequest: ...

    @property
    def stream(self) -> bool: ...

    @property
    def unsupported(self) -> tuple[str, ...]: ...


class Answers(Encoder, Protocol):
    """A dialect's answer: its stream, or the whole of it."""

    def whole(self, reply: Reply) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Manners:
    """How a dialect answers: its error bodies, the types of a whole answer and of a stream, which has `stream_headers`
    besides, and what it calls the fields of the core's `ChatRequest` and `Options` (`spellings`)."""

    error_body: ErrorBody
    content_type: str
    stream_type: str
    spellings: Mapping[str, str]
    stream_headers: Headers = ()


class Desk:
    """Where the requests of all dialects are taken. `engine` runs their turns; `discovered` is set once the CLI has
    told which models it knows."""

    def __init__(self, engine: Engine, options: Options, discovered: anyio.Event) -> None:
        self.engine = engine
        self._options = options
        self._discovered = discovered

    @property
    def write_timeout(self) -> float:
        """Seconds after which a client that takes nothing is given up."""
        return self._options.write_timeout

    def routes(self, manners: Manners, table: Iterable[tuple[str, str, Handler]]) -> list[Route]:
        """The routes of a `table` of methods, path and handler; errors are told by the dialect's `manners`."""
        return [route(methods, path, _guarded(manners, handler)) for methods, path, handler in table]

    def admins(self, table: Iterable[tuple[str, str, Handler]]) -> list[tuple[str, str, Handler]]:
        """A table whose handlers are for those alone who may change the models of the daemon."""
        return [(methods, path, _for_admins(handler)) for methods, path, handler in table]

    async def parsed(self, request: Request, parse: Callable[[bytes, Exists], Value]) -> Value:
        """The body as `parse` reads it. Raises `ServerError`."""
        return await self._known(parse, await self.body(request), self._exists(request))

    async def asked(self, request: Request, parse: Callable[[bytes, Exists], Asked]) -> Asked:
        """A body that asks a model for something, which may be the fallback model. Raises `ServerError`."""
        body = await self.body(request)
        call: Any
        try:
            call = await self._known(parse, body, self._exists(request))
        except ModelNotFound:
            if self._options.fallback is None:
                raise
            call = await _parsed(parse, body, any_model)
            record_of(request.scope).note(asked_model=call.request.model)
            self._exists(request)(self._options.fallback)
            call = replace(call, request=replace(call.request, model=self._options.fallback))
        made: Asked = replace(call, request=replace(call.request, caller=self.caller(request)))
        return made

    def caller(self, request: Request) -> Caller:
        """Whoever asks."""
        return identity_of(request.scope).caller

    def _exists(self, request: Request) -> Exists:
        """Raises for the name of a model that there is not, or that is not for whoever asks."""
        caller = self.caller(request)
        return lambda name: self.engine.permitted(name, caller)

    async def _known(self, parse: Callable[[bytes, Exists], Value], body: bytes, exists: Exists) -> Value:
        try:
            return await _parsed(parse, body, exists)
        except ModelNotFound:
            if not await self._more_known():
                raise
        return await _parsed(parse, body, exists)

    async def _more_known(self) -> bool:
        """Whether more models may be known now: right after the start only the configured ones are, and other servers
        have more from time to time. Waits for neither for ever."""
        early = not self._discovered.is_set()
        if early:
            with anyio.move_on_after(_DISCOVERY_PATIENCE):
                await self._discovered.wait()
        return await self.engine.look_again() or early

    async def body(self, request: Request) -> bytes:
        """The body, within its limit. Raises `ServerError`."""
        return await read_body(request, self._options.max_body, self._options.request_timeout)

    def turn(
        self, request: Request, call: Call, answers: Answers, manners: Manners, *, kept: bool = False
    ) -> TurnReply:
        """The answer to `call`: its turn opens when it is sent. Raises `ServerError` for what its model cannot do.

        `kept`: it is an answer of a conversation that may be kept.
        """
        fitted, notes = self.fitted(request, call, manners)
        dialect = Dialect(
            error=manners.error_body,
            whole=answers.whole,
            content_type=manners.content_type,
            stream=answers if call.stream else None,
            stream_type=manners.stream_type,
            headers=(*notes, *(manners.stream_headers if call.stream else ())),
        )
        if kept and (chats := self._options.chats):
            return self.reply(lambda: self._followed(fitted, call.request, chats), dialect)
        return self.reply(lambda: self.engine.open(fitted), dialect)

    @asynccontextmanager
    async def _followed(self, fitted: Fitted, request: ChatRequest, chats: DialectChats) -> AsyncIterator[Turn]:
        async with self.engine.open(fitted) as turn:
            yield Followed(turn, partial(chats.keep, request))

    def fitted(self, request: Request, call: Call, manners: Manners) -> tuple[Fitted, Headers]:
        """`call` made to fit its model, and the headers that say what of it is not done. Raises `ServerError`."""
        record = record_of(request.scope)
        record.note(model=call.request.model)
        fitted = self.engine.fit(call.request)
        return fitted, self._notes(call.unsupported, fitted, manners.spellings, record)

    def reply(self, open_turn: OpenTurn, dialect: Dialect) -> TurnReply:
        """The answer of a turn that opens when it is sent."""
        return TurnReply(open_turn, dialect, write_timeout=self._options.write_timeout)

    def work(self, request: Request, manners: Manners, work: Work) -> WorkReply:
        """The answer that `work` comes to, unless its client goes away before."""

        async def done() -> Response:
            try:
                return await work()
            except ServerError as error:
                return refusal(request, error, manners)

        return WorkReply(done)

    async def find(self, request: Request, name: str) -> Model:
        """The model of a name, for whoever asks. Raises `ModelNotFound` and `InvalidRequest`."""
        try:
            return self.engine.permitted(name, self.caller(request))
        except ModelNotFound:
            await self._more_known()
        return self.engine.permitted(name, self.caller(request))

    async def shown(self, request: Request, name: str) -> ModelCard:
        """The model of a name, as clients see it. Raises `ModelNotFound`, as the routes that show models say it."""
        try:
            return self.card(await self.find(request, name))
        except ModelNotFound:
            raise ModelNotFound(model_not_found_text(name, full=True)) from None

    def cards(self, request: Request) -> list[ModelCard]:
        """All models that are for whoever asks, as clients see them."""
        identity = identity_of(request.scope)
        return [self.card(model) for model in self.engine.catalog.models if identity.may_use(model.name)]

    def card(self, model: Model) -> ModelCard:
        """A model, as clients see it."""
        persona = model.persona
        return ModelCard(
            name=model.name,
            display_name=model.display_name,
            backend_model=model.backend_model,
            context_length=model.context_length,
            max_output_tokens=model.max_output_tokens,
            capabilities=model.capabilities,
            modified_at=self._modified_at(model),
            simulated=self._options.simulated,
            traits=persona.traits if persona else Traits(),
            base=persona.base if persona else "",
            parent=persona.parent if persona else "",
            listing=model.listing,
        )

    def _modified_at(self, model: Model) -> datetime:
        if model.persona is not None:
            return model.persona.modified_at
        return self.engine.catalog.since if model.listing is None else model.listing.modified_at

    def _notes(
        self, by_dialect: Sequence[str], fitted: Fitted, spellings: Mapping[str, str], record: Record
    ) -> Headers:
        """The headers, and the fields of the log line, that say what of a request was not done."""
        unheard = (name for name in by_dialect if name not in fitted.honoured)
        names = list(dict.fromkeys((*unheard, *(spellings.get(name, name) for name in fitted.unsupported))))
        headers: list[tuple[bytes, bytes]] = []
        if names:
            self.engine.unsupported.update(names)
            record.note(unsupported=names)
            headers.append((b"x-unsupported-options", ", ".join(names).encode("ascii", "replace")))
        if fitted.dropped:
            record.note(messages_left_out=fitted.dropped)
            headers.append((b"x-messages-left-out", b"%d" % fitted.dropped))
        return headers


async def _parsed(parse: Callable[[bytes, Exists], Value], body: bytes, exists: Exists) -> Value:
    if len(body) < _LARGE_BODY:
        return parse(body, exists)
    return await to_thread.run_sync(parse, body, exists)


def route(methods: str, path: str, handler: Handler) -> Route:
    """A route for exactly these methods, in this order: starlette answers HEAD wherever it answers GET, Ollama not."""
    made = Route(path, handler, methods=methods.split(", "))
    made.methods = set(methods.split(", "))
    return made


def _for_admins(handler: Handler) -> Handler:
    async def for_admins(request: Request) -> Answer:
        if not identity_of(request.scope).admin:
            text = "this API key may not change the models of this server: it takes an admin key"
            raise InvalidRequest(text, status=403, should_retry=False)
        return await handler(request)

    return for_admins


def _guarded(manners: Manners, handler: Handler) -> Handler:
    async def guarded(request: Request) -> Answer:
        try:
            return await handler(request)
        except ServerError as error:
            return refusal(request, error, manners)

    return guarded


def refusal(request: Request, error: ServerError, manners: Manners) -> Response:
    """The answer that tells of `error`, by a dialect's `manners`."""
    record_of(request.scope).failed(error)
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    if isinstance(error, CloudOff):
        return Response(ollama.error_body(error), error.status, headers, JSON)
    return Response(manners.error_body(error), error.status, headers, manners.content_type)
