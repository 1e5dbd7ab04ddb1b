"""The model: a BERT of six layers, and the mean of what it makes of each token.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers"; the numbers are those of the model's own
`config.json`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = Any
"""An array of NumPy's."""

DIMENSIONS = 384
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12
_NEVER = np.float32(-1e9)
# Added to how much a token looks at one that is only there to fill up.


class Encoder:
    """Makes vectors with these `weights`, by the names under which the model's file has them."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights

    def encode(self, ids: Array, mask: Array) -> Array:
        """A vector of `DIMENSIONS` for each row of token ids; `mask` is 1 for a token, 0 where a row is filled up."""
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][ids]
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        hidden = words + places + weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normalized("embeddings.LayerNorm", hidden)
        unseen = (1 - mask[:, None, None, :]).astype(np.float32) * _NEVER
        for index in range(_LAYERS):
            hidden = self._layer(f"encoder.layer.{index}", hidden, unseen)
        counted = mask[:, :, None].astype(np.float32)
        return (hidden * counted).sum(axis=1) / counted.sum(axis=1)

    def _layer(self, name: str, hidden: Array, unseen: Array) -> Array:
        looked = self._linear(f"{name}.attention.output.dense", self._attention(name, hidden, unseen))
        hidden = self._normalized(f"{name}.attention.output.LayerNorm", hidden + looked)
        wide = _gelu(self._linear(f"{name}.intermediate.dense", hidden))
        return self._normalized(f"{name}.output.LayerNorm", hidden + self._linear(f"{name}.output.dense", wide))

    def _attention(self, name: str, hidden: Array, unseen: Array) -> Array:
        rows, length, width = hidden.shape
        size = width // _HEADS

        def heads(what: str, *axes: int) -> Array:
            projected = self._linear(f"{name}.attention.self.{what}", hidden)
            # In one piece: NumPy multiplies anything else by itself, ten times slower.
            return np.ascontiguousarray(projected.reshape(rows, length, _HEADS, size).transpose(axes))

        scores = heads("query", 0, 2, 1, 3) @ heads("key", 0, 2, 3, 1) / np.float32(math.sqrt(size)) + unseen
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = scores / scores.sum(axis=-1, keepdims=True) @ heads("value", 0, 2, 1, 3)
        return seen.transpose(0, 2, 1, 3).reshape(rows, length, width)

    def _linear(self, name: str, values: Array) -> Array:
        rows = values.reshape(-1, values.shape[-1]) @ self._weights[f"{name}.weight"].T
        rows += self._weights[f"{name}.bias"]
        return rows.reshape(*values.shape[:-1], -1)

    def _normalized(self, name: str, values: Array) -> Array:
        centred = values - values.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        return centred / deviation * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(values: Array) -> Array:
    """x·Φ(x), with the error function of Abramowitz and Stegun, 7.1.26: exact to 1.5e-7."""
    scaled = np.abs(values) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    series = np.float32(1.061405429) * t - np.float32(1.453152027)
    series = (series * t + np.float32(1.421413741)) * t - np.float32(0.284496736)
    series = (series * t + np.float32(0.254829592)) * t
    error = np.copysign(1 - series * np.exp(-scaled * scaled), values)
    return values * (1 + error) * np.float32(0.5)
