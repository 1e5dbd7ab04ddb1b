"""Every way, or many ways, to cut a text into deltas."""

import itertools
import random
from collections.abc import Iterator


def all_cuts(text: str) -> Iterator[list[str]]:
    """All 2^(n-1) ways to cut `text` into pieces of which none is empty."""
    for chosen in itertools.product((False, True), repeat=max(len(text) - 1, 0)):
        places = [place for place, cut in enumerate(chosen, 1) if cut]
        yield pieces(text, places)


def random_cuts(text: str, chance: random.Random, count: int) -> Iterator[list[str]]:
    """`count` ways to cut `text`, among them some with empty pieces."""
    for _ in range(count):
        yield pieces(text, sorted(chance.choices(range(len(text) + 1), k=chance.randrange(2 + len(text)))))


def pieces(text: str, places: list[int]) -> list[str]:
    """`text` cut at `places`, which are sorted."""
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
