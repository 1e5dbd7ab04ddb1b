"""Processes that end with the benchmark, and deadlines: nothing here waits for ever."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil

ROOT = Path(__file__).parent.parent

_TERM_PATIENCE = 15.0
# Seconds that a process gets after SIGTERM. The daemon ends its own children in that time.

_KILL_PATIENCE = 5.0
# Seconds that the kernel gets after SIGKILL.

_LOG_TAIL = 2000
# Bytes of a log that an error quotes.


class Failed(Exception):
    """A measurement that is not one: something did not answer, or answered wrongly. No number comes of it."""


@contextmanager
def limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `Failed` when the block takes longer. In the main thread only, and not nested."""

    def expired(_number: int, _frame: FrameType | None) -> None:
        raise Failed(f"{what}: nothing within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt; later ones do not disturb the ending of children."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def python(*arguments: str) -> list[str]:
    """The command line of a Python program of this project."""
    return [sys.executable, *arguments]


@contextmanager
def running(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path = ROOT,
    gently: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with pipes for stdin and stdout; what it writes to stderr goes to `log`.

    It has a session of its own, so that Ctrl-C reaches only us, and its whole group is ended on leaving: `gently`
    means SIGTERM first.
    """
    with log.open("wb") as errors:
        child = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        _end(child, gently=gently)


def _end(child: subprocess.Popen[bytes], *, gently: bool) -> None:
    steps = ((signal.SIGTERM, _TERM_PATIENCE), (signal.SIGKILL, _KILL_PATIENCE))
    for number, patience in steps if gently else steps[1:]:
        # Also when the child has gone: its group may have others.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used by itself; its children's is not in it."""
    if sys.platform == "linux":
        # The kernel's number for the clock of another process (clock_getcpuclockid): nanoseconds, not ticks.
        return time.clock_gettime((~pid << 3) | 2)
    else:  # noqa: RET505 - the type checker sees one branch only
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system


def tree_cpu_seconds(pid: int) -> float:
    """CPU time of a process and of all that it has started, the ended ones included; to about 10 ms each."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    living = [child.cpu_times() for child in process.children(recursive=True)]
    # A living child counts what its own ended children took.
    return sum(times.user + times.system + times.children_user + times.children_system for times in (own, *living))


def tail(log: Path) -> str:
    """The end of a log, for an error."""
    return log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace").strip() or "it said nothing"
