"""The routes of OpenAI's dialects."""

import time
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import PLAIN_JSON, SSE, UNCACHED, Answer, Desk, Manners, refusal
from proxy.api.record import record_of
from proxy.core.errors import ServerError
from proxy.wire import anthropic, models, openai, responses

_CHAT = Manners(openai.error_body, PLAIN_JSON, SSE, openai.SPELLINGS)
_MESSAGES = Manners(anthropic.error_body, PLAIN_JSON, SSE, anthropic.SPELLINGS)
_RESPONSES = Manners(openai.error_body, PLAIN_JSON, SSE, responses.SPELLINGS, UNCACHED)


class OpenAIRoutes:
    """Answers in OpenAI's dialects."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        table = [
            ("POST", "/v1/chat/completions", self.chat_completion),
            ("POST", "/v1/completions", self.completion),
            ("GET", "/v1/models", self.models),
            ("GET", "/v1/models/{model}", self.model),
        ]
        newer = [("POST", "/v1/responses", self.response)]
        return [*self._desk.routes(_CHAT, table), *self._desk.routes(_RESPONSES, newer)]

    async def chat_completion(self, request: Request) -> Answer:
        call = await self._desk.asked(request, openai.parse_chat_completion)
        stream = openai.ChunkStream(_id("chatcmpl-"), int(time.time()), call.model, include_usage=call.include_usage)
        return self._desk.turn(request, call, stream, _CHAT, kept=True)

    async def completion(self, request: Request) -> Answer:
        call = await self._desk.asked(request, openai.parse_completion)
        stream = openai.CompletionStream(_id("cmpl-"), int(time.time()), call.model, include_usage=call.include_usage)
        if call.action == "answer":
            return self._desk.turn(request, call, stream, _CHAT)
        record_of(request.scope).note(model=call.model)

        async def loaded() -> Response:
            await self._desk.engine.load(call.model, call.request.keep_alive, call.request.caller)
            # As a header: starlette adds a charset to the media type of a text.
            headers = {"content-type": SSE if call.stream else PLAIN_JSON}
            return Response(stream.loaded(stream=call.stream), headers=headers)

        return self._desk.work(request, _CHAT, loaded)

    async def response(self, request: Request) -> Answer:
        call = await self._desk.asked(request, responses.parse_response)
        stream = responses.ResponseStream(_id("resp_"), int(time.time()), call.model, call.echo, call.namespaces)
        return self._desk.turn(request, call, stream, _RESPONSES)

    async def models(self, request: Request) -> Response:
        shape = models.anthropic_models if _is_anthropic(request) else models.v1_models
        return Response(shape(self._desk.cards(request)), media_type=PLAIN_JSON)

    async def model(self, request: Request) -> Response:
        name = request.path_params["model"]
        shape = models.anthropic_model if _is_anthropic(request) else models.v1_model
        try:
            return Response(shape(await self._desk.shown(request, name), name), media_type=PLAIN_JSON)
        except ServerError as error:
            return refusal(request, error, _MESSAGES if _is_anthropic(request) else _CHAT)


def _is_anthropic(request: Request) -> bool:
    """Whether one of Anthropic's clients asks: its list of models is at the same path."""
    return "anthropic-version" in request.headers


def _id(prefix: str) -> str:
    return f"{prefix}{uuid4().hex[:12]}"
