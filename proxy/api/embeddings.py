"""The routes of embeddings, in the two dialects that have any."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import JSON, NDJSON, PLAIN_JSON, SSE, Answer, Desk, Manners
from proxy.api.record import record_of
from proxy.core.embedding import Embedded
from proxy.wire import embeddings, ollama, openai
from proxy.wire.embeddings import EmbedCall
from proxy.wire.requests import Exists

_NATIVE = Manners(ollama.error_body, JSON, NDJSON, {})
_OPENAI = Manners(openai.error_body, PLAIN_JSON, SSE, {})

Parse = Callable[[bytes, Exists], EmbedCall]
Write = Callable[[EmbedCall, Embedded], bytes]


class EmbeddingRoutes:
    """Makes embeddings, with the models that can."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        embed = partial(self.embed, embeddings.parse_embed, embeddings.embed_body, _NATIVE)
        embedding = partial(self.embed, embeddings.parse_embedding, embeddings.embedding_body, _NATIVE)
        other = partial(self.embed, embeddings.parse_v1_embeddings, embeddings.v1_embeddings_body, _OPENAI)
        native = [("POST", "/api/embed", embed), ("POST", "/api/embeddings", embedding)]
        return [
            *self._desk.routes(_NATIVE, native),
            *self._desk.routes(_OPENAI, [("POST", "/v1/embeddings", other)]),
        ]

    async def embed(self, parse: Parse, write: Write, manners: Manners, request: Request) -> Answer:
        call = await self._desk.parsed(request, parse)
        asked = replace(call.request, caller=self._desk.caller(request))
        record = record_of(request.scope)
        record.note(model=asked.model)

        async def embedded() -> Response:
            made = await self._desk.engine.embed(asked)
            record.note(inputs=len(asked.inputs), prompt_tokens=made.tokens)
            # Many vectors take a while to write.
            body = await to_thread.run_sync(write, call, made)
            return Response(body, headers={"content-type": manners.content_type})

        return self._desk.work(request, manners, embedded)
