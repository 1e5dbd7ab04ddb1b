"""Time to the first token: the daemon beside the bare CLI and beside a CLI started for each request.

A new question comes with no history to a process that answered others before; the daemon first takes the last one out
of it. Each round measures everything once, the daemon and its reference by turns, so that whatever else the machine
does falls on both. The answers of a pair have to be equal.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.bare import Answer, BareCli, answer_from_new_cli, booted_cli
from bench.children import Failed
from bench.daemon import Daemon, running_daemon
from bench.report import Row, Samples
from bench.stage import Stage

_SETTLE = 0.1
# Seconds of rest before each measurement, for what a boot or a turn leaves to be done after it.

_WARM_UP = 3
# Turns before the first measured one, on either side.

PROMPT = "Count to 12."


@dataclass(frozen=True, slots=True)
class Effort:
    """How often: `rounds`, in each so many pairs of `warm` turns and one of fresh ones; a start every `spawn_every`."""

    rounds: int
    warm: int
    spawn_every: int


@dataclass(slots=True)
class _Times:
    warm: Samples = field(default_factory=list)
    warm_bare: Samples = field(default_factory=list)
    fresh: Samples = field(default_factory=list)
    fresh_bare: Samples = field(default_factory=list)
    spawned: Samples = field(default_factory=list)


def measure_latency(stage: Stage, effort: Effort) -> Iterator[Row]:
    """The rows of time to the first token."""
    times = _Times()
    with running_daemon(stage, stage.cli) as daemon, booted_cli(stage) as used:
        for _ in range(_WARM_UP):
            _same(_by_daemon(daemon, None), used.turn(None, PROMPT))
        for number in range(effort.rounds):
            _round(stage, effort, daemon, used, number, times)
    yield _row("new question, a used process", times.warm, "bare script, a used CLI", times.warm_bare)
    yield _row("first turn, a spare", times.fresh, "bare script, a booted CLI", times.fresh_bare)
    yield _row("new question, a used process", times.warm, "a CLI started for it", times.spawned)
    yield _row("first turn, a spare", times.fresh, "a CLI started for it", times.spawned)


def _round(stage: Stage, effort: Effort, daemon: Daemon, used: BareCli, number: int, times: _Times) -> None:
    system = f"This is conversation {number}."
    with _both_booted(stage, daemon) as spare:
        for _ in range(effort.warm):
            mine = _by_daemon(daemon, None)
            time.sleep(_SETTLE)
            bare = used.turn(None, PROMPT)
            _note(times.warm, mine, times.warm_bare, bare)
        mine = _by_daemon(daemon, system)
        daemon.until_at_rest()  # the boot of the next spare is beside neither
        time.sleep(_SETTLE)
        bare = spare.turn(system, PROMPT)
        _note(times.fresh, mine, times.fresh_bare, bare)
    if number % effort.spawn_every == 0:
        time.sleep(_SETTLE)
        times.spawned.append(answer_from_new_cli(stage, system, PROMPT).first_token * 1000)


@contextmanager
def _both_booted(stage: Stage, daemon: Daemon) -> Iterator[BareCli]:
    with booted_cli(stage) as spare:
        daemon.until_at_rest()
        yield spare


def _by_daemon(daemon: Daemon, system: str | None) -> Answer:
    daemon.until_at_rest()
    time.sleep(_SETTLE)
    return daemon.turn(system, PROMPT)


def _note(mine: Samples, answer: Answer, others: Samples, other: Answer) -> None:
    _same(answer, other)
    mine.append(answer.first_token * 1000)
    others.append(other.first_token * 1000)


def _same(answer: Answer, other: Answer) -> None:
    if answer.text != other.text:
        raise Failed(f"the answers differ: {answer.text!r:.100} and {other.text!r:.100}")


def _row(what: str, mine: Samples, reference: str, others: Samples) -> Row:
    return Row(f"first token: {what}", "ms", mine, reference, others)
