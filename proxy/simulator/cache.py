"""The prompt cache: which prefix of a prompt was seen before."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.simulator.tokens import Part

LIFETIMES = {"5m": 300.0, "1h": 3600.0}
# The API looks for an earlier entry this many blocks before a breakpoint.
LOOKBACK = 20
# The API caches no shorter prefix; the same for every simulated model.
MINIMUM_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class PromptUsage:
    """A prompt's tokens by what the cache did with them. Together they are the whole prompt."""

    uncached: int = 0
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def written(self) -> int:
        """Tokens written, whatever their lifetime."""
        return self.written_5m + self.written_1h


@dataclass(frozen=True, slots=True)
class _Prefix:
    key: bytes
    tokens: int
    ttl: str | None


class PromptCache:
    """Remembers up to `limit` prefixes, the least recently used first to go.

    A breakpoint (`cache_control`) writes the prefix that ends with it. A prefix hits when its tools, system prompt and
    messages are the same up to there, whatever their own `cache_control`. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float], *, minimum: int = MINIMUM_TOKENS, limit: int = 10_000) -> None:
        self._clock = clock
        self._minimum = minimum
        self._limit = limit
        self._expiry: OrderedDict[bytes, float] = OrderedDict()

    def use(self, model: str, parts: Iterable[Part]) -> PromptUsage:
        """Look up a prompt and remember its breakpoints."""
        prefixes = _prefixes(model, parts)
        total = prefixes[-1].tokens if prefixes else 0
        breakpoints = [i for i, p in enumerate(prefixes) if p.ttl is not None and p.tokens >= self._minimum]
        read = max((self._hit(prefixes, i) for i in breakpoints), default=0)
        written = {"5m": 0, "1h": 0}
        done = read
        for i in breakpoints:
            prefix = prefixes[i]
            self._store(prefix)
            if prefix.tokens > done and prefix.ttl is not None:
                written[prefix.ttl] += prefix.tokens - done
                done = prefix.tokens
        return PromptUsage(total - done, read, written["5m"], written["1h"])

    def _hit(self, prefixes: list[_Prefix], at: int) -> int:
        """The tokens of the longest remembered prefix that ends at or shortly before a breakpoint."""
        for prefix in reversed(prefixes[max(0, at - LOOKBACK) : at + 1]):
            if self._expiry.get(prefix.key, 0.0) > self._clock():
                return prefix.tokens
        return 0

    def _store(self, prefix: _Prefix) -> None:
        lifetime = LIFETIMES.get(prefix.ttl or "5m", LIFETIMES["5m"])
        self._expiry[prefix.key] = max(self._expiry.get(prefix.key, 0.0), self._clock() + lifetime)
        self._expiry.move_to_end(prefix.key)
        while len(self._expiry) > self._limit:
            self._expiry.popitem(last=False)


def _prefixes(model: str, parts: Iterable[Part]) -> list[_Prefix]:
    digest = hashlib.blake2b(model.encode(), digest_size=16)
    tokens = 0
    prefixes = []
    for part in parts:
        # The length before the bytes keeps two parts from reading as one.
        digest.update(len(part.data).to_bytes(8, "big") + part.data)
        tokens += part.tokens
        prefixes.append(_Prefix(digest.copy().digest(), tokens, part.ttl))
    return prefixes
