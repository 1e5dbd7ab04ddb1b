"""The model as an `Embedder`: one batch at a time, in a thread, so that nothing else waits for it."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.errors import InvalidRequest

if TYPE_CHECKING:
    from proxy.backends.minilm.texts import Texts

TOO_LONG = "the input length exceeds the context length"
"""Ollama's words."""

_ROWS_AT_ONCE = 8
# Texts of a batch. Between two a cancelled request ends, and another one gets its turn.

_TEXTS_AT_ONCE = 64
# Texts that are split into tokens at a stretch.


class MiniLM:
    """Makes embeddings with the model in `folder`, which is loaded by the first request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: Texts | None = None
        self._one = anyio.CapacityLimiter(1)

    async def embed(self, request: EmbedRequest, model: str) -> Embedded:
        """The vectors of the inputs. Raises `InvalidRequest` for a text that is too long and may not be cut."""
        opened = time.monotonic_ns()
        texts = await to_thread.run_sync(self._loaded, limiter=self._one)
        loaded = time.monotonic_ns()
        rows = await self._tokens(texts, request)
        vectors: list[Sequence[float]] = [()] * len(rows)
        # Texts of about the same length are filled up least.
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        encode = partial(texts.vectors, dimensions=request.dimensions, normalized=request.normalized)
        for start in range(0, len(order), _ROWS_AT_ONCE):
            places = order[start : start + _ROWS_AT_ONCE]
            made = await to_thread.run_sync(encode, [rows[index] for index in places], limiter=self._one)
            for index, vector in zip(places, made, strict=True):
                vectors[index] = vector
        total = max(1, time.monotonic_ns() - opened)
        return Embedded(vectors, sum(map(len, rows)), load=max(1, loaded - opened), total=total)

    async def _tokens(self, texts: "Texts", request: EmbedRequest) -> list[list[int]]:
        from proxy.backends.minilm.texts import TooLong

        def split(inputs: Sequence[str]) -> list[list[int]]:
            return [texts.tokens(text, truncate=request.truncate) for text in inputs]

        rows: list[list[int]] = []
        for start in range(0, len(request.inputs), _TEXTS_AT_ONCE):
            inputs = request.inputs[start : start + _TEXTS_AT_ONCE]
            try:
                rows += await to_thread.run_sync(split, inputs, limiter=self._one)
            except TooLong:
                raise InvalidRequest(TOO_LONG, should_retry=False) from None
        return rows

    def _loaded(self) -> "Texts":
        if self._texts is None:
            # A daemon that is asked for no embeddings needs none of this.
            from proxy.backends.minilm.texts import Texts

            self._texts = Texts(self._folder)
        return self._texts
