"""What turns cost in US dollars: what the CLI tells, and an estimate until it does. Pure.

The CLI reckons with the API's list prices, and tells the sum since its process began at the end of each of its turns,
which is after the answer; of a turn that it is killed in it tells nothing. So a turn is counted by an estimate at once,
and put right when the CLI tells. Under a subscription these are the dollars that the API would have cost.
"""

import math

from proxy.core.events import Usage

DEFAULT_PRICE = 5e-6
"""US dollars for a token of input, for a model of which the CLI has not told a cost yet."""

_OUTPUT, _CACHE_WRITE, _CACHE_READ = 5.0, 1.25, 0.1
# What tokens cost, measured by one of input: so for every model of the API's price list.


def weight(usage: Usage) -> float:
    """Tokens of input that cost as much as `usage`."""
    return (
        usage.input_tokens
        + usage.output_tokens * _OUTPUT
        + usage.cache_write_tokens * _CACHE_WRITE
        + usage.cache_read_tokens * _CACHE_READ
    )


class Prices:
    """What a token of input costs with each model, learned from what the CLI tells."""

    def __init__(self) -> None:
        self._prices: dict[str, float] = {}

    def estimate(self, model: str, usage: Usage) -> float:
        """The US dollars for `usage`."""
        return weight(usage) * self._prices.get(model, DEFAULT_PRICE)

    def learn(self, model: str, usage: Usage, dollars: float) -> None:
        """Take in what `usage`, all of it and nothing else, has cost."""
        if (tokens := weight(usage)) and dollars > 0:
            self._prices[model] = dollars / tokens


class Meter:
    """The costs of one process, in US dollars: what the CLI `told`, summed up, and what turns were `counted`."""

    def __init__(self) -> None:
        self._told = 0.0
        self._counted = 0.0
        self._news = False

    def begin(self) -> None:
        """A turn of the CLI begins: what was not counted of earlier ones is nobody's any more."""
        self._counted, self._news = self._told, False

    def read(self, told: object) -> None:
        """The CLI tells the sum of its costs, if it does."""
        if isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told):
            self._told, self._news = max(self._told, float(told)), True

    def count(self, dollars: float) -> None:
        """So much was counted for a turn."""
        self._counted += dollars

    def owed(self) -> float | None:
        """What the CLI told beyond what was counted, less than nothing where that was too much; None if it told nothing
        new."""
        if not self._news:
            return None
        owed, self._news = self._told - self._counted, False
        self._counted = self._told
        return owed
