"""The plan in situations that nobody thought of: what it never does, and that it comes to an end."""

import random
from dataclasses import dataclass, field, replace

import pytest

from proxy.backends.claude_cli.plan import SETTLE_PATIENCE, Limits, Need, Plan, State, View, plan
from tests.backends.claude_cli.situations import NOW, conversation, limits, need

TURNS = ("", "", "x", "y", "xy", "xyx")
"""What a process may hold, or a request may go on with."""


def any_view(chance: random.Random) -> View:
    state = chance.choice(list(State))
    since = NOW - chance.choice((0.0, SETTLE_PATIENCE / 2, 1.0, 50.0)) - chance.random() / 1000
    if state in (State.BOOTING, State.SPARE):
        return View(state, since=since)
    held = need(f"{chance.choice('ab')}/{chance.choice(TURNS)}")
    if state is State.LIVE and held.history is None:
        state = State.CLEAN
    return View(state, held.setup, since, None if state is State.CLEAN else held.history)


def any_need(chance: random.Random) -> Need:
    return need(f"{chance.choice('abc')}/{chance.choice(TURNS)}")


def test_no_plan_breaks_a_promise() -> None:
    chance = random.Random(7)
    for _ in range(10_000):
        most = Limits(chance.randrange(4), chance.randrange(1, 9), chance.randrange(1, 4), chance.randrange(5))
        views = [any_view(chance) for _ in range(chance.randrange(most.processes + 1))]
        waiting = [any_need(chance) for _ in range(chance.randrange(6))]
        step = plan(views, waiting, most, quiet=chance.random() < 0.5, now=NOW)
        check_that_everything_is_used_once(step, views, most)
        check_who_is_served(step, views, waiting)
        check_what_is_let_go_of(step, views, waiting, most)


def check_that_everything_is_used_once(step: Plan, views: list[View], most: Limits) -> None:
    requests = [request for request, _ in step.assign]
    used = [index for _, index in step.assign] + list(step.evict) + list(step.clear)
    assert requests == sorted(set(requests)), "each request once, in their order"
    assert len(used) == len(set(used)), "no process twice"
    assert len(views) + len(step.boot) <= most.processes
    booting = sum(view.state is State.BOOTING for view in views)
    assert not step.boot or booting + len(step.boot) <= most.boots


def check_who_is_served(step: Plan, views: list[View], waiting: list[Need]) -> None:
    for request, index in step.assign:
        view, needed = views[index], waiting[request]
        match view.state:
            case State.LIVE:
                assert view.conversation is not None
                assert view.conversation == needed.history
                assert view.setup == needed.setup
            case State.CLEAN:
                assert view.setup == needed.setup
            case state:
                assert state is State.SPARE
    served = dict(step.assign)
    unserved = [request for request in range(len(waiting)) if request not in served]
    assert 0 <= step.held <= len(unserved)
    used = {*served.values(), *step.evict, *step.clear}
    for request, needed in enumerate(waiting):
        held = {i for i, view in enumerate(views) if view.state is State.LIVE and view.conversation == needed.history}
        assert request in served or held <= used, "nobody waits beside the history that it needs"
    spares = {index for index, view in enumerate(views) if view.state is State.SPARE}
    if len(unserved) > step.held:
        assert spares <= used, "nobody waits beside a spare"


def check_what_is_let_go_of(step: Plan, views: list[View], waiting: list[Need], most: Limits) -> None:
    used = {index for _, index in step.assign} | set(step.clear)
    evicted = [views[index].state for index in step.evict]
    assert set(evicted) <= {State.CLEAN, State.LIVE}
    if State.LIVE in evicted:
        idle = {i for i, view in enumerate(views) if view.state is State.CLEAN} - used
        assert idle <= set(step.evict), "a conversation goes after every clean process"
        assert len(step.assign) + step.held < len(waiting), "a conversation goes only for a request that waits"
    cleared = [views[index] for index in step.clear]
    assert all(view.state is State.LIVE for view in cleared)
    gone = used | set(step.evict)
    live = sum(view.state is State.LIVE for index, view in enumerate(views) if index not in gone)
    coming = sum(view.state is State.SETTLING and view.conversation is not None for view in views)
    assert live == 0 or live + coming <= most.conversations
    if len(step.clear) > step.held:
        before = sum(view.state is State.LIVE for view in views) + coming
        assert before > most.conversations, "a conversation goes only for a request, or beyond the limit"


@dataclass
class Pool:
    """A pool that follows the plan, whose processes move on by chance, and whose clients go on with their answers."""

    limits: Limits
    follow_ups: int
    views: list[View] = field(default_factory=list)
    waiting: list[Need] = field(default_factory=list)
    now: float = NOW

    def act(self) -> Plan:
        step = plan(self.views, self.waiting, self.limits, quiet=True, now=self.now)
        for request, index in step.assign:
            self._become(index, State.LEASED, setup=self.waiting[request].setup)
        for index in step.evict:
            self._become(index, State.STOPPING)
        for index in step.clear:
            self._become(index, State.SETTLING, conversation=None)
        served = {request for request, _ in step.assign}
        self.waiting = [needed for request, needed in enumerate(self.waiting) if request not in served]
        self.views += [View(State.BOOTING, since=self.now, builtin=builtin) for builtin in step.boot]
        return step

    def _become(self, index: int, state: State, **changes: object) -> None:
        self.views[index] = replace(self.views[index], state=state, since=self.now, **changes)  # type: ignore[arg-type]

    def move(self, chance: random.Random) -> None:
        """Let a moment pass in which one process may change."""
        self.now += SETTLE_PATIENCE / 3
        moving = [index for index, view in enumerate(self.views) if view.state in MOVING]
        if not moving:
            return
        index = chance.choice(moving)
        old = self.views[index]
        match old.state, chance.random() < 0.8:
            case State.BOOTING, True:
                self._become(index, State.SPARE)
            case State.LEASED, True:
                assert old.setup is not None
                holds = conversation(old.setup.system or "", chance.choice(("x", "y", "xy")))
                self._become(index, State.SETTLING, conversation=holds)
                if self.follow_ups:
                    self.follow_ups -= 1
                    self.waiting.append(Need(old.setup, holds))
            case State.LEASED, False:
                self._become(index, State.STOPPING)
            case State.SETTLING, True:
                self._become(index, State.LIVE if old.conversation else State.CLEAN)
            case _:
                del self.views[index]


MOVING = (State.BOOTING, State.LEASED, State.SETTLING, State.STOPPING)
"""States in which a process does not stay."""


@pytest.mark.parametrize(
    "most",
    [
        limits(0, 1, 1, conversations=0),
        limits(0, 1, 1, conversations=1),
        limits(1, 1, conversations=1),
        limits(2, 2, conversations=2),
        limits(1, 4, conversations=0),
        limits(1, 4, conversations=2),
        limits(3, 8, conversations=5),
    ],
    ids=repr,
)
def test_every_request_is_served_in_the_end_and_then_the_pool_comes_to_rest(most: Limits) -> None:
    chance = random.Random(7)
    for _ in range(50):
        pool = Pool(most, chance.randrange(8), waiting=[any_need(chance) for _ in range(chance.randrange(1, 12))])
        for _ in range(2000):
            step = pool.act()
            assert len(pool.views) <= most.processes
            if step == Plan() and not any(view.state in MOVING for view in pool.views):
                break
            pool.move(chance)
        assert pool.waiting == []
        counts = {state: sum(view.state is state for view in pool.views) for state in State}
        assert sum(counts[state] for state in (State.SPARE, State.CLEAN, State.LIVE)) == len(pool.views)
        assert counts[State.LIVE] <= most.conversations
        full = len(pool.views) == most.processes and counts[State.CLEAN] <= 1
        assert counts[State.SPARE] >= most.spares or full
