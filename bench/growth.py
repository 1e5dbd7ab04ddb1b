"""Time to the first token as a conversation grows: live over the daemon, beside a CLI driven turn by turn.

The daemon gets the whole history with every request, as its clients send it; the bare CLI gets each prompt alone. Some
conversations go on by turns, so that each process rests as it would.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.bare import Answer, BareCli, Message, booted_cli
from bench.children import Failed, cpu_seconds
from bench.daemon import Daemon, running_daemon
from bench.pairs import Pair
from bench.report import Bound, Row, Samples
from bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Course:
    """`conversations` by turns; at each of the `points` so many turns (`width`) are measured, the first being that
    one. With `jumps` the turns between are not taken, but told at once, with the last one before a point.
    """

    conversations: int
    points: tuple[int, ...]
    width: int
    jumps: bool = False

    @property
    def length(self) -> int:
        """Turns of a whole conversation."""
        return self.points[-1] + self.width - 1

    def point(self, turn: int) -> int | None:
        """The point at which a turn is measured, None for those between."""
        return next((point for point in self.points if point <= turn < point + self.width), None)

    def jumped(self, turn: int) -> bool:
        """Whether a turn is only told."""
        return self.jumps and self.point(turn) is None and self.point(turn + 1) is None


@dataclass(slots=True)
class _Turns:
    """Turns that are measured together; `cpu` is the time of the daemon's own process, in milliseconds."""

    times: Pair = field(default_factory=Pair)
    cpu: Samples = field(default_factory=list)


def measure_growth(stage: Stage, course: Course) -> Iterator[Row]:
    """The rows of growth."""
    live = {point: _Turns() for point in course.points}
    room = course.conversations + 1
    with running_daemon(stage, stage.cli, processes=room + 3, conversations=room) as daemon:
        _converse(stage, course, daemon, live)
    first, *later = course.points
    names = {point: f"live, turns {point} to {point + course.width - 1}" for point in course.points}
    own = f"the daemon, turns {first} to {first + course.width - 1}"
    for point, turns in live.items():
        yield turns.times.row(names[point], "bare script, same turns")
    for point in later:
        bound = Bound(1.2) if point == later[-1] else None
        yield Row(f"first token: {names[point]}", "ms", live[point].times.mine, own, live[first].times.mine, bound)
    yield Row(f"daemon's CPU: {names[later[-1]]}", "ms", live[later[-1]].cpu, own, live[first].cpu)


def _converse(stage: Stage, course: Course, daemon: Daemon, live: dict[int, _Turns]) -> None:
    """The conversations, one turn of each after the other."""
    histories = [_opened(f"live {number}") for number in range(course.conversations)]
    with ExitStack() as stack:
        clis = [stack.enter_context(booted_cli(stage)) for _ in histories]
        for turn in range(1, course.length + 1):
            point = course.point(turn)
            for number, (history, cli) in enumerate(zip(histories, clis, strict=True)):
                said = f"ok {number} {turn}"
                if course.jumped(turn):
                    history += [_user(said), _assistant(said)]
                    continue
                mine, bare, used = _turn(daemon, cli, history, said, rested=point is not None or turn == 1)
                if point is not None:
                    live[point].times.note(mine, bare)
                    live[point].cpu.append(used * 1000)


def _turn(
    daemon: Daemon, cli: BareCli, history: list[Message], said: str, *, rested: bool
) -> tuple[Answer, Answer, float]:
    """One turn on both sides, which `history` then holds; and the seconds of CPU of the daemon's own process."""
    asked = _user(said)
    if rested:
        daemon.rest()
    whole = [*history, asked]
    before = cpu_seconds(daemon.pid)
    mine = daemon.chat(whole)
    used = cpu_seconds(daemon.pid) - before
    if rested:
        daemon.rest()
    bare = cli.converse(whole)
    if not mine.text == bare.text == said:
        raise Failed(f"the answers are {mine.text!r:.100} and {bare.text!r:.100}, not {said!r}")
    history += [asked, _assistant(said)]
    return mine, bare, used


def _opened(name: str) -> list[Message]:
    """A conversation with a system prompt of its own, so that none takes the process of another."""
    return [{"role": "system", "content": f"This is conversation {name}."}]


def _user(said: str) -> Message:
    return {"role": "user", "content": f"Say exactly {said}"}


def _assistant(said: str) -> Message:
    return {"role": "assistant", "content": said}
