"""Texts to token ids, and their vectors. It takes time: not for the event loop."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from proxy.backends.minilm.encoder import Encoder
from proxy.backends.minilm.place import VOCABULARY, WEIGHTS

WINDOW = 256
"""Tokens of a text that the model was made for, its two marks included."""

_MOST_CHARS = 20_000
# What is beyond is beyond the window too, and would only take time: no word has more than a hundred characters.


class TooLong(ValueError):
    """A text has more tokens than the model was made for."""


class Texts:
    """The model in `folder`, loaded."""

    def __init__(self, folder: Path) -> None:
        # Threads of NumPy's own wait for each other by spinning, on the cores that everything else here needs.
        threadpool_limits(1, user_api="blas")
        self._tokenizer = Tokenizer.from_file(str(folder / VOCABULARY))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._encoder = Encoder(load_file(folder / WEIGHTS))

    def tokens(self, text: str, *, truncate: bool) -> list[int]:
        """The token ids of a text, at most `WINDOW`. Raises `TooLong` unless it may be cut."""
        ids: list[int] = self._tokenizer.encode(text[:_MOST_CHARS]).ids
        if len(ids) <= WINDOW:
            return ids
        if not truncate:
            raise TooLong
        return [*ids[: WINDOW - 1], ids[-1]]

    def vectors(self, rows: Sequence[Sequence[int]], *, dimensions: int | None, normalized: bool) -> list[list[float]]:
        """A vector for each row of token ids."""
        length = max(map(len, rows))
        ids = np.array([[*row, *[0] * (length - len(row))] for row in rows])
        mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        made = self._encoder.encode(ids, mask)[:, :dimensions]
        if normalized:
            made = made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), np.float32(1e-12))
        listed: list[list[float]] = made.tolist()
        return listed
