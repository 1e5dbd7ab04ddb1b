"""The routes of the chat service: a plain API of its own, with metrics and kept chats."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import PLAIN_JSON, SSE, UNCACHED, UNSTORED, Answer, Desk, Manners
from proxy.api.metering import Followed, Meter
from proxy.api.reply import Dialect
from proxy.catalog.fit import Fitted
from proxy.chats.keeper import Keeper, OpenChat
from proxy.core.chats import Chat, ChatMessage
from proxy.core.contracts import Turn
from proxy.core.errors import BackendFailed, InvalidRequest, UpstreamFailed
from proxy.core.reply import Reply
from proxy.observe.resources import Resources
from proxy.wire import chat
from proxy.wire.chat import history
from proxy.wire.chat.requests import SIMPLE, STREAM, check_chat_id, parse_render

_MANNERS = Manners(chat.error_body, PLAIN_JSON, SSE, chat.SPELLINGS, UNCACHED)

_UNREACHABLE = 503
# The status of whatever keeps the backend from answering, be it the CLI or the API behind it.

_RENDERINGS = 1
# At the same time: they take the interpreter from streams, a little at a time.


@dataclass(frozen=True, slots=True)
class ChatService:
    """What the routes need beside the engine: the kept chats, readings of the machine, and the name of the `model` that
    answers where a request names none."""

    keeper: Keeper
    resources: Resources
    model: str


class ChatRoutes:
    """Answers messages and flat prompts, and tells of kept chats: to each caller of their own."""

    def __init__(self, desk: Desk, service: ChatService) -> None:
        self._desk = desk
        self._service = service
        self._rendering = anyio.CapacityLimiter(_RENDERINGS)

    def routes(self) -> list[Route]:
        """The route table."""
        table = [
            ("POST", "/chat", self.answer),
            ("POST", "/chat/simple", self.simple),
            ("POST", "/chat/stream", self.stream),
            ("GET", "/chat/history", self.histories),
            ("GET", "/chat/history/{id}", self.history),
            ("DELETE", "/chat/delete/{id}", self.delete),
            ("POST", "/chat/render", self.render),
        ]
        return self._desk.routes(_MANNERS, table)

    async def answer(self, request: Request) -> Answer:
        call = await self._desk.asked(request, partial(chat.parse_chat, default=self._service.model))
        return self._prompt(request, call) if isinstance(call, chat.PromptChat) else self._message(request, call)

    async def stream(self, request: Request) -> Answer:
        parse = partial(chat.parse_message, default=self._service.model, struct=STREAM)
        return self._message(request, replace(await self._desk.asked(request, parse), stream=True))

    async def simple(self, request: Request) -> Answer:
        parse = partial(chat.parse_message, default=self._service.model, struct=SIMPLE)
        call = await self._desk.asked(request, parse)
        fitted, notes = self._desk.fitted(request, call, _MANNERS)
        meter = self._meter()
        answer = chat.SimpleAnswer(call.request.model, meter.use)

        async def complete(_reply: Reply) -> None:
            await meter.end()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Turn]:
            async with self._metered(fitted, meter) as turn:
                yield Followed(turn, complete)

        dialect = Dialect(chat.error_body, answer.whole, PLAIN_JSON, SSE, headers=notes)
        return self._desk.reply(opened, dialect)

    def _prompt(self, request: Request, call: chat.PromptChat) -> Answer:
        stream = chat.PromptStream(f"chatcmpl-{uuid4().hex[:12]}", int(time.time()), call.request.model)
        fitted, notes = self._desk.fitted(request, call, _MANNERS)
        dialect = Dialect(chat.error_body, stream.whole, PLAIN_JSON, SSE, stream, (*notes, *UNCACHED))
        return self._desk.reply(partial(self._opened, fitted), dialect)

    def _message(self, request: Request, call: chat.MessageChat) -> Answer:
        chat_id = call.chat_id or str(uuid4())
        meter, keeper, model = self._meter(), self._service.keeper, call.request.model
        answer = chat.MessageAnswer(model, chat_id, time.time_ns, meter.use)
        headers = list(UNCACHED if call.stream else ())

        @asynccontextmanager
        async def opened() -> AsyncIterator[Turn]:
            async with keeper.opened(call.request.caller.name, chat_id, call.keep) as kept:
                asked_at = datetime.now(UTC)
                # Only now it is known what was said before, and whether it all fits.
                fitted, notes = self._desk.fitted(request, _after(kept, call), _MANNERS)
                headers.extend(notes)

                async def complete(reply: Reply) -> None:
                    await meter.end()
                    question = ChatMessage("user", call.text, asked_at, call.images)
                    said = ChatMessage("assistant", reply.text, datetime.now(UTC), (), reply.thinking, model)
                    await keeper.keep(kept, question, said)

                async with self._metered(fitted, meter) as turn:
                    yield Followed(turn, complete)

        stream = answer if call.stream else None
        return self._desk.reply(opened, Dialect(chat.error_body, answer.whole, PLAIN_JSON, SSE, stream, headers))

    def _meter(self) -> Meter:
        return Meter(self._service.resources, self._desk.engine)

    @asynccontextmanager
    async def _metered(self, fitted: Fitted, meter: Meter) -> AsyncIterator[Turn]:
        await meter.begin()
        async with self._opened(fitted) as turn:
            await meter.opened(turn)
            yield turn

    @asynccontextmanager
    async def _opened(self, fitted: Fitted) -> AsyncIterator[Turn]:
        with _unreachable():
            async with self._desk.engine.open(fitted) as turn:
                yield turn

    def _owner(self, request: Request) -> str:
        return self._desk.caller(request).name

    async def histories(self, request: Request) -> Response:
        sought = request.query_params.get("search", "")
        summaries = await self._service.keeper.summaries(self._owner(request), sought)
        return _told(await to_thread.run_sync(history.chats, summaries))

    async def history(self, request: Request) -> Response:
        chat_id = check_chat_id(request.path_params["id"])
        found: Chat | None = await self._service.keeper.load(self._owner(request), chat_id)
        if found is None:
            raise _not_found()
        return _told(await to_thread.run_sync(history.history, found))

    async def render(self, request: Request) -> Response:
        text = await self._desk.parsed(request, parse_render)
        async with self._rendering:
            return _told(await to_thread.run_sync(_rendering, text))

    async def delete(self, request: Request) -> Response:
        chat_id = check_chat_id(request.path_params["id"])
        if not await self._service.keeper.delete(self._owner(request), chat_id):
            raise _not_found()
        return _told(history.DELETED)


def _after(kept: OpenChat, call: chat.MessageChat) -> chat.MessageChat:
    """A call whose request has the whole chat before its message. Raises `InvalidRequest`."""
    [asked] = call.request.messages
    messages = history.conversation(kept.system, kept.messages, asked)
    return replace(call, request=replace(call.request, messages=messages))


@contextmanager
def _unreachable() -> Iterator[None]:
    try:
        yield
    except (UpstreamFailed, BackendFailed) as error:
        error.status = _UNREACHABLE
        raise


def _rendering(text: str) -> bytes:
    from proxy.wire.chat.rendering import rendering  # it takes a while, and is for the page alone

    return rendering(text)


def _told(body: bytes) -> Response:
    return Response(body, headers=UNSTORED, media_type=PLAIN_JSON)


def _not_found() -> InvalidRequest:
    return InvalidRequest("chat_id is not known", status=404)
