import pytest

from proxy.observe.series import BOUNDS, OTHER, Histogram, Series, merged


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def histogram(*seconds: float) -> Histogram:
    made = Histogram()
    for each in seconds:
        made.add(each)
    return made


def test_a_quantile_of_nothing_is_none() -> None:
    assert histogram().quantile(0.5) is None


@pytest.mark.parametrize("seconds", [0.003, 0.02, 0.3, 3.0, 33.0, 500.0])
def test_a_quantile_lies_in_the_step_of_what_was_counted(seconds: float) -> None:
    found = histogram(*[seconds] * 10).quantile(0.5)
    step = next(index for index, bound in enumerate(BOUNDS) if seconds <= bound)
    assert found is not None
    assert (0.0, *BOUNDS)[step] <= found <= BOUNDS[step]


def test_a_quantile_beyond_the_last_step_is_its_beginning() -> None:
    assert histogram(5000.0).quantile(0.95) == BOUNDS[-1]


def test_half_of_all_took_no_longer_than_the_median_says() -> None:
    found = histogram(0.1, 0.1, 0.1, 20.0, 20.0).quantile(0.5)
    assert found is not None
    assert found <= 0.1


def test_steps_follow_the_clock_with_empty_ones_between() -> None:
    clock = Clock(1003)
    series = Series(10, 6, clock)
    series.now().tally(("sonnet", "ollama")).requests += 1
    clock.now = 1034
    series.now().tally(("sonnet", "ollama")).requests += 2
    counted = [(step.at, merged(step.tallies.values()).requests) for step in series.steps()]
    assert counted == [(1000, 1), (1010, 0), (1020, 0), (1030, 2)]


def test_no_more_steps_are_kept_than_there_is_room_for() -> None:
    clock = Clock(0)
    series = Series(10, 3, clock)
    for clock.now in range(0, 200, 10):
        series.now().tally(("a", "b")).requests += 1
    assert [step.at for step in series.steps()] == [170, 180, 190]


def test_after_a_long_silence_only_the_last_steps_are_told() -> None:
    clock = Clock(0)
    series = Series(10, 3, clock)
    series.now()
    clock.now = 1e9
    assert [step.at for step in series.steps()] == [999_999_980, 999_999_990, 1_000_000_000]


def test_a_clock_that_is_put_back_counts_on_where_it_was() -> None:
    clock = Clock(500)
    series = Series(10, 3, clock)
    first = series.now()
    clock.now = 100
    assert series.now() is first


def test_levels_are_the_highest_of_their_step() -> None:
    series = Series(10, 3, Clock())
    for running in (1, 5, 2):
        series.raise_levels({"running": running})
    assert series.now().levels == {"running": 5}


def test_labels_are_bounded_whatever_clients_name() -> None:
    step = Series(10, 3, Clock()).now()
    for index in range(1000):
        step.tally((f"model-{index}", "ollama")).requests += 1
    assert len(step.tallies) <= 33
    assert step.tallies[OTHER].requests == 1000 - (len(step.tallies) - 1)
