"""The routes of the Ollama and OpenAI dialects: parse, open, reply."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.body import read_body
from proxy.api.page import PAGE_HEADERS, Status, page
from proxy.api.record import Record, record_of
from proxy.api.reply import Dialect, Headers, TurnReply, error_headers
from proxy.catalog.fit import Fitted
from proxy.catalog.models import Model
from proxy.core.errors import ModelNotFound, ServerError
from proxy.engine import Engine
from proxy.wire import models, ollama, openai
from proxy.wire.names import model_not_found_text
from proxy.wire.requests import Exists

Answer = Response | TurnReply
Handler = Callable[[Request], Awaitable[Answer]]
ErrorBody = Callable[[ServerError], bytes]

Value = TypeVar("Value")

_LARGE_BODY = 256 << 10
# Bytes from which on a body is parsed beside the event loop, where it would hold up every stream.

JSON = "application/json; charset=utf-8"
PLAIN_JSON = "application/json"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

API_VERSION = "0.32.15"
"""The version of Ollama whose API this is. Clients compare it with what they need."""


@dataclass(frozen=True, slots=True)
class Options:
    """`max_body` in bytes, `write_timeout` in seconds. `simulated`: every answer is a made-up one, and says so."""

    max_body: int
    write_timeout: float
    simulated: bool = False


class Handlers:
    """The handlers of one daemon."""

    def __init__(self, engine: Engine, options: Options, status: Callable[[], Status]) -> None:
        self._engine = engine
        self._options = options
        self._status = status

    def routes(self) -> list[Route]:
        """Every route of the dialects."""
        native = partial(self._guarded, ollama.error_body)
        other = partial(self._guarded, openai.error_body)
        return [
            _route("HEAD, GET", "/", self.home),
            _route("HEAD, GET", "/api/version", native(self.version)),
            _route("HEAD, GET", "/api/tags", native(self.tags)),
            _route("GET", "/api/ps", native(self.ps)),
            _route("POST", "/api/show", native(self.show)),
            _route("POST", "/api/chat", native(self.chat)),
            _route("POST", "/api/generate", native(self.generate)),
            _route("POST", "/v1/chat/completions", other(self.chat_completion)),
            _route("GET", "/v1/models", other(self.v1_models)),
            _route("GET", "/v1/models/{model}", other(self.v1_model)),
        ]

    def _guarded(self, error_body: ErrorBody, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Answer:
            try:
                return await handler(request)
            except ServerError as error:
                record_of(request.scope).failed(error)
                return Response(error_body(error), error.status, _text(error_headers(error)), JSON)

        return guarded

    async def home(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return Response(page(self._status()), headers=PAGE_HEADERS, media_type="text/html; charset=utf-8")
        return Response("Ollama is running", media_type="text/plain; charset=utf-8")

    async def version(self, _request: Request) -> Response:
        return Response(models.version(API_VERSION), media_type=JSON)

    async def tags(self, _request: Request) -> Response:
        return Response(models.tags(self._cards()), media_type=JSON)

    async def ps(self, _request: Request) -> Response:
        now = datetime.now().astimezone()
        loaded = [
            models.Loaded(self._card(self._engine.find(name)), _end(now, seconds))
            for name, seconds in self._engine.loaded().items()
        ]
        return Response(models.ps(loaded), media_type=JSON)

    async def show(self, request: Request) -> Response:
        asked = ollama.parse_show(await self._body(request))
        card = self._card(self._find(asked.model))
        return Response(models.show(card, asked, request.headers.get("user-agent", "")), media_type=JSON)

    async def v1_models(self, _request: Request) -> Response:
        return Response(models.v1_models(self._cards()), media_type=PLAIN_JSON)

    async def v1_model(self, request: Request) -> Response:
        name = request.path_params["model"]
        return Response(models.v1_model(self._card(self._find(name)), name), media_type=PLAIN_JSON)

    async def chat(self, request: Request) -> Answer:
        call = await _parsed(ollama.parse_chat, await self._body(request), self._engine.find)
        stream = ollama.ChatStream(call.model, time.time_ns)
        return self._answer_natively(request, call, stream)

    async def generate(self, request: Request) -> Answer:
        call = await _parsed(ollama.parse_generate, await self._body(request), self._engine.find)
        stream = ollama.GenerateStream(call.model, time.time_ns, call.remembered)
        return self._answer_natively(request, call, stream)

    def _answer_natively(
        self, request: Request, call: ollama.OllamaChat, stream: ollama.ChatStream | ollama.GenerateStream
    ) -> Answer:
        record = record_of(request.scope)
        record.note(model=call.model)
        if call.action != "answer":
            if call.action == "load":
                self._engine.fit(call.request)  # what the model cannot do is an error here too
                self._engine.load(call.model, call.request.keep_alive)
            else:
                self._engine.unload(call.model)
            return Response(stream.loaded(call.action), media_type=JSON)
        fitted = self._engine.fit(call.request)
        dialect = Dialect(
            error=ollama.error_body,
            whole=stream.whole,
            content_type=JSON,
            stream=stream if call.stream else None,
            stream_type=NDJSON,
            headers=self._notes(call.unsupported, fitted, ollama.SPELLINGS, record),
        )
        return self._turn(fitted, dialect)

    async def chat_completion(self, request: Request) -> TurnReply:
        call = await _parsed(openai.parse_chat_completion, await self._body(request), self._engine.find)
        record = record_of(request.scope)
        record.note(model=call.model)
        fitted = self._engine.fit(call.request)
        stream = openai.ChunkStream(
            f"chatcmpl-{uuid4().hex[:12]}",
            int(time.time()),
            call.request.model,
            include_usage=call.include_usage,
        )
        dialect = Dialect(
            error=openai.error_body,
            whole=stream.whole,
            content_type=PLAIN_JSON,
            stream=stream if call.stream else None,
            stream_type=SSE,
            headers=self._notes(call.unsupported, fitted, openai.SPELLINGS, record),
        )
        return self._turn(fitted, dialect)

    def _turn(self, fitted: Fitted, dialect: Dialect) -> TurnReply:
        return TurnReply(lambda: self._engine.open(fitted), dialect, write_timeout=self._options.write_timeout)

    def _notes(
        self, by_dialect: Sequence[str], fitted: Fitted, spellings: Mapping[str, str], record: Record
    ) -> Headers:
        """The headers, and the fields of the log line, that say what of a request was not done."""
        names = list(dict.fromkeys((*by_dialect, *(spellings.get(name, name) for name in fitted.unsupported))))
        headers: list[tuple[bytes, bytes]] = []
        if names:
            self._engine.unsupported.update(names)
            record.note(unsupported=names)
            headers.append((b"x-unsupported-options", ", ".join(names).encode("ascii", "replace")))
        if fitted.dropped:
            record.note(messages_left_out=fitted.dropped)
            headers.append((b"x-messages-left-out", b"%d" % fitted.dropped))
        return headers

    async def _body(self, request: Request) -> bytes:
        return await read_body(request, self._options.max_body)

    def _find(self, name: str) -> Model:
        try:
            return self._engine.find(name)
        except ModelNotFound:
            raise ModelNotFound(model_not_found_text(name, full=True)) from None

    def _cards(self) -> list[models.ModelCard]:
        return [self._card(model) for model in self._engine.catalog.models]

    def _card(self, model: Model) -> models.ModelCard:
        return models.ModelCard(
            name=model.name,
            display_name=model.display_name,
            cli_model=model.cli_model,
            context_length=model.context_length,
            max_output_tokens=model.max_output_tokens,
            capabilities=model.capabilities,
            modified_at=self._engine.catalog.since,
            simulated=self._options.simulated,
        )


def _route(methods: str, path: str, handler: Handler) -> Route:
    route = Route(path, handler, methods=methods.split(", "))
    # starlette answers HEAD wherever it answers GET, Ollama only where it says so.
    route.methods = set(methods.split(", "))
    return route


async def _parsed(parse: Callable[[bytes, Exists], Value], body: bytes, exists: Exists) -> Value:
    if len(body) < _LARGE_BODY:
        return parse(body, exists)
    return await to_thread.run_sync(parse, body, exists)


def _end(now: datetime, seconds: float) -> datetime | None:
    """When so many seconds are over; None for never."""
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _text(headers: Headers) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}
