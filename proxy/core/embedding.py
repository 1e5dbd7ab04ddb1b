"""Embeddings: what a client asks, and the vectors that it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.core.request import Caller

ANYONE = Caller()


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to be made vectors of, one each, by the model of that name.

    With `truncate` a text that is too long for the model is cut, else it is an error. `dimensions` shortens the
    vectors, None leaves them as they are. With `normalized` they have length 1. `keep_alive` and `options` are as in a
    `ChatRequest` and its `Options.others`.
    """

    model: str
    inputs: tuple[str, ...]
    caller: Caller = ANYONE
    truncate: bool = True
    dimensions: int | None = None
    normalized: bool = True
    keep_alive: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors, in the order of the inputs; `tokens` of all inputs. Durations are in nanoseconds, at least 1."""

    vectors: Sequence[Sequence[float]]
    tokens: int = 0
    load: int = 1
    total: int = 1
