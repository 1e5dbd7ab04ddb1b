"""How much memory the daemon and its processes take, and how soon a daemon that is started answers."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from bench.bare import booted_cli
from bench.daemon import Daemon, running_daemon, started_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage

_MEGABYTE = 1e6

_LIVE = 3
# Conversations whose processes are looked at.


@dataclass(frozen=True, slots=True)
class Footprint:
    """After so many `conversations` memory is looked at again; a daemon is started so many `starts` times."""

    conversations: int
    starts: int


@dataclass(slots=True)
class _Starts:
    """Seconds."""

    version: Samples = field(default_factory=list)
    python: Samples = field(default_factory=list)
    answer: Samples = field(default_factory=list)
    boot: Samples = field(default_factory=list)


def measure_footprint(stage: Stage, footprint: Footprint) -> Iterator[Row]:
    """The rows of memory and of the start."""
    with running_daemon(stage, stage.cli, spares=1, processes=_LIVE + 2, conversations=_LIVE) as daemon:
        first = _memory(daemon)
        for number in range(footprint.conversations):
            daemon.turn(None, f"This is conversation {number}, and nothing else.")
        daemon.until_at_rest()
        after = _memory(daemon)
        for number in range(_LIVE):
            daemon.turn(f"This is conversation {number}.", "Hello.")
        daemon.until_at_rest()
        live = [child.memory_full_info().uss / _MEGABYTE for child in psutil.Process(daemon.pid).children()]
    yield Row("memory: the daemon after its start", "MB", [first], bound=Bound(80, of="median"))
    what = f"memory: the daemon after {footprint.conversations} conversations"
    yield Row(what, "MB", [after], "after its start", [first], Bound(1.1))
    yield Row("memory: each CLI process, its own", "MB", live)
    starts = _Starts()
    for _ in range(footprint.starts):
        _start(stage, starts)
    yield Row("start: to the first /api/version", "s", starts.version, "python -c pass", starts.python)
    yield Row("start: to the first chat's first token", "s", starts.answer, "the CLI's boot", starts.boot)


def _memory(daemon: Daemon) -> float:
    """Resident memory of the daemon's own process, libraries that others share included."""
    return psutil.Process(daemon.pid).memory_info().rss / _MEGABYTE


def _start(stage: Stage, starts: _Starts) -> None:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=dict(stage.environ))
    starts.python.append(time.perf_counter() - began)
    began = time.perf_counter()
    with booted_cli(stage):
        starts.boot.append(time.perf_counter() - began)
    began = time.perf_counter()
    with started_daemon(stage, stage.cli, spares=1, processes=2, conversations=1) as daemon:
        daemon.version()
        starts.version.append(time.perf_counter() - began)
        asked = time.perf_counter() - began
        starts.answer.append(asked + daemon.turn(None, "Hello.").first_token)
