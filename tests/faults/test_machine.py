"""What the machine may run out of, or do: requests get an error that says so, and all is well again afterwards."""

import ast
import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog

from proxy.observe.log import configure_log
from tests.support.asking import PATHS, Outcome, ask
from tests.support.children import children
from tests.support.program import ROOT, Program, Start, programs
from tests.support.running import WAIT, write_fake_cli

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux changes the limits of a running process")

PERSONA = {"model": "mine", "from": "sonnet", "system": "Speak as I do.", "stream": False}

WALL_CLOCK = {
    "proxy/api/ollama.py": "created_at",
    "proxy/api/openai.py": "created",
    "proxy/app.py": "modified_at of the models that were always there",
    "proxy/catalog/library.py": "modified_at",
    "proxy/backends/claude_cli/turn.py": "how far away a limit's reset is, which the API tells as a time",
    "proxy/backends/claude_cli/folders.py": "the age of a folder, which has a date",
    "proxy/access/ledger.py": "the day that a use belongs to",
    "proxy/api/access.py": "whether a key has expired, which it does at a date",
    "proxy/api/admin.py": "the same, for the list of keys",
    "proxy/commands/keys.py": "the same, and the date at which a key is made",
    "proxy/observe/observer.py": "when a request began, for people",
    "proxy/observe/metrics.py": "the steps of a chart",
    "proxy/observe/lines.py": "when a line was logged",
    "proxy/observe/host.py": "the age of a process, which has a date",
    "proxy/simulator/scripted.py": "the API's own clock",
}
"""Who reads the time of day, and for what: no deadline, no duration."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Start]:
    """Start the daemon over the fake CLI."""
    cli = write_fake_cli(tmp_path)
    with programs(tmp_path, environ={"ANTHROPIC_API_KEY": "simulated"}) as begin:

        def start(*arguments: object, terminal: bool = False, **environ: str) -> Program:
            given = ("--port", "0", "--cli", cli, "--spares", "1", "--max-processes", "3", *arguments)
            return begin("serve", *given, terminal=terminal, **environ)

        yield start


@contextmanager
def limited(program: Program, kind: int, soft: int) -> Iterator[None]:
    """Lower a limit of the running program, and put it back."""
    before = resource.prlimit(program.process.pid, kind)
    resource.prlimit(program.process.pid, kind, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(program.process.pid, kind, before)


def chat(program: Program, dialect: str = "ollama", prompt: str = "hello") -> Outcome:
    with program.client() as client:
        return ask(client, dialect, prompt)


def open_files(program: Program) -> int:
    return len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))


def test_without_descriptors_for_connections_they_wait_and_nothing_is_busy(serve: Start) -> None:
    program = serve("--max-connections", "1000")
    address = urlsplit(program.url)
    with limited(program, resource.RLIMIT_NOFILE, open_files(program) + 4), ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection((address.hostname, address.port), WAIT))
        program.wait_until(lambda: len(program.logged("connection_not_taken")) >= 2, "tried again")
        assert len(program.lines) < 20, "each failure is logged"
    assert chat(program).complete


DEAD = ("was ended by SIGKILL", "closed its output")
"""What is said of a killed process: its end, or that of its pipes where the daemon hears of that first."""


def test_without_descriptors_for_a_process_its_request_has_an_error(serve: Start, tmp_path: Path) -> None:
    program = serve("--spares", "0")
    with program.client() as client:
        assert ask(client, "ollama", "hello").complete
        for dialect in PATHS:
            for process in children(tmp_path):
                process.kill()
            with limited(program, resource.RLIMIT_NOFILE, 3):
                got = ask(client, dialect, "hello")
                while any(words in got.error for words in DEAD):  # of more than one it had not been noticed yet
                    got = ask(client, dialect, "hello")
            assert got.status == 500
            assert "Too many open files" in got.error
            assert ask(client, dialect, "hello").complete


FORK = """
import anyio, os, resource, sys
from pathlib import Path
from proxy.backends.claude_cli.process import CliProcess
from proxy.core.errors import BackendFailed

async def spawn():
    return await CliProcess.spawn(["/bin/true"], environment={}, folder=Path("/"), max_line=1000)

async def main():
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)  # root is not held to the limit
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    try:
        await spawn()
    except BackendFailed as error:
        print(error.message)

anyio.run(main)
"""


def test_a_process_that_the_kernel_does_not_start_is_an_error() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=WAIT)
    assert (done.stdout, done.stderr) == ("the Claude CLI cannot be started: Resource temporarily unavailable\n", "")


def test_on_a_full_disk_chats_go_on_and_what_cannot_be_kept_is_said(serve: Start) -> None:
    program = serve()
    with program.client() as client:
        assert ask(client, "ollama", "hello").complete
        with limited(program, resource.RLIMIT_FSIZE, 0):
            refused = client.post("/api/create", json=PERSONA)
            assert refused.status_code == 500
            assert "the models cannot be kept: File too large" in refused.text
            assert ask(client, "ollama", "hello").complete
        assert client.post("/api/create", json=PERSONA).json() == {"status": "success"}
        assert ask(client, "ollama", "hello", model="mine").complete


def test_a_log_on_a_full_disk_stops_nothing_and_goes_on_when_there_is_room() -> None:
    before = structlog.get_config()
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:
        try:
            configure_log("info", "json", full)
            structlog.get_logger().info("lost")
        finally:
            structlog.configure(**before)
        assert Path(f"/proc/self/fd/{full.fileno()}").readlink() == Path("/dev/full")


def test_a_state_folder_that_cannot_be_used_costs_only_what_would_be_kept_there(serve: Start, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    program = serve("--state-folder", file, "--runtime-folder", tmp_path / "run")
    assert chat(program).complete
    with program.client() as client:
        refused = client.post("/api/create", json=PERSONA)
    assert refused.status_code == 500
    assert "the models cannot be kept: " in refused.text


def test_only_what_is_told_as_a_date_is_read_from_the_clock_that_may_jump() -> None:
    """Durations and deadlines are of the monotonic clock, which nobody can set."""
    readers = set()
    for path in [ROOT / "claude_ollama_server.py", ROOT / "config.py", *(ROOT / "proxy").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and (node.attr, ast.unparse(node.value)) in (
                ("time", "time"),
                ("now", "datetime"),
                ("time", "self._clock"),
                ("utcnow", "datetime"),
            ):
                readers.add(str(path.relative_to(ROOT)))
    assert readers == WALL_CLOCK.keys()
