"""What one turn is counted for, whenever the CLI tells what it cost."""

import pytest

from proxy.backends.claude_cli.bill import Bill
from proxy.backends.claude_cli.codec import Output
from proxy.backends.claude_cli.costs import DEFAULT_PRICE, Meter, Prices
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.contracts import Spent
from proxy.core.events import Usage
from tests.backends.claude_cli.api_events import Clock, end, start, text, thinking

WHOLE = (start(input_tokens=100, output_tokens=1), text("Good day"), end(output_tokens=20))
USAGE = Usage(input_tokens=100, output_tokens=20)
ESTIMATE = 200 * DEFAULT_PRICE


class Billed:
    """A turn that said `outputs`, and its bill."""

    def __init__(self, *outputs: Output) -> None:
        self.turn = TurnMachine(Clock(), load_ns=0)
        for output in outputs:
            self.turn.feed(output)
        self.meter, self.prices = Meter(), Prices()
        self.meter.begin()
        self.told: list[Spent] = []
        self.bill = Bill(self.meter, self.prices, self.told.append)

    def make(self) -> None:
        self.bill.make(self.turn, whole=self.turn.ended)

    def correct(self) -> None:
        self.bill.correct(self.turn, learn=True)

    @property
    def price(self) -> float:
        """What is known of a token of input."""
        return self.prices.estimate("claude-x", Usage(1))


def test_a_turn_is_counted_once_by_an_estimate_and_then_put_right() -> None:
    billed = Billed(*WHOLE)
    billed.make()
    billed.make()
    assert billed.told == [Spent(USAGE, ESTIMATE)]
    billed.meter.read(0.0004)
    billed.correct()
    [correction] = billed.told[1:]
    assert correction.usage == Usage()
    assert correction.dollars == pytest.approx(0.0004 - ESTIMATE)
    assert billed.price == pytest.approx(2e-6)


def test_what_the_cli_told_before_the_turn_was_over_needs_no_estimate() -> None:
    billed = Billed(*WHOLE)
    billed.meter.read(0.0004)
    billed.make()
    billed.correct()
    assert billed.told == [Spent(USAGE, 0.0004)]
    assert billed.price == pytest.approx(2e-6)


def test_where_the_cli_tells_nothing_the_estimate_stays() -> None:
    billed = Billed(*WHOLE)
    billed.make()
    billed.correct()
    assert billed.told == [Spent(USAGE, ESTIMATE)]
    assert billed.price == DEFAULT_PRICE


@pytest.mark.parametrize(("told", "more"), [(0.0, False), (1.0, True)])
def test_an_answer_that_was_cut_off_costs_what_it_said_or_more(told: float, more: bool) -> None:
    billed = Billed(start(input_tokens=100, output_tokens=1), thinking("x" * 40), text("y" * 41))
    billed.make()
    assert billed.told == [Spent(Usage(input_tokens=100, output_tokens=21), 205 * DEFAULT_PRICE)]
    billed.meter.read(told)
    billed.correct()
    assert len(billed.told) == (2 if more else 1)
    assert sum(spent.dollars for spent in billed.told) == pytest.approx(max(told, 205 * DEFAULT_PRICE))
    assert billed.price == DEFAULT_PRICE


def test_what_never_began_cost_nothing_that_is_known() -> None:
    billed = Billed()
    billed.make()
    assert billed.told == [Spent()]
