"""What the daemon counts: since its start, by ten seconds for an hour, and by five minutes for a day."""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from proxy.core.contracts import Spent
from proxy.observe.exchange import Exchange
from proxy.observe.series import Label, Series, Step, Tally

_MILLISECONDS = 1000.0


class Metrics:
    """Counts requests when they end, and dollars when they are told. `clock` tells the Unix time.

    It `began` at a Unix time, and counts `since` a monotonic one.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.began = clock()
        self.since = time.monotonic()
        self.hour = Series(10, 360, clock)
        self.day = Series(300, 288, clock)
        self._whole = Step(0)
        self.answers: Counter[tuple[str, int]] = Counter()
        """Every request, by its dialect and status."""

    @property
    def tallies(self) -> Mapping[Label, Tally]:
        """What was counted since the start."""
        return self._whole.tallies

    def ended(self, exchange: Exchange) -> None:
        """Count a request that has ended; those that ask no model by their status alone."""
        self.answers[exchange.dialect, exchange.status] += 1
        if exchange.model or (exchange.failed and exchange.told):
            for tally in self._tallies(exchange):
                _count(tally, exchange)

    def spent(self, exchange: Exchange, spent: Spent) -> None:
        """Count what a request has cost: more than once, as more is known."""
        for tally in self._tallies(exchange):
            tally.dollars += spent.dollars

    def stand(self, levels: Mapping[str, float]) -> None:
        """Take in how high things stand now: requests, processes, the load of the machine."""
        for series in (self.hour, self.day):
            series.raise_levels(levels)

    def _tallies(self, exchange: Exchange) -> list[Tally]:
        label = (exchange.model, exchange.dialect)
        return [step.tally(label) for step in (self._whole, self.hour.now(), self.day.now())]


def _count(tally: Tally, exchange: Exchange) -> None:
    facts = exchange.facts
    tally.requests += 1
    tally.prompt_tokens += facts.get("prompt_tokens", 0)
    tally.output_tokens += facts.get("output_tokens", 0)
    if exchange.failed:
        tally.errors[exchange.error] += 1
        return
    # Errors are fast, and who goes away decides for himself how long it took.
    if "first_token_ms" in facts:
        tally.first_token.add((facts["load_ms"] + facts["first_token_ms"]) / _MILLISECONDS)
    if not exchange.ended or exchange.ended == "complete":
        tally.total.add(exchange.seconds)
