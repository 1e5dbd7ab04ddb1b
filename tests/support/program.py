"""The program as a process of its own, as an operator starts it, with nothing of this machine's logins."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.children import wait_until_none
from tests.support.running import WAIT

ROOT = Path(__file__).parent.parent.parent

Line = dict[str, Any]
"""A line of the log."""


class Program:
    """A running program. Its output is read as it comes; every wait is bounded."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: int) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.said = ""
        self.printed = ""
        self._news = threading.Condition()
        assert process.stdout is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stderr, self._take_log), daemon=True),
            threading.Thread(target=self._read, args=(os.dup(process.stdout.fileno()), self._take_output), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, descriptor: int, take: Callable[[str], None]) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            rest = b""
            while data := _some(file.fileno()):
                *lines, rest = (rest + data).split(b"\n")
                with self._news:
                    for line in lines:
                        take(line.decode() + "\n")
                    self._news.notify_all()

    def _take_log(self, text: str) -> None:
        self.said += text
        if text.startswith("{"):
            self.lines.append(json.loads(text))

    def _take_output(self, text: str) -> None:
        self.printed += text

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until what was said so far makes `reached` true."""
        with self._news:
            assert self._news.wait_for(reached, WAIT), f"never {what}: {self.said}"

    def wait_for(self, event: str, **fields: object) -> Line:
        """The first line of the log that is of `event` and has `fields`."""
        self.wait_until(lambda: bool(self.logged(event, **fields)), f"{event} {fields}")
        return self.logged(event, **fields)[0]

    def logged(self, event: str, **fields: object) -> list[Line]:
        """The lines so far that are of `event` and have `fields`."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        return str(self.wait_for("listening")["url"])

    def client(self) -> httpx.Client:
        """A plain HTTP client of it."""
        # To load the certificates of all the world takes longer than most requests.
        return httpx.Client(base_url=self.url, timeout=WAIT, trust_env=False, verify=False)

    def wait_until_running(self, turns: int) -> None:
        """Wait until so many turns are open."""
        with self.client() as client:
            page = ""
            for _ in range(2000):
                page = client.get("/", headers={"accept": "text/html"}).text
                if f"{turns} running" in page:
                    return
                threading.Event().wait(0.01)
        raise AssertionError(f"never {turns} running: {page}")

    def wait_until_file(self, path: Path) -> None:
        """Wait until `path` exists."""
        deadline = time.monotonic() + WAIT
        while not path.exists():
            assert time.monotonic() < deadline, f"never {path}: {self.said}"
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait until it has ended, and everything that it said is here."""
        code = self.process.wait(WAIT)
        for reader in self._readers:
            reader.join(WAIT)
        return code


def _some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # how a terminal tells that the other side has gone
        return b""


Start = Callable[..., Program]


@contextmanager
def programs(folder: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Start]:
    """Start programs that write beneath `folder` only: ``start("serve", "--port", "0")``.

    At the end they are stopped; none may leave a process, or have said a traceback.
    """
    started: list[Program] = []

    def start(*arguments: object, terminal: bool = False, **more: str) -> Program:
        given = own_environment(folder, **(environ or {}), **more)
        program = stack.enter_context(_running(list(map(str, arguments)), given, terminal=terminal))
        started.append(program)
        return program

    with ExitStack() as stack:
        yield start
    wait_until_none(folder)
    for program in started:
        assert "Traceback" not in program.said, program.said


@contextmanager
def _running(arguments: Sequence[str], environ: Mapping[str, str], *, terminal: bool) -> Iterator[Program]:
    ours, its = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "claude_ollama_server.py", *arguments],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=its,
    )
    os.close(its)
    with process:
        program = Program(process, ours)
        try:
            yield program
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                program.exit_code()
            finally:
                process.kill()


def run_program(folder: Path, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program until it ends by itself."""
    return subprocess.run(
        [sys.executable, "claude_ollama_server.py", *map(str, arguments)],
        cwd=ROOT,
        env=own_environment(folder, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )


def own_environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user whose home is beneath `folder`, without a login and without a way out.

    The CLI is not probed, which would take a fresh home a second or two each time, unless `more` says so.
    """
    home = folder / "user"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
        "CLAUDE_OLLAMA_PROBE": "off",
        **more,
    }
