"""The plan where processes hold conversations: who goes on where, and what is let go of."""

import pytest

from proxy.backends.claude_cli.plan import Limits, Plan
from tests.backends.claude_cli.situations import limits, made, plain

LIMITS = limits(spares=1, processes=4)


@pytest.mark.parametrize(
    ("processes", "waiting", "assign"),
    [
        ("live:a/x", "a/x", ((0, 0),)),
        ("spare clean:a@1 live:a/x@9", "a/x", ((0, 2),)),
        ("live:a/x@9 live:a/x@3 live:a/x@5", "a/x", ((0, 1),)),
        ("live:a/x live:a/y live:b/x", "a/y b/x a/x", ((0, 1), (1, 2), (2, 0))),
        ("live:a/x settling:a/x", "a/x", ((0, 0),)),
        ("live:a/xy clean:a", "a/x", ((0, 1),)),
        ("live:a/x clean:a", "a/xy", ((0, 1),)),
        ("live:b/x spare", "a/x", ((0, 1),)),
        ("live:a/xy spare", "a", ((0, 1),)),
        ("leased:a/x spare", "a/x", ((0, 1),)),
        ("stopping:a/x spare", "a/x", ((0, 1),)),
        ("live:a/x live:a/y clean:a", "a a/x", ((0, 2), (1, 0))),
    ],
)
def test_a_request_goes_on_where_exactly_its_history_is_held(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...]
) -> None:
    step = made(processes, waiting, LIMITS)
    assert (step.assign, step.clear, step.held) == (assign, (), 0)


@pytest.mark.parametrize(
    ("processes", "assign", "boot"),
    [
        ("live:a/x", ((0, 0),), 1),
        ("live:a/x clean:a", ((0, 0), (1, 1)), 0),
        ("live:a/x spare", ((0, 0), (1, 1)), 0),
        ("live:a/x@9 live:a/x@3", ((0, 1), (1, 0)), 0),
    ],
)
def test_of_two_identical_requests_at_once_only_one_goes_on(
    processes: str, assign: tuple[tuple[int, int], ...], boot: int
) -> None:
    step = made(processes, "a/x a/x", LIMITS)
    assert step == Plan(assign=assign, boot=plain(boot))


@pytest.mark.parametrize(
    ("processes", "waiting", "assign", "held"),
    [
        ("settling:a/x clean:a spare", "a/x", (), 1),
        ("settling:a/x@1 clean:a", "a/x", ((0, 1),), 0),
        ("settling:a/x clean:a", "a/x a/x", ((1, 1),), 1),
        ("settling:a/x settling:a/x spare", "a/x a/x", (), 2),
        ("settling:a/x spare", "a/x a/x", ((1, 1),), 1),
        ("settling:a/x clean:a", "a", ((0, 1),), 0),
        ("settling:a/x spare", "a", ((0, 1),), 0),
        ("settling:a/x spare", "a/xy", ((0, 1),), 0),
        ("settling:a/x spare", "b/x", ((0, 1),), 0),
        ("settling:a spare", "a/x", (), 1),
        ("settling:a/x settling:a clean:b spare", "a a/x b", ((2, 2),), 2),
    ],
)
def test_a_request_is_held_a_moment_for_a_process_that_is_going_to_hold_its_history(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...], held: int
) -> None:
    step = made(processes, waiting, LIMITS)
    assert (step.assign, step.held, step.clear) == (assign, held, ())


@pytest.mark.parametrize(
    ("processes", "waiting", "assign", "clear"),
    [
        ("live:a/x spare", "a", (), (0,)),
        ("live:a/x spare", "a/y", (), (0,)),
        ("live:a/x@1 live:a/y@9 spare", "a", (), (1,)),
        ("live:a/xy@9 live:a/x@1 spare", "a", (), (1,)),
        ("live:a/x@1 live:a/y@9 spare", "a a", (), (1, 0)),
        ("live:a/x@1 live:a/y@9 spare", "a a a", ((2, 2),), (1, 0)),
        ("live:a/x@1 live:a/y@9 spare", "a/y a", ((0, 1),), (0,)),
        ("live:b/x live:a/xy spare", "a", ((0, 2),), ()),
        ("live:a/x clean:a", "a", ((0, 1),), ()),
        ("live:a/x clean:a", "a a", ((0, 1),), (0,)),
    ],
)
def test_a_single_answer_is_taken_out_before_a_spare_is_used(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...], clear: tuple[int, ...]
) -> None:
    step = made(processes, waiting, LIMITS, quiet=False)
    assert step == Plan(assign=assign, clear=clear, held=len(clear))


def test_a_process_that_is_nearly_clean_is_waited_for_before_an_answer_is_taken_out() -> None:
    assert made("live:a/x settling:a spare", "a", LIMITS, quiet=False) == Plan(held=1)


@pytest.mark.parametrize(
    ("processes", "waiting", "conversations", "clear"),
    [
        ("live:a/x@1 live:a/y@9 live:b/z@5", "", 3, ()),
        ("live:a/x@1 live:a/y@9 live:b/z@5", "", 2, (1,)),
        ("live:a/x@1 live:a/y@9 live:b/z@5", "", 1, (1, 2)),
        ("live:a/x@1 live:a/y@9 live:b/z@5", "", 0, (1, 2, 0)),
        ("live:a/x@9 settling:a/y", "", 1, (0,)),
        ("live:a/x@9 settling:a/y@50", "", 1, (0,)),
        ("live:a/x@9 live:a/y@1 settling:a/z", "", 2, (0,)),
        ("settling:a/x settling:a/y", "", 1, ()),
        ("live:a/x settling:a leased:a/y stopping:a/z clean:a", "", 1, ()),
        ("live:a/x@9 live:a/y@1", "a/x", 1, ()),
        ("live:a/x@9 live:a/y@1", "a/y", 1, ()),
        ("live:a/x@9 live:a/y@1", "a", 1, (0,)),
        ("live:a/x@9 live:a/y@1 live:b/z@5", "a", 1, (0, 2)),
        ("live:a/x", "a/x", 0, ()),
    ],
)
def test_no_more_conversations_are_kept_than_the_limit_the_least_recently_used_goes_first(
    processes: str, waiting: str, conversations: int, clear: tuple[int, ...]
) -> None:
    assert made(processes, waiting, limits(0, 5, conversations=conversations)).clear == clear


def test_a_conversation_beyond_the_limit_still_goes_on_for_a_request_that_waits() -> None:
    assert made("live:a/x", "a/x", limits(0, 4, conversations=0)) == Plan(assign=((0, 0),))


@pytest.mark.parametrize(
    ("processes", "waiting", "most", "evict", "boot"),
    [
        ("clean:b@1 live:b/x@9", "a", limits(0, 2), (0,), 0),
        ("live:b/x@1 live:b/y@9", "a", limits(0, 2), (1,), 0),
        ("live:b/x@9 clean:b@1 live:b/y@5", "a c", limits(0, 3), (1, 0), 0),
        ("live:b/x@1 clean:b@5 live:b/y@9 clean:c@9", "a d e", limits(0, 4, boots=3), (3, 1, 2), 0),
        ("live:b/x@1 live:b/y@9", "a c", limits(0, 3), (1,), 1),
        ("live:a/xy", "a", limits(0, 1), (0,), 0),
        ("live:a/xy", "a/x", limits(0, 1), (0,), 0),
        ("live:b/x@1 live:b/y@9", "b/y a", limits(0, 2), (0,), 0),
        ("live:b/x stopping:c", "a", limits(0, 2), (), 0),
        ("live:b/x", "a", limits(0, 2), (), 1),
    ],
)
@pytest.mark.parametrize("quiet", [True, False])
def test_clean_processes_make_room_before_conversations_the_longest_idle_first(
    processes: str, waiting: str, most: Limits, evict: tuple[int, ...], boot: int, quiet: bool
) -> None:
    step = made(processes, waiting, most, quiet=quiet)
    assert (step.evict, step.boot, step.clear) == (evict, plain(boot), ())


@pytest.mark.parametrize(
    ("processes", "most", "step"),
    [
        ("live:a/x live:a/y", limits(1, 2), Plan()),
        ("live:a/x@99 clean:a", limits(2, 2), Plan()),
        ("live:a/x@99 leased:a live:b/y", limits(1, 3), Plan()),
        ("live:a/x@99 clean:a@1 clean:b@9", limits(1, 3), Plan(evict=(2,))),
        ("live:a/x@99 live:a/y", limits(1, 3), Plan(boot=plain(1))),
    ],
)
def test_a_spare_never_takes_the_place_of_a_conversation(processes: str, most: Limits, step: Plan) -> None:
    assert made(processes, "", most) == step


@pytest.mark.parametrize(
    ("processes", "waiting", "step"),
    [
        ("waits:a/x", "a/x", Plan(assign=((0, 0),))),
        ("waits:a/x spare", "a", Plan(assign=((0, 1),))),
        ("waits:a/x spare", "a/y", Plan(assign=((0, 1),))),
        ("waits:a/x@9 live:a/y@1 spare", "a", Plan(clear=(1,), held=1)),
        ("waits:a/x@9 live:a/y@1 spare", "a a", Plan(assign=((1, 2),), clear=(1,), held=1)),
        ("waits:a/x waits:a/y", "a", Plan(evict=(0,))),
        # Results that have not come for so long will hardly come at all.
        ("waits:a/x@99 spare", "a", Plan(clear=(0,), held=1)),
        ("waits:a/x@1 live:a/xy@9", "b", Plan(evict=(1,))),
    ],
)
def test_a_process_that_waits_for_results_is_not_emptied_for_another_question(
    processes: str, waiting: str, step: Plan
) -> None:
    assert made(processes, waiting, limits(0, len(processes.split()))) == step


def test_a_process_that_waits_for_results_is_a_conversation_among_others() -> None:
    assert made("waits:a/x@9 live:a/y@1", "", limits(0, 4, conversations=1)).clear == (0,)


@pytest.mark.parametrize(
    ("processes", "waiting", "assign"),
    [
        ("live:a+t/x spare", "a+t/x", ((0, 0),)),
        ("live:a+t/x spare", "a/x", ((0, 1),)),
        ("live:a/x spare", "a+t/x", ((0, 1),)),
        ("live:a+t/x spare", "a+u/x", ((0, 1),)),
        ("live:a+t/x live:a+u/x", "a+u/x a+t/x", ((0, 1), (1, 0))),
        ("waits:a+t/x spare", "a+u/x", ((0, 1),)),
        ("clean:a+t spare", "a", ((0, 1),)),
        ("clean:a spare", "a+t", ((0, 1),)),
        ("clean:a clean:a+t", "a+t", ((0, 1),)),
        ("live:a!web/x spare!web", "a/x", ()),
        ("live:a/x spare!web", "a!web/x", ((0, 1),)),
        ("live:a!web/x spare", "a!web/x", ((0, 0),)),
    ],
)
def test_a_request_goes_on_only_where_the_system_prompt_and_all_tools_are_its_own(
    processes: str, waiting: str, assign: tuple[tuple[int, int], ...]
) -> None:
    assert made(processes, waiting, LIMITS, quiet=False).assign == assign


def test_a_single_answer_with_other_tools_is_not_taken_out() -> None:
    assert made("live:a+t/x spare", "a", LIMITS, quiet=False) == Plan(assign=((0, 1),))
