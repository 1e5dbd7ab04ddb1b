"""What one answer took: tokens, as the API counts them, and times. Pure."""

from typing import Any, Protocol

from proxy.core.events import Timings, Usage


class Clock(Protocol):
    """The time, as a turn sees it; the standard library's module `time` is one."""

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds."""

    def time(self) -> float:
        """Unix seconds."""


class Tally:
    """Counts for one answer, which may be made of several messages. Make it when the request has been sent; `load_ns`
    is what went before."""

    def __init__(self, clock: Clock, load_ns: int) -> None:
        self._clock = clock
        self._load_ns = load_ns
        self._sent_at = clock.monotonic_ns()
        self._first_at: int | None = None
        self._earlier = Usage()
        self._counts: dict[str, int] = {}

    @property
    def begun(self) -> bool:
        """The first token has come."""
        return self._first_at is not None

    def begin(self) -> None:
        """A token has come; only the first one matters."""
        if self._first_at is None:
            self._first_at = self._clock.monotonic_ns()

    def count(self, usage: Any) -> None:
        """Take in the `usage` of an API event: later ones repeat the counts of the message, and add to them."""
        if isinstance(usage, dict):
            self._counts.update({name: count for name, count in usage.items() if isinstance(count, int)})

    def at_least(self, output_tokens: int) -> None:
        """Take so many tokens of output where the API has counted fewer yet."""
        self._counts["output_tokens"] = max(self._counts.get("output_tokens", 0), output_tokens)

    def next_message(self) -> None:
        """What comes now counts besides what was counted so far."""
        self._earlier, self._counts = self.usage, {}

    @property
    def usage(self) -> Usage:
        """The tokens so far."""
        count, earlier = self._counts.get, self._earlier
        return Usage(
            input_tokens=earlier.input_tokens + count("input_tokens", 0),
            output_tokens=earlier.output_tokens + count("output_tokens", 0),
            cache_read_tokens=earlier.cache_read_tokens + count("cache_read_input_tokens", 0),
            cache_write_tokens=earlier.cache_write_tokens + count("cache_creation_input_tokens", 0),
        )

    @property
    def timings(self) -> Timings:
        """The times, if the answer ends now."""
        now = self._clock.monotonic_ns()
        first = self._first_at or now
        return Timings(
            load=max(1, self._load_ns),
            prompt=max(1, first - self._sent_at),
            eval=max(1, now - first),
            total=max(1, now - self._sent_at + self._load_ns),
        )
