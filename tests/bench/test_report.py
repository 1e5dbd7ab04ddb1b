"""Samples, rows, what they must be, the table."""

import math

import pytest

from bench.children import Failed
from bench.report import Bound, Row, table


def test_a_row_stands_beside_its_reference() -> None:
    row = Row("first token", "ms", [10.0, 30.0, 20.0], "bare", [10.0, 10.0, 40.0], Bound(2.0))
    assert row.ratio == 2.0
    assert row.held is True
    assert row.cells() == ("first token", "20.0 (30.0)", "bare", "10.0 (40.0)", "ms", "2.00 x", "≤ 2 x", "yes")


def test_pairs_are_compared_one_by_one() -> None:
    mine, others = [10.0, 100.0, 30.0], [10.0, 50.0, 10.0]
    assert Row("a", "ms", mine, "bare", others, paired=True).ratio == 2.0
    assert Row("a", "ms", mine, "bare", others).ratio == 3.0


def test_the_worst_are_compared_where_that_is_asked_for() -> None:
    few, many = [float(number) for number in range(1, 21)], [1.0] * 19 + [9.0]
    assert Row("a", "ms", few, "one", many, worst=True).ratio == 19.0
    assert Row("a", "%", [100.0, 50.0], "all", [100.0], more_is_better=True, worst=True).ratio == 0.5


@pytest.mark.parametrize(
    ("bound", "held"),
    [
        (Bound(0.5), True),
        (Bound(0.49), False),
        (Bound(0.5, least=True), True),
        (Bound(0.51, least=True), False),
        (Bound(5, of="median"), True),
        (Bound(4.9, of="median"), False),
        (Bound(5, of="p95"), False),
        (None, None),
    ],
)
def test_a_figure_is_on_the_right_side_of_its_bound_or_not(bound: Bound | None, held: bool | None) -> None:
    row = Row("a", "MB", [5.0, 5.0, 6.0], "other", [10.0], bound)
    assert row.held is held
    assert row.as_json()["held"] is held


@pytest.mark.parametrize(
    ("mine", "others"),
    [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([math.inf], [1.0]), ([-1.0], [1.0]), ([1.0], [0.0])],
)
def test_what_is_no_measurement_is_no_row(mine: list[float], others: list[float]) -> None:
    with pytest.raises(Failed):
        Row("a", "ms", mine, "other", others)


def test_pairs_that_do_not_match_are_an_error() -> None:
    with pytest.raises(Failed, match="1 samples stand beside 2"):
        Row("a", "ms", [1.0], "other", [1.0, 2.0], paired=True)


def test_the_table_is_aligned_and_says_what_does_not_hold() -> None:
    rows = [
        Row("short", "ms", [1234.5], "a reference", [1.0], Bound(1.3)),
        Row("a longer name", "MB", [62.5], bound=Bound(80, of="median")),
    ]
    head, first, second = table(rows).splitlines()
    assert head.index("unit") == first.index("ms") == second.index("MB")
    assert first.endswith("NO")
    assert second.endswith("≤ 80  yes")
