"""What one turn is counted for: at its end, and put right once the CLI has told what it cost."""

from collections.abc import Callable

from proxy.backends.claude_cli.costs import Meter, Prices
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.contracts import Spent


class Bill:
    """The bill of one turn, on a process with that `meter`. `on_spent` hears what it comes to."""

    def __init__(self, meter: Meter, prices: Prices, on_spent: Callable[[Spent], None]) -> None:
        self._meter = meter
        self._prices = prices
        self._on_spent = on_spent
        self._counted = 0.0
        self._made = self._whole = self._told = False

    def make(self, machine: TurnMachine, *, whole: bool) -> None:
        """Count the turn, which is over; once. `whole`: the API has ended the answer, and counted all of it."""
        if self._made:
            return
        self._made = True
        usage = machine.usage
        told = self._meter.owed() if whole else None
        self._whole, self._told = whole, told is not None
        self._counted = self._prices.estimate(machine.model, usage) if told is None else told
        if told is None:
            self._meter.count(self._counted)
        self._on_spent(Spent(usage, self._counted))

    def correct(self, machine: TurnMachine, *, learn: bool) -> None:
        """Take in what the CLI has told since. `learn`: that is for this turn alone, and for nothing but its tokens."""
        owed = self._meter.owed()
        # Of an answer that was cut off the CLI may not know what it cost: then the estimate stays.
        if owed is not None and (self._whole or owed > 0):
            self._told = True
            self._counted += owed
            self._on_spent(Spent(dollars=owed))
        if learn and self._whole and self._told:
            self._prices.learn(machine.model, machine.usage, self._counted)
