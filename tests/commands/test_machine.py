"""What `doctor` finds on the machine: folders, port, limits."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from config import load
from proxy.commands.machine import (
    check_files,
    check_folder,
    check_memory,
    check_port,
    check_tasks,
    examine_machine,
)
from tests.support.running import Running


@contextmanager
def answering(text: str) -> Iterator[int]:
    """The port of a server that answers everything with `text`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_everything_is_looked_at(tmp_path: Path) -> None:
    settings = load({"port": "0"}, {"HOME": str(tmp_path)})
    checks = examine_machine(settings)
    assert [check.name for check in checks] == ["state", "runtime", "port", "files", "tasks", "memory"]
    assert [check.name for check in checks if check.needed] == ["runtime", "port"]
    assert all(bool(check.remedy) == (check.verdict == "failed") for check in checks)


# Folders


def test_a_folder_that_is_not_there_is_made_for_this_user_alone(tmp_path: Path) -> None:
    check = check_folder("state", tmp_path / "new" / "state", needed=False)
    assert (check.verdict, check.remedy) == ("ok", "")
    assert "can be used, " in check.detail
    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "new" / "state").iterdir())


def test_a_folder_that_others_can_enter_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    check = check_folder("state", tmp_path, needed=False)
    assert (check.verdict, check.remedy) == ("failed", f"chmod 700 {tmp_path}")


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = check_folder("runtime", tmp_path / "file", needed=True)
    assert (check.verdict, check.needed) == ("failed", True)
    assert "cannot be used: File exists" in check.detail
    assert "--runtime-folder" in check.remedy


# The port


def test_a_free_port_is_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert check_port("127.0.0.1", port).verdict == "ok"
    assert check_port("127.0.0.1", 0).detail == "127.0.0.1, any free port"


def test_a_port_that_a_daemon_of_ours_has_is_fine(fake: Running) -> None:
    port = int(fake.url.rpartition(":")[2])
    check = check_port("127.0.0.1", port)
    assert check.verdict == "ok"
    assert check.detail == f"127.0.0.1 port {port} is taken by a claude-ollama-server that runs"


@pytest.mark.parametrize(
    ("says", "whose", "remedy"),
    [
        ("Ollama is running", "by an Ollama", "systemctl stop ollama"),
        ('{"server": "another"}', "by another program", "ss -ltnp"),
        ("[1]", "by another program", "ss -ltnp"),
    ],
)
def test_who_has_the_port_is_named(says: str, whose: str, remedy: str) -> None:
    with answering(says) as port:
        check = check_port("127.0.0.1", port)
    assert (check.verdict, check.needed) == ("failed", True)
    assert check.detail.endswith(whose)
    assert remedy in check.remedy
    assert "--port" in check.remedy


def test_an_address_of_another_machine_is_told() -> None:
    check = check_port("192.0.2.1", 11434)
    assert check.verdict == "failed"
    assert "192.0.2.1 port 11434 cannot be listened on: " in check.detail


# Limits


def test_limits_are_measured_against_the_most_processes() -> None:
    assert check_files(8, 512, 1024).verdict == "ok"
    assert check_files(64, 512, 1024).detail == "1024 allowed, up to 1060 wanted"
    assert "LimitNOFILE=" in check_files(64, 512, 1024).remedy
    assert check_tasks(8, [float("inf")]).detail == "any number allowed, up to 160 wanted by 8 CLI processes"
    assert "TasksMax=" in check_tasks(8, [float("inf"), 100]).remedy
    assert check_memory(8, 4e9).verdict == "ok"
    assert check_memory(8, 1e9).detail == "1.0 GB available, up to 2.1 GB wanted by 8 CLI processes"
    assert check_memory(8, 1e9).remedy == "lower max_processes, to 3 for what is available now"
