"""Processes, with tiny real children: what is claimed of life and death is asked of the kernel."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import psutil
import pytest

from proxy.backends.claude_cli.process import CliProcess, StopTimes
from proxy.core.errors import BackendFailed

WAIT = 20.0
"""Seconds that anything may take before a test fails. No test relies on its being shorter."""

PATIENT = StopTimes(eof=WAIT, term=WAIT, kill=WAIT)
HASTY = StopTimes(eof=0.05, term=0.05, kill=WAIT)

MAX_LINE = 1 << 20
FOLDER = Path("/")

Spawn = Callable[..., Awaitable[CliProcess]]


@asynccontextmanager
async def child(code: str, *, max_line: int = MAX_LINE) -> AsyncIterator[CliProcess]:
    """A Python child that runs `code`; whatever becomes of it, it is killed in the end."""
    argv = [sys.executable, "-S", "-c", f"import os, signal, subprocess, sys, time\n{code}"]
    process = await CliProcess.spawn(argv, environment={}, folder=FOLDER, max_line=max_line)
    try:
        yield process
    finally:
        await process.kill(PATIENT)


async def receive(process: CliProcess) -> list[bytes]:
    with anyio.fail_after(WAIT):
        return await process.receive()


async def receive_all(process: CliProcess) -> tuple[list[bytes], str]:
    """Every line up to the end, and what the error then says."""
    lines = []
    while True:
        try:
            lines += await receive(process)
        except BackendFailed as error:
            return lines, error.message


async def until(true: Callable[[], bool]) -> None:
    """Wait until `true` is, where there is nothing else to wait for."""
    with anyio.fail_after(WAIT):
        while not true():  # noqa: ASYNC110 - it is the kernel's to know, which sets no event
            await anyio.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# What it says


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_lines_arrive_however_they_are_cut(size: int) -> None:
    said = "one\ntwo\r\n\n\u2028\u0085three\x00\U0001f600\n".encode()
    code = f"data = {said!r}\nfor i in range(0, len(data), {size}): os.write(1, data[i:i+{size}])"
    async with child(code) as process:
        lines, _ = await receive_all(process)
    assert lines == [b"one", b"two\r", b"", "\u2028\u0085three\x00\U0001f600".encode()]


async def test_a_line_without_an_end_is_no_line() -> None:
    async with child("os.write(1, b'whole\\nhalf')") as process:
        assert (await receive_all(process))[0] == [b"whole"]


async def test_lines_that_have_arrived_are_ready() -> None:
    async with child("os.write(1, b'a\\n'); input()") as process:
        await until(lambda: process.ready)
        assert await receive(process) == [b"a"]
        assert not process.ready


async def test_what_is_written_reaches_the_child() -> None:
    async with child("for line in sys.stdin: os.write(1, line.upper().encode())") as process:
        process.write(b"one\ntw")
        process.write(b"o\n")
        lines: list[bytes] = []
        while len(lines) < 2:
            lines += await receive(process)
    assert lines == [b"ONE", b"TWO"]


async def test_megabytes_wait_for_a_child_that_is_busy() -> None:
    code = "os.write(1, b'busy\\n'); print(len(sys.stdin.readline()), flush=True)"
    async with child(code) as process:
        process.write(b"x" * 3_000_000 + b"\n")
        assert await receive(process) == [b"busy"]
        assert await receive(process) == [b"3000001"]


async def test_a_line_beyond_the_limit_is_an_error_and_what_came_before_it_is_not_lost() -> None:
    code = "os.write(1, b'fine\\n'); sys.stdin.readline()\nwhile True: os.write(1, b'x' * 4096)"
    async with child(code, max_line=10_000) as process:
        await until(lambda: process.ready)
        process.write(b"\n")
        lines, error = await receive_all(process)
    assert lines == [b"fine"]
    assert error == "the Claude CLI wrote an unfinished line of more than 10000 bytes"


# What it says of its end


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("", "exited with code 0"),
        ("sys.exit(3)", "exited with code 3"),
        ("os.write(2, b'boom\\n'); sys.exit(3)", "exited with code 3; it said: boom"),
        ("os.write(2, b'one\\n\\n  two\\nthr\\xffee'); sys.exit(1)", "exited with code 1; it said: one | two | thr�ee"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", f"was ended by signal {signal.SIGRTMIN + 3}"),
    ],
)
async def test_an_end_is_an_error_that_says_how_and_quotes_stderr(code: str, error: str) -> None:
    async with child(code) as process:
        assert await receive_all(process) == ([], f"the Claude CLI {error}")
        assert not process.running


async def test_a_child_that_closes_its_output_and_lives_on_is_an_error() -> None:
    async with child("os.close(1); os.read(0, 1)") as process:
        assert await receive_all(process) == ([], "the Claude CLI closed its output")


async def test_the_end_is_told_as_often_as_it_is_asked_for() -> None:
    async with child("sys.exit(3)") as process:
        for _ in range(2):
            with pytest.raises(BackendFailed, match="exited with code 3") as caught:
                await receive(process)
            assert caught.value.should_retry is False


async def test_a_child_that_has_gone_takes_nothing_more() -> None:
    async with child("sys.exit(3)") as process:
        await receive_all(process)
        with pytest.raises(BackendFailed, match="exited with code 3"):
            process.write(b"hello\n")


async def test_stderr_is_drained_into_a_bounded_ring() -> None:
    code = """
for number in range(20_000): os.write(2, b"line %d of a flood that nobody reads\\n" % number)
os.write(2, b"x" * 1_000_000 + b"\\n")
os.write(2, b"y" * 1_000_000)
sys.exit(1)
"""
    async with child(code) as process:
        _, error = await receive_all(process)
    quoted = error.partition("it said: ")[2].split(" | ")
    assert quoted[0] == "line 19981 of a flood that nobody reads"
    assert quoted[-2:] == ["x" * 400, "y" * 400]
    assert len(quoted) <= 21


async def test_an_exit_is_told_once_to_who_asked_for_it() -> None:
    told: list[str] = []
    async with child("input()") as process:
        process.on_exit(lambda: told.append("later"))
        assert (told, process.running) == ([], True)
        process.write(b"\n")
        with anyio.fail_after(WAIT):
            await process.wait()
        assert (told, process.running) == (["later"], False)
        process.on_exit(lambda: told.append("at once"))
    assert told == ["later", "at once"]


# How much it may say


def pour(line: int, total: int, *, then: str = "pass") -> str:
    """Code that writes lines of `line` bytes, and says on stderr how many went out when nobody takes more."""
    return f"""
import select
lines, written, told = memoryview((b"x" * {line - 1} + b"\\n") * 2), 0, False
while written < {total}:
    if not told and not select.select([], [1], [], 0.5)[1]:
        told = os.write(2, b"%d\\n" % written)
        {then}
    start = written % {line}
    written += os.write(1, lines[start : start + min(4096, {line})])
"""


@pytest.mark.parametrize(
    "line",
    [
        1 << 10,
        1 << 19,
    ],
)
async def test_a_child_that_nobody_listens_to_has_to_wait(line: int) -> None:
    total = 50 << 20
    async with child(pour(line, total)) as process:
        await until(lambda: bool(process.stderr))
        assert int(process.stderr) < 2 << 20
        lines, _ = await receive_all(process)
    assert sum(len(line) + 1 for line in lines) == total


async def test_who_listens_late_hears_all_that_a_child_said_before_it_ended() -> None:
    async with child(pour(1 << 10, 50 << 20, then="os._exit(0)")) as process:
        with anyio.fail_after(WAIT):
            await process.wait()
        await anyio.sleep(0.5)  # not a wait for anything: the reader is slow
        written = int(process.stderr)
        lines, _ = await receive_all(process)
    assert sum(len(line) + 1 for line in lines) == written


# How it is started


async def test_a_child_has_its_own_session_folder_and_environment(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "ONLY": "this"}
    process = await CliProcess.spawn(
        ["sh", "-c", "env; pwd -P; read line"], environment=environment, folder=tmp_path, max_line=MAX_LINE
    )
    try:
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
        process.write(b"\n")
        lines, _ = await receive_all(process)
    finally:
        await process.kill(PATIENT)
    assert {b"ONLY=this", str(tmp_path).encode()} <= set(lines)
    assert not [line for line in lines if line.startswith((b"HOME=", b"USER=", b"PYTEST"))]


@pytest.mark.parametrize(
    ("program", "why"), [("/nonexistent/claude", "No such file or directory"), ("/etc/passwd", "Permission denied")]
)
async def test_what_cannot_be_started_is_an_error(program: str, why: str) -> None:
    with pytest.raises(BackendFailed, match=f"the Claude CLI cannot be started: {why}"):
        await CliProcess.spawn([program], environment={}, folder=FOLDER, max_line=MAX_LINE)


# How it ends

RECORDED = """
def record(how):
    os.write(2, how)
    os._exit(0)
signal.signal(signal.SIGTERM, lambda *_: record(b"term"))
os.write(1, b"ready\\n")
"""


async def test_an_idle_child_ends_by_itself_when_its_stdin_closes() -> None:
    async with child(f"{RECORDED}sys.stdin.read(); record(b'eof')") as process:
        await receive(process)
        await process.stop(PATIENT, idle=True)
        assert process.stderr == "eof"
        assert is_gone(process.pid)


async def test_a_busy_child_is_told_to_end() -> None:
    async with child(f"{RECORDED}signal.pause()") as process:
        await receive(process)
        await process.stop(PATIENT, idle=False)
        assert process.stderr == "term"
        assert is_gone(process.pid)


async def test_a_child_that_ignores_its_stdins_end_is_told_to_end() -> None:
    async with child(f"{RECORDED}signal.pause()") as process:
        await receive(process)
        await process.stop(StopTimes(eof=0.05, term=WAIT, kill=WAIT), idle=True)
        assert process.stderr == "term"


STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'ready\\n'); time.sleep(600)"


@pytest.mark.parametrize("idle", [True, False])
async def test_a_child_that_ignores_everything_is_killed(idle: bool) -> None:
    async with child(STUBBORN) as process:
        await receive(process)
        await process.stop(HASTY, idle=idle)
        assert not process.running
        assert is_gone(process.pid)


async def test_stopping_is_not_cut_short_by_a_cancellation() -> None:
    async with child(STUBBORN) as process:
        await receive(process)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await process.stop(HASTY, idle=True)
        assert is_gone(process.pid)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_child_that_has_gone_may_be_ended_again(end: str) -> None:
    async with child("") as process:
        await receive_all(process)
        for _ in range(2):
            await (process.stop(PATIENT, idle=True) if end == "stop" else process.kill(PATIENT))


async def test_the_end_of_a_killed_child_is_told_to_the_reader() -> None:
    async with child(STUBBORN) as process:
        await receive(process)
        process.end()
        assert await receive_all(process) == ([], "the Claude CLI was ended by SIGKILL")


GRANDCHILD = "other = subprocess.Popen(['sleep', '600'])\nprint(other.pid, flush=True)\n"


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("input()", lambda process: process.stop(PATIENT, idle=True)),
        ("time.sleep(600)", lambda process: process.stop(PATIENT, idle=False)),
        ("time.sleep(600)", lambda process: process.kill(PATIENT)),
        ("os._exit(0)", lambda process: process.stop(PATIENT, idle=True)),
    ],
    ids=["stopped idle", "stopped busy", "killed", "gone before"],
)
async def test_no_grandchild_outlives_the_end_of_a_child(
    code: str, end: Callable[[CliProcess], Awaitable[None]]
) -> None:
    async with child(GRANDCHILD + code) as process:
        (pid,) = map(int, await receive(process))
        await end(process)
        await until(lambda: is_gone(pid))


async def test_a_grandchild_that_holds_the_output_does_not_keep_the_reader_waiting() -> None:
    code = (
        "other = subprocess.Popen(['sleep', '600'], start_new_session=True)\nprint(other.pid, flush=True)\nos._exit(4)"
    )
    async with child(code) as process:
        lines, error = await receive_all(process)
        (pid,) = map(int, lines)
        try:
            assert not is_gone(pid)
            assert error == "the Claude CLI exited with code 4"
            await process.stop(PATIENT, idle=True)
        finally:
            os.kill(pid, signal.SIGKILL)


DAEMON = """
import asyncio, pathlib, sys
from proxy.backends.claude_cli.process import CliProcess
async def main():
    argv = ["sleep", "600"]
    process = await CliProcess.spawn(argv, environment={}, folder=pathlib.Path("/"), max_line=100)
    print(process.pid, flush=True)
    await process.wait()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next daemon's sweep ends what is left")
def test_a_child_dies_with_its_daemon_however_that_dies() -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        pid = int(daemon.stdout.readline())
        assert not is_gone(pid)
        daemon.kill()
    deadline = time.monotonic() + WAIT
    while not is_gone(pid):
        assert time.monotonic() < deadline
        psutil.wait_procs([psutil.Process(pid)], timeout=0.05)


async def test_a_secret_is_read_from_a_descriptor_and_is_in_no_environment() -> None:
    code = "import os; print(os.environ['FROM'], os.read(int(os.environ['FROM']), 99), dict(os.environ))"
    argv = [sys.executable, "-S", "-c", code]
    before = psutil.Process().num_fds()
    process = await CliProcess.spawn(
        argv, environment={}, folder=FOLDER, max_line=MAX_LINE, secret=("FROM", "hush-hush")
    )
    try:
        (line,) = await receive(process)
        number, said, environment = line.split(b" ", 2)
        assert number.isdigit()
        assert said == b"b'hush-hush'"
        assert b"hush" not in environment
    finally:
        await process.kill(PATIENT)
    assert psutil.Process().num_fds() == before
