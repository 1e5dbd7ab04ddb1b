"""A real Ollama server as a `Backend`: each turn is one request to it, whose lines come back as events."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from proxy.backends.ollama.answer import Answer, count
from proxy.backends.ollama.bodies import embedding, loading, old_embedding, question
from proxy.backends.ollama.client import Client
from proxy.backends.ollama.faults import misunderstood
from proxy.backends.ollama.turn import OllamaTurn
from proxy.core.contracts import Abilities, OnSpent, Spent, Target
from proxy.core.deadlines import Deadlines
from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.events import Finished
from proxy.core.request import Caller, ChatRequest

_INPUTS_AT_ONCE = 64
# Texts in one request: so many vectors are read at a stretch without holding up the streams of others.


class OllamaBackend:
    """Answers with the Ollama server that `client` asks; `on_spent` hears what turns have used."""

    abilities = Abilities()

    def __init__(self, client: Client, deadlines: Deadlines, on_spent: OnSpent = lambda _caller, _spent: None) -> None:
        self._client = client
        self._deadlines = deadlines
        self._on_spent = on_spent

    def limit(self, deadlines: Deadlines) -> None:
        """Hold what begins from now on to `deadlines`."""
        self._deadlines = deadlines

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        """No model of Ollama's has to be shown what it thought."""
        return True

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator[OllamaTurn]:
        """A turn that the server has begun to answer. Raises `ServerError`."""
        path, body = question(request, target.model)
        opened, limits = time.monotonic(), self._deadlines
        answer = Answer(target.model, show_thinking=not request.think_hidden)

        def finished(end: Finished) -> None:
            self._on_spent(request.caller, Spent(end.usage))

        async with self._client.stream(path, body, limits.first_event) as lines:
            turn = OllamaTurn(lines, answer, limits, opened, finished)
            await turn.begin()
            yield turn

    async def load(self, model: str, keep_alive: float | None) -> None:
        """Have the server load the model, or with 0 unload it. Raises `ServerError`."""
        await self._client.ask("POST", "/api/generate", self._deadlines.first_event, loading(model, keep_alive))

    def release(self, caller: Caller, model: str) -> None:
        """Nothing: the server keeps nothing for a caller, and unloads its models by itself."""

    async def embed(self, request: EmbedRequest, model: str) -> Embedded:
        """The vectors that the server makes of the inputs. Raises `ServerError`."""
        opened, vectors, tokens, load = time.monotonic(), [], 0, 0
        step = _INPUTS_AT_ONCE if request.normalized else 1
        for start in range(0, len(request.inputs), step):
            inputs = request.inputs[start : start + step]
            told = await self._embedded(request, model, inputs)
            vectors += _vectors(told, len(inputs))
            tokens += count(told, "prompt_eval_count")
            load += count(told, "load_duration")
        return Embedded(vectors, tokens, max(1, load), max(1, round((time.monotonic() - opened) * 1e9)))

    async def _embedded(self, request: EmbedRequest, model: str, inputs: Sequence[str]) -> dict[str, Any]:
        if request.normalized:
            path, body = "/api/embed", embedding(request, model, inputs)
        else:
            path, body = "/api/embeddings", old_embedding(request, model, inputs[0])
        told = await self._client.ask("POST", path, self._deadlines.first_event, body)
        if not isinstance(told, dict):
            raise misunderstood()
        return told


def _vectors(told: dict[str, Any], count: int) -> list[list[float]]:
    """The `count` vectors of an answer. Raises `UpstreamFailed` for anything else."""
    vectors = told["embeddings"] if "embeddings" in told else [told.get("embedding")]
    if not isinstance(vectors, list) or len(vectors) != count:
        raise misunderstood()
    for vector in vectors:
        if not isinstance(vector, list) or not set(map(type, vector)) <= {float, int}:
            raise misunderstood()
    return vectors
