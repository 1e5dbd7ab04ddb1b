"""Time to the first token as a conversation grows: live over the daemon, beside a CLI driven turn by turn.

The daemon gets the whole history with every request, as its clients send it; the bare CLI gets each prompt alone. Some
conversations go on by turns, so that each process rests as it would. Then a history that no process holds, which either
side tells within the request.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.bare import Answer, BareCli, Message, booted_cli
from bench.children import Failed, cpu_seconds
from bench.daemon import Daemon, running_daemon
from bench.report import Row, Samples
from bench.stage import Stage

_SETTLE = 0.1
# Seconds of rest before each measurement.


@dataclass(frozen=True, slots=True)
class Course:
    """`conversations` by turns; at each of the `points` so many turns (`width`) are measured, the first being that one.

    Then `replays` of a history of `replayed` turns.
    """

    conversations: int
    points: tuple[int, ...]
    width: int
    replayed: int
    replays: int

    @property
    def length(self) -> int:
        """Turns of a whole conversation."""
        return self.points[-1] + self.width - 1

    def point(self, turn: int) -> int | None:
        """The point at which a turn is measured, None for those between."""
        return next((point for point in self.points if point <= turn < point + self.width), None)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn on both sides, and the CPU time of the daemon's own process for its side, in seconds."""

    mine: Answer
    bare: Answer
    cpu: float


@dataclass(slots=True)
class _Turns:
    """Turns that are measured together: milliseconds."""

    mine: Samples = field(default_factory=list)
    bare: Samples = field(default_factory=list)
    cpu: Samples = field(default_factory=list)

    def note(self, turn: _Turn) -> None:
        self.mine.append(turn.mine.first_token * 1000)
        self.bare.append(turn.bare.first_token * 1000)
        self.cpu.append(turn.cpu * 1000)


def measure_growth(stage: Stage, course: Course) -> Iterator[Row]:
    """The rows of growth."""
    live = {point: _Turns() for point in course.points}
    room = course.conversations + 1
    with running_daemon(stage, stage.cli, processes=room + 3, conversations=room) as daemon:
        _converse(stage, course, daemon, live)
        told = _replay(stage, course, daemon)
    first, *later = course.points
    names = {point: f"turns {point} to {point + course.width - 1}" for point in course.points}
    own = f"the daemon, {names[first]}"
    for point, turns in live.items():
        yield _row(f"live, {names[point]}", turns.mine, "bare script, the same turns", turns.bare)
    for point in later:
        yield _row(f"live, {names[point]}", live[point].mine, own, live[first].mine)
    yield Row(f"a live turn, {names[later[-1]]}: its CPU", "ms", live[later[-1]].cpu, own, live[first].cpu)
    yield _row(f"{course.replayed} turns told", told.mine, "bare script, the same", told.bare)


def _converse(stage: Stage, course: Course, daemon: Daemon, live: dict[int, _Turns]) -> None:
    """The conversations, one turn of each after the other."""
    histories = [_opened(f"live {number}") for number in range(course.conversations)]
    with ExitStack() as stack:
        clis = [stack.enter_context(booted_cli(stage)) for _ in histories]
        for turn in range(1, course.length + 1):
            point = course.point(turn)
            for number, (history, cli) in enumerate(zip(histories, clis, strict=True)):
                said = f"ok {number} {turn}"
                measured = _turn(daemon, cli, history, said, rested=point is not None or turn == 1)
                if point is not None:
                    live[point].note(measured)


def _turn(daemon: Daemon, cli: BareCli, history: list[Message], said: str, *, rested: bool) -> _Turn:
    """One turn on both sides, which `history` then holds."""
    asked = _user(said)
    if rested:
        _rest(daemon)
    whole = [*history, asked]
    before = cpu_seconds(daemon.pid)
    mine = daemon.chat(whole)
    used = cpu_seconds(daemon.pid) - before
    if rested:
        _rest(daemon)
    bare = cli.converse(whole)
    history += [asked, _answer(mine, bare, said)]
    return _Turn(mine, bare, used)


def _replay(stage: Stage, course: Course, daemon: Daemon) -> _Turns:
    """A history that is new to a process, in a conversation of its own each time."""
    told = _Turns()
    exchanges = [message for turn in range(course.replayed) for message in _exchange(f"ok {turn}")]
    for number in range(course.replays):
        conversation = [*_opened(f"told {number}"), *exchanges]
        with booted_cli(stage) as cli:
            told.note(_turn(daemon, cli, conversation, "ok at last", rested=True))
    return told


def _opened(name: str) -> list[Message]:
    """A conversation with a system prompt of its own, so that none takes the process of another."""
    return [{"role": "system", "content": f"This is conversation {name}."}]


def _exchange(said: str) -> tuple[Message, Message]:
    return _user(said), {"role": "assistant", "content": said}


def _user(said: str) -> Message:
    return {"role": "user", "content": f"Say exactly {said}"}


def _rest(daemon: Daemon) -> None:
    daemon.until_at_rest()
    time.sleep(_SETTLE)


def _answer(mine: Answer, bare: Answer, said: str) -> Message:
    """The answer as a message. Raises `Failed` when it is not what was asked for."""
    if not mine.text == bare.text == said:
        raise Failed(f"the answers are {mine.text!r:.100} and {bare.text!r:.100}, not {said!r}")
    return {"role": "assistant", "content": mine.text}


def _row(what: str, mine: Samples, reference: str, others: Samples) -> Row:
    return Row(f"first token: {what}", "ms", mine, reference, others)
