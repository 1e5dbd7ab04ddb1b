"""The routes of embeddings, which no model here makes: clear errors in the shapes of the two dialects."""

from functools import partial

from starlette.requests import Request
from starlette.routing import Route

from proxy.api.desk import JSON, NDJSON, PLAIN_JSON, SSE, Answer, Desk, Manners
from proxy.wire import ollama, openai
from proxy.wire.embeddings import Refusal, refuse_embed, refuse_embedding, refuse_v1_embeddings

_NATIVE = Manners(ollama.error_body, JSON, NDJSON, {})
_OPENAI = Manners(openai.error_body, PLAIN_JSON, SSE, {})


class EmbeddingRoutes:
    """Refuses embeddings."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        native = [
            ("POST", "/api/embed", partial(self.refuse, refuse_embed)),
            ("POST", "/api/embeddings", partial(self.refuse, refuse_embedding)),
        ]
        other = [("POST", "/v1/embeddings", partial(self.refuse, refuse_v1_embeddings))]
        return [*self._desk.routes(_NATIVE, native), *self._desk.routes(_OPENAI, other)]

    async def refuse(self, refusal: Refusal, request: Request) -> Answer:
        return await self._desk.parsed(request, refusal)
