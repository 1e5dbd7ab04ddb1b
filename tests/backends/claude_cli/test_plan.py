"""The plan, by tables: processes and waiting requests in short words, and what is to be done."""

import random
from dataclasses import dataclass, field

import pytest

from proxy.backends.claude_cli.plan import SETTLE_PATIENCE, Limits, Plan, Setup, State, View, plan

NOW = 1000.0
LIMITS = Limits(spares=1, processes=4, boots=2)


def view(words: str) -> View:
    """A process such as ``clean:a@3``: clean, was told setup a, 3 seconds ago."""
    told, _, ago = words.partition("@")
    state, _, setup = told.partition(":")
    return View(State(state), Setup(setup) if setup else None, NOW - float(ago or 0))


def made(processes: str, waiting: str, limits: Limits = LIMITS, *, quiet: bool = True) -> Plan:
    return plan(
        [view(words) for words in processes.split()],
        [Setup(setup) for setup in waiting.split()],
        limits,
        quiet=quiet,
        now=NOW,
    )


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
    assert made(processes, waiting).assign == assign


def test_a_process_without_a_system_prompt_is_clean_for_requests_without_one() -> None:
    untold = Setup(None)
    views = [View(State.CLEAN, Setup("a")), View(State.CLEAN, untold), View(State.SPARE)]
    assert plan(views, [untold], LIMITS, quiet=True, now=NOW).assign == ((0, 1),)


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
    step = made(processes, waiting)
    assert (step.assign, bool(step.held)) == (assign, held)


def test_patience_with_a_process_that_settles_ends() -> None:
    views = [View(State.SETTLING, Setup("a"), NOW), View(State.SPARE)]
    held = [plan(views, [Setup("a")], LIMITS, quiet=True, now=NOW + late).held for late in (0, SETTLE_PATIENCE)]
    assert held == [1, 0]


@pytest.mark.parametrize(
    ("processes", "limits", "quiet", "boot"),
    [
        ("", Limits(1, 4, 2), True, 1),
        ("", Limits(3, 4, 2), True, 1),
        ("", Limits(3, 4, 2), False, 0),
        ("", Limits(0, 4, 2), True, 0),
        ("spare", Limits(3, 4, 2), True, 1),
        ("spare booting", Limits(3, 4, 2), True, 0),
        ("spare spare spare", Limits(3, 4, 2), True, 0),
        ("leased:a leased:a", Limits(1, 4, 2), True, 1),
        ("leased:a leased:a", Limits(1, 2, 2), True, 0),
        ("clean:a", Limits(1, 4, 2), True, 1),
        ("stopping:a", Limits(1, 1, 2), True, 0),
    ],
)
def test_spares_are_filled_up_one_at_a_time_when_it_is_quiet(
    processes: str, limits: Limits, quiet: bool, boot: int
) -> None:
    assert made(processes, "", limits, quiet=quiet) == Plan(boot=boot)


def test_a_spare_that_is_taken_is_replaced_when_it_is_quiet() -> None:
    assert made("spare", "a") == Plan(assign=((0, 0),), boot=1)
    assert made("spare", "a", quiet=False) == Plan(assign=((0, 0),))


@pytest.mark.parametrize(
    ("processes", "waiting", "limits", "boot"),
    [
        ("", "a", Limits(1, 4, 2), 1),
        ("", "a", Limits(0, 4, 2), 1),
        ("", "a b", Limits(1, 4, 2), 2),
        ("", "a b c d e", Limits(1, 4, 2), 2),
        ("", "a b c d e", Limits(1, 4, 1), 1),
        ("", "a b c d e", Limits(1, 1, 2), 1),
        ("booting", "a", Limits(1, 4, 2), 0),
        ("booting", "a b", Limits(1, 4, 2), 1),
        ("booting booting", "a b c", Limits(1, 4, 2), 0),
        ("leased:a leased:a leased:a", "a b", Limits(1, 4, 2), 1),
        ("leased:a leased:a leased:a leased:a", "a b", Limits(1, 4, 2), 0),
        ("spare", "a b", Limits(1, 4, 2), 1),
        ("settling:a", "a b", Limits(1, 4, 2), 1),
    ],
)
@pytest.mark.parametrize("quiet", [True, False])
def test_processes_are_booted_for_requests_that_wait(
    processes: str, waiting: str, limits: Limits, boot: int, quiet: bool
) -> None:
    step = made(processes, waiting, limits, quiet=quiet)
    assert (step.boot, step.evict) == (boot, ())


@pytest.mark.parametrize(
    ("processes", "waiting", "limits", "evict", "boot"),
    [
        ("clean:b@1", "a", Limits(1, 1, 2), (0,), 0),
        ("clean:b@1 clean:c@9", "a", Limits(1, 2, 2), (1,), 0),
        ("clean:b@1 clean:c@9", "a d", Limits(1, 2, 2), (1, 0), 0),
        ("clean:b@1 clean:c@9 clean:d@5", "a e f", Limits(1, 3, 2), (1, 2), 0),
        ("clean:b@1 clean:c@9", "a d", Limits(1, 3, 2), (1,), 1),
        ("clean:b@1 clean:a@9", "a d", Limits(1, 2, 2), (0,), 0),
        ("clean:b@1 stopping:c", "a", Limits(1, 2, 2), (), 0),
        ("clean:b@1 stopping:c", "a d", Limits(1, 2, 2), (0,), 0),
        ("leased:b settling:c@9", "a", Limits(1, 2, 2), (), 0),
        ("clean:b@1", "a", Limits(1, 2, 2), (), 1),
    ],
)
def test_clean_processes_make_room_the_longest_idle_first(
    processes: str, waiting: str, limits: Limits, evict: tuple[int, ...], boot: int
) -> None:
    step = made(processes, waiting, limits)
    assert (step.evict, step.boot) == (evict, boot)


# Whatever the situation


def any_view(chance: random.Random) -> View:
    state = chance.choice(list(State))
    untold = state in (State.BOOTING, State.SPARE)
    setup = None if untold else Setup(chance.choice((None, "a", "b")))
    return View(state, setup, NOW - chance.choice((0.0, SETTLE_PATIENCE / 2, 1.0, 50.0)))


def test_no_plan_breaks_a_promise() -> None:
    chance = random.Random(7)
    for _ in range(5000):
        limits = Limits(chance.randrange(4), chance.randrange(1, 7), chance.randrange(1, 4))
        views = [any_view(chance) for _ in range(chance.randrange(limits.processes + 1))]
        waiting = [Setup(chance.choice((None, "a", "b", "c"))) for _ in range(chance.randrange(5))]
        step = plan(views, waiting, limits, quiet=chance.random() < 0.5, now=NOW)
        check(step, views, waiting, limits)


def check(step: Plan, views: list[View], waiting: list[Setup], limits: Limits) -> None:
    requests = [request for request, _ in step.assign]
    used = [index for _, index in step.assign] + list(step.evict)
    assert requests == sorted(set(requests)), "each request once, in their order"
    assert len(used) == len(set(used)), "no process twice"
    for request, index in step.assign:
        fits = views[index].state is State.CLEAN and views[index].setup == waiting[request]
        assert fits or views[index].state is State.SPARE
    assert all(views[index].state is State.CLEAN for index in step.evict)
    assert step.boot >= 0
    assert len(views) + step.boot <= limits.processes
    booting = sum(view.state is State.BOOTING for view in views)
    assert step.boot == 0 or booting + step.boot <= limits.boots
    unserved = [request for request in range(len(waiting)) if request not in requests]
    if unserved and not step.held:
        spares = {index for index, view in enumerate(views) if view.state is State.SPARE}
        assert spares <= set(used), "nobody waits beside a spare"
        taken = [request for request, index in step.assign if index in spares]
        assert all(request < unserved[0] for request in taken), "nobody overtakes on a spare"


@dataclass
class Pool:
    """A pool that follows the plan, and whose processes move on by chance."""

    limits: Limits
    views: list[View] = field(default_factory=list)
    waiting: list[Setup] = field(default_factory=list)
    now: float = NOW

    def act(self) -> Plan:
        step = plan(self.views, self.waiting, self.limits, quiet=True, now=self.now)
        for request, index in step.assign:
            self.views[index] = View(State.LEASED, self.waiting[request], self.now)
        for index in step.evict:
            self.views[index] = View(State.STOPPING, self.views[index].setup, self.now)
        served = {request for request, _ in step.assign}
        self.waiting = [setup for request, setup in enumerate(self.waiting) if request not in served]
        self.views += [View(State.BOOTING, None, self.now)] * step.boot
        return step

    def move(self, chance: random.Random) -> None:
        """Let a moment pass in which one process may change."""
        self.now += SETTLE_PATIENCE / 3
        moving = [index for index, view in enumerate(self.views) if view.state in NEXT]
        if not moving:
            return
        index = chance.choice(moving)
        old = self.views.pop(index)
        state = chance.choice(NEXT[old.state])
        if state is not None:
            self.views.insert(index, View(state, old.setup, self.now))


NEXT: dict[State, tuple[State | None, ...]] = {
    State.BOOTING: (State.SPARE, State.SPARE, None),
    State.LEASED: (State.SETTLING, State.STOPPING),
    State.SETTLING: (State.CLEAN, State.STOPPING),
    State.STOPPING: (None,),
}
"""What a process may become by itself; None is gone."""


@pytest.mark.parametrize(
    "limits", [Limits(0, 1, 1), Limits(1, 1, 2), Limits(2, 2, 2), Limits(1, 4, 2), Limits(3, 8, 2)]
)
def test_every_request_is_served_in_the_end_and_then_the_pool_comes_to_rest(limits: Limits) -> None:
    chance = random.Random(7)
    for _ in range(50):
        pool = Pool(limits, waiting=[Setup(chance.choice("abc")) for _ in range(chance.randrange(1, 12))])
        for _ in range(1000):
            step = pool.act()
            assert len(pool.views) <= limits.processes
            if step == Plan() and not any(view.state in NEXT for view in pool.views):
                break
            pool.move(chance)
        assert pool.waiting == []
        assert all(view.state in (State.SPARE, State.CLEAN) for view in pool.views)
        assert sum(view.state is State.SPARE for view in pool.views) >= min(limits.spares, limits.processes - 1)
