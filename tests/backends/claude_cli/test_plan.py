"""The plan, by tables: processes and waiting requests in short words, and what is to be done."""

import math

import pytest

from proxy.backends.claude_cli.plan import SETTLE_PATIENCE, Limits, Need, Plan, Setup, State, View, plan, surplus
from tests.backends.claude_cli.situations import NOW, limits, made, plain, planned, view

LIMITS = limits(spares=1, processes=4)


@pytest.mark.parametrize(
    ("processes", "waiting", "assign"),
    [
        ("", "", ()),
        ("spare", "", ()),
        ("spare", "a", ((0, 0),)),
        ("leased:b spare", "a", ((0, 1),)),
        ("spare spare", "a b", ((0, 0), (1, 1))),
        ("spare spare", "a b c", ((0, 0), (1, 1))),
        ("spare clean:a", "a", ((0, 1),)),
        ("clean:b spare", "a", ((0, 1),)),
        ("clean:b", "a", ()),
        ("clean:a@9 clean:a@3 clean:a@5", "a", ((0, 1),)),
        ("clean:a@9 clean:a@3 clean:a@5", "a a a", ((0, 1), (1, 2), (2, 0))),
        ("spare clean:b clean:a", "a b c", ((0, 2), (1, 1), (2, 0))),
        ("spare clean:a", "a a", ((0, 1), (1, 0))),
        ("booting leased:a settling:b stopping:a", "a", ()),
    ],
)
def test_requests_are_served_in_their_order_clean_processes_before_spares(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...]
) -> None:
    assert made(processes, waiting, LIMITS).assign == assign


def test_a_process_without_a_system_prompt_is_clean_for_requests_without_one() -> None:
    untold = Setup(None)
    views = [View(State.CLEAN, Setup("a")), View(State.CLEAN, untold), View(State.SPARE)]
    assert plan(views, [Need(untold)], LIMITS, quiet=True, now=NOW).assign == ((0, 1),)


@pytest.mark.parametrize(
    ("processes", "waiting", "assign", "held"),
    [
        ("settling:a", "a", (), True),
        ("settling:a spare", "a", (), True),
        ("settling:a@1 spare", "a", ((0, 1),), False),
        ("settling:b spare", "a", ((0, 1),), False),
        ("settling:a clean:a@9", "a", ((0, 1),), False),
        ("settling:a spare", "a a", ((1, 1),), True),
        ("settling:a settling:a spare", "a a", (), True),
        ("settling:a spare", "a b", ((1, 1),), True),
    ],
)
def test_a_request_is_held_a_moment_for_a_process_that_is_nearly_clean(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...], held: bool
) -> None:
    step = made(processes, waiting, LIMITS)
    assert (step.assign, bool(step.held)) == (assign, held)


@pytest.mark.parametrize(
    ("processes", "waiting", "again"),
    [
        ("", "a", math.inf),
        ("spare", "a", math.inf),
        ("settling:a@0.04", "a", NOW - 0.04 + SETTLE_PATIENCE),
        ("settling:a@0.04 settling:b@0.06", "a b", NOW - 0.06 + SETTLE_PATIENCE),
        ("settling:a@0.04 settling:b@0.06", "a c", NOW - 0.04 + SETTLE_PATIENCE),
        ("live:a/x@9", "a", NOW + SETTLE_PATIENCE),
    ],
)
def test_the_plan_is_looked_at_again_when_the_first_patience_ends(processes: str, waiting: str, again: float) -> None:
    assert planned(processes, waiting, LIMITS).again == again


def test_patience_with_a_process_that_settles_ends() -> None:
    views = [View(State.SETTLING, Setup("a"), NOW), View(State.SPARE)]
    held = [plan(views, [Need(Setup("a"))], LIMITS, quiet=True, now=NOW + late).held for late in (0, SETTLE_PATIENCE)]
    assert held == [1, 0]


@pytest.mark.parametrize(
    ("processes", "most", "quiet", "boot"),
    [
        ("", limits(1, 4), True, 1),
        ("", limits(3, 4), True, 1),
        ("", limits(3, 4), False, 0),
        ("", limits(0, 4), True, 0),
        ("spare", limits(3, 4), True, 1),
        ("spare booting", limits(3, 4), True, 0),
        ("spare spare spare", limits(3, 4), True, 0),
        ("leased:a leased:a", limits(1, 4), True, 1),
        ("leased:a leased:a", limits(1, 2), True, 0),
        ("clean:a", limits(1, 4), True, 1),
        ("stopping:a", limits(1, 1), True, 0),
    ],
)
def test_spares_are_filled_up_one_at_a_time_when_it_is_quiet(
    processes: str, most: Limits, quiet: bool, boot: int
) -> None:
    assert made(processes, "", most, quiet=quiet) == Plan(boot=plain(boot))


def test_a_spare_that_is_taken_is_replaced_once_its_request_has_its_first_token() -> None:
    assert made("spare", "a", LIMITS) == Plan(assign=((0, 0),))
    assert made("leased:a", "", LIMITS, quiet=False) == Plan()
    assert made("leased:a", "", LIMITS) == Plan(boot=plain(1))


@pytest.mark.parametrize(
    ("processes", "waiting", "most", "boot"),
    [
        ("", "a", limits(1, 4), 1),
        ("", "a", limits(0, 4), 1),
        ("", "a b", limits(1, 4), 2),
        ("", "a b c d e", limits(1, 4), 2),
        ("", "a b c d e", limits(1, 4, 1), 1),
        ("", "a b c d e", limits(1, 1), 1),
        ("booting", "a", limits(1, 4), 0),
        ("booting", "a b", limits(1, 4), 1),
        ("booting booting", "a b c", limits(1, 4), 0),
        ("leased:a leased:a leased:a", "a b", limits(1, 4), 1),
        ("leased:a leased:a leased:a leased:a", "a b", limits(1, 4), 0),
        ("spare", "a b", limits(1, 4), 1),
        ("settling:a", "a b", limits(1, 4), 1),
    ],
)
@pytest.mark.parametrize("quiet", [True, False])
def test_processes_are_booted_for_requests_that_wait(
    processes: str, waiting: str, most: Limits, boot: int, quiet: bool
) -> None:
    step = made(processes, waiting, most, quiet=quiet)
    assert (step.boot, step.evict) == (plain(boot), ())


@pytest.mark.parametrize(
    ("processes", "waiting", "most", "evict", "boot"),
    [
        ("clean:b@1", "a", limits(1, 1), (0,), 0),
        ("clean:b@1 clean:c@9", "a", limits(1, 2), (1,), 0),
        ("clean:b@1 clean:c@9", "a d", limits(1, 2), (1, 0), 0),
        ("clean:b@1 clean:c@9 clean:d@5", "a e f", limits(1, 3), (1, 2), 0),
        ("clean:b@1 clean:c@9", "a d", limits(1, 3), (1,), 1),
        ("clean:b@1 clean:a@9", "a d", limits(1, 2), (0,), 0),
        ("clean:b@1 stopping:c", "a", limits(1, 2), (), 0),
        ("clean:b@1 stopping:c", "a d", limits(1, 2), (0,), 0),
        ("leased:b settling:c@9", "a", limits(1, 2), (), 0),
        ("clean:b@1", "a", limits(1, 2), (), 1),
    ],
)
def test_clean_processes_make_room_the_longest_idle_first(
    processes: str, waiting: str, most: Limits, evict: tuple[int, ...], boot: int
) -> None:
    step = made(processes, waiting, most)
    assert (step.evict, step.boot) == (evict, plain(boot))


WEB = ("web",)


@pytest.mark.parametrize(
    ("processes", "waiting", "most", "step"),
    [
        ("spare", "a!web", limits(0, 4), Plan(boot=(WEB,))),
        ("spare!web", "a!web", limits(0, 4), Plan(assign=((0, 0),))),
        ("spare!web", "a", limits(0, 4), Plan(boot=plain(1))),
        ("booting", "a!web", limits(0, 4), Plan(boot=(WEB,))),
        ("booting!web", "a!web a", limits(0, 4), Plan(boot=plain(1))),
        ("booting!web", "a!web", limits(0, 4), Plan()),
        ("", "a!web b", limits(0, 4), Plan(boot=(WEB, ()))),
        ("spare", "a!web", limits(0, 1), Plan(evict=(0,))),
        ("spare clean:b@9", "a!web", limits(0, 2), Plan(evict=(1,))),
        ("spare!web", "", limits(1, 4), Plan(boot=plain(1))),
        ("spare", "", limits(1, 4), Plan()),
    ],
)
def test_a_request_for_tools_of_the_clis_own_has_a_process_that_was_booted_with_them(
    processes: str, waiting: str, most: Limits, step: Plan
) -> None:
    assert made(processes, waiting, most) == step


@pytest.mark.parametrize(
    ("processes", "evict"),
    [
        ("spare clean:a clean:b spare leased:c", (1,)),
        ("live:a@1 clean:a@2 spare live:b@3 leased:c leased:d", (1, 2)),
        ("live:a@1 live:b@3 leased:a leased:b leased:c leased:d leased:e", (1, 0)),
        ("clean:a stopping:a leased:b leased:c leased:d", ()),
        ("leased:a leased:b leased:c leased:d leased:e", ()),
    ],
)
def test_where_the_limit_was_lowered_the_idle_ones_that_are_too_many_go(processes: str, evict: tuple[int, ...]) -> None:
    step = made(processes, "", LIMITS)
    assert (step.evict, step.boot) == (evict, ())


@pytest.mark.parametrize(
    ("processes", "found"),
    [("", []), ("spare clean:a", []), ("spare@3 spare@9 spare@1 spare!b booting leased:a", [0, 2])],
)
def test_spares_beyond_those_wanted_are_surplus(processes: str, found: list[int]) -> None:
    assert surplus([view(words) for words in processes.split()], LIMITS) == found
