import math

import pytest

from proxy.backends.claude_cli.costs import DEFAULT_PRICE, Meter, Prices, weight
from proxy.core.events import Usage

USAGE = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=1000, cache_write_tokens=80)
WEIGHT = 100 + 20 * 5 + 1000 * 0.1 + 80 * 1.25


def test_tokens_cost_by_their_kind() -> None:
    assert weight(USAGE) == pytest.approx(WEIGHT)


def test_what_a_model_costs_is_learned_from_what_the_cli_tells() -> None:
    prices = Prices()
    assert prices.estimate("sonnet", USAGE) == pytest.approx(WEIGHT * DEFAULT_PRICE)
    prices.learn("sonnet", USAGE, WEIGHT * 2e-6)
    assert prices.estimate("sonnet", Usage(output_tokens=1)) == pytest.approx(10e-6)
    assert prices.estimate("opus", Usage(output_tokens=1)) == pytest.approx(5 * DEFAULT_PRICE)


@pytest.mark.parametrize(("usage", "dollars"), [(Usage(), 1.0), (USAGE, 0.0), (USAGE, -1.0)])
def test_nothing_is_learned_from_nothing(usage: Usage, dollars: float) -> None:
    prices = Prices()
    prices.learn("sonnet", usage, dollars)
    assert prices.estimate("sonnet", Usage(1)) == DEFAULT_PRICE


def test_what_the_cli_tells_is_the_sum_since_its_process_began() -> None:
    meter = Meter()
    meter.begin()
    meter.read(0.5)
    assert meter.owed() == 0.5
    meter.begin()
    meter.read(0.75)
    assert meter.owed() == 0.25
    assert meter.owed() is None


def test_what_was_counted_before_the_cli_told_is_taken_off() -> None:
    meter = Meter()
    meter.begin()
    meter.count(0.4)
    assert meter.owed() is None
    meter.read(0.1)
    assert meter.owed() == pytest.approx(-0.3)


def test_two_answers_of_one_turn_of_the_cli_are_told_together() -> None:
    meter = Meter()
    meter.begin()
    meter.count(0.1)  # it waits for results; no end of its turn yet
    meter.count(0.2)
    meter.read(0.7)
    assert meter.owed() == pytest.approx(0.4)


def test_what_an_earlier_caller_was_not_counted_is_not_the_next_ones() -> None:
    meter = Meter()
    meter.begin()
    meter.count(0.1)
    meter.read(5.0)  # while the process was emptied
    meter.begin()
    meter.read(5.25)
    assert meter.owed() == pytest.approx(0.25)


@pytest.mark.parametrize("told", [None, "1", True, math.nan, math.inf, [], {}])
def test_what_is_no_sum_tells_nothing(told: object) -> None:
    meter = Meter()
    meter.begin()
    meter.read(told)
    assert meter.owed() is None
