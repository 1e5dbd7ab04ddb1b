"""Time to the first token: the daemon beside the bare CLI and beside a CLI started for each request.

The next turn of a conversation goes on where it is live; a new question comes with no history to a process that
answered others before, and the daemon first takes the last one out of it; a first turn, with a system prompt of its
own, comes to a spare. Each round measures everything, the daemon and its reference by turns, so that whatever else the
machine does falls on both. The answers of a pair have to be equal.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.bare import Answer, BareCli, Message, answer_from_new_cli, booted_cli
from bench.daemon import Daemon, running_daemon
from bench.pairs import Pair
from bench.report import Bound, Row, Samples
from bench.stage import Stage

_WARM_UP = 3
# Turns before the first measured one, on either side.

PROMPT = "Count to 12."

_CONVERSATION = {"role": "system", "content": "This is the conversation that goes on."}


@dataclass(frozen=True, slots=True)
class Effort:
    """How often: `rounds`, in each so many pairs of `warm` turns, live ones and new questions, and one of fresh ones; a
    start every `spawn_every`."""

    rounds: int
    warm: int
    spawn_every: int


@dataclass(slots=True)
class _Times:
    live: Pair = field(default_factory=Pair)
    used: Pair = field(default_factory=Pair)
    fresh: Pair = field(default_factory=Pair)
    spawned: Samples = field(default_factory=list)


def measure_latency(stage: Stage, effort: Effort) -> Iterator[Row]:
    """The rows of time to the first token."""
    times = _Times()
    with (
        running_daemon(stage, stage.cli, processes=5, conversations=3) as daemon,
        booted_cli(stage) as used,
        booted_cli(stage) as live,
    ):
        conversation = _Conversation(daemon, live)
        for _ in range(_WARM_UP):
            Pair().note(*conversation.turn())
            Pair().note(_asked(daemon, None), used.turn(None, PROMPT))
        for number in range(effort.rounds):
            system = f"This is conversation {number}."
            with _both_booted(stage, daemon) as spare:
                for _ in range(effort.warm):
                    times.live.note(*conversation.turn())
                    times.used.note(_asked(daemon, None), _rested(daemon, lambda: used.turn(None, PROMPT)))
                # The boot of the next spare is beside neither.
                fresh = _asked(daemon, system)
                times.fresh.note(fresh, _rested(daemon, lambda: spare.turn(system, PROMPT)))  # noqa: B023 - called at once
            if number % effort.spawn_every == 0:
                spawned = _rested(daemon, lambda: answer_from_new_cli(stage, system, PROMPT))  # noqa: B023
                times.spawned.append(spawned.first_token * 1000)
    warm, fresh_spare, one_shot = "the next live turn", "a first turn, a spare", "a new question, a used process"
    yield times.live.row(warm, "bare script, a warm CLI", Bound(1.3))
    yield times.fresh.row(fresh_spare, "bare script, a booted CLI", Bound(1.3))
    yield times.used.row(one_shot, "bare script, a used CLI")
    for what, pair, most in ((warm, times.live, 0.1), (fresh_spare, times.fresh, 0.25)):
        reference = "a CLI started for it"
        yield Row(f"first token: {what}", "ms", pair.mine, reference, times.spawned, Bound(most))


class _Conversation:
    """One that grows by a turn on both sides at a time."""

    def __init__(self, daemon: Daemon, bare: BareCli) -> None:
        self._daemon = daemon
        self._bare = bare
        self._messages: list[Message] = [_CONVERSATION]

    def turn(self) -> tuple[Answer, Answer]:
        """The answers of both."""
        asked = [*self._messages, {"role": "user", "content": PROMPT}]
        mine = _rested(self._daemon, lambda: self._daemon.chat(asked))
        bare = _rested(self._daemon, lambda: self._bare.converse(asked))
        self._messages = [*asked, {"role": "assistant", "content": mine.text}]
        return mine, bare


@contextmanager
def _both_booted(stage: Stage, daemon: Daemon) -> Iterator[BareCli]:
    with booted_cli(stage) as spare:
        daemon.until_at_rest()
        yield spare


def _asked(daemon: Daemon, system: str | None) -> Answer:
    return _rested(daemon, lambda: daemon.turn(system, PROMPT))


def _rested(daemon: Daemon, ask: Callable[[], Answer]) -> Answer:
    daemon.rest()
    return ask()
