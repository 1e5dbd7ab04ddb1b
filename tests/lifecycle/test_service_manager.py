"""The daemon as a service: what its manager hears, and what a reload does."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.children import children
from tests.support.manager import Manager, listening_manager
from tests.support.program import Program, Start, programs
from tests.support.running import write_fake_cli

KEY = "sk-ant-the-operators-own-key"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the daemon over the fake CLI, with a file of settings that a test may write."""
    cli = write_fake_cli(tmp_path)
    with programs(tmp_path, environ={"ANTHROPIC_API_KEY": KEY}) as begin:

        def serve(*arguments: object, **options: Any) -> Program:
            fixed = ("serve", "--port", "0", "--cli", cli, "--config", settings_file(tmp_path))
            return begin(*fixed, *arguments, **options)

        yield serve


@pytest.fixture
def manager() -> Iterator[Manager]:
    with listening_manager() as listening:
        yield listening


def settings_file(folder: Path, text: str = "spares = 1\n") -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def body(prompt: str, **fields: object) -> dict[str, Any]:
    return {"model": "sonnet", "messages": [{"role": "user", "content": prompt}], **fields}


def models(program: Program) -> set[str]:
    with program.client() as client:
        return {model["name"].removesuffix(":latest") for model in client.get("/api/tags").json()["models"]}


def reload(program: Program, event: str = "reloaded") -> dict[str, Any]:
    """Ask for a reload, and wait for the line of the log that ends it."""
    before = len(program.logged(event))
    program.send(signal.SIGHUP)
    program.wait_until(lambda: len(program.logged(event)) > before, event)
    return program.logged(event)[-1]


# What the manager hears


def test_the_manager_hears_that_it_is_ready_alive_reloading_and_stopping(
    start: Start, manager: Manager, tmp_path: Path
) -> None:
    service = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000"}
    program = start("--pass-environment", "NOTIFY_*,WATCHDOG_*,FAKE_*", **service)
    assert manager.hear() == ["WATCHDOG=1"]
    assert manager.hear() == [f"STATUS=answers on {program.url}"]
    manager.hear_until("READY=1")
    manager.hear_until("WATCHDOG=1")
    for process in children(tmp_path):
        assert not any(name.startswith(("NOTIFY_", "WATCHDOG_")) for name in process.environ())
    program.send(signal.SIGHUP)
    assert manager.hear_until("RELOADING=1")[1].startswith("MONOTONIC_USEC=")
    manager.hear_until("READY=1")
    program.send(signal.SIGTERM)
    stopping = manager.hear_until("STOPPING=1")
    assert stopping[1].startswith("EXTEND_TIMEOUT_USEC=")
    assert program.exit_code() == 0


def test_a_daemon_whose_processes_do_not_boot_is_up_and_says_what_is_missing(start: Start, manager: Manager) -> None:
    program = start("--pass-environment", "FAKE_*", NOTIFY_SOCKET=manager.address, FAKE_BOOT="crash")
    assert manager.hear() == ["STATUS=cannot answer: no Claude CLI process boots"]
    assert manager.hear() == ["READY=1"]
    with program.client() as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"process": "no Claude CLI process boots"}


# A reload


def test_a_reload_applies_models_and_limits_and_cuts_no_answer(start: Start, tmp_path: Path) -> None:
    program = start()
    with ExitStack() as stack:
        client = stack.enter_context(program.client())
        answer = stack.enter_context(client.stream("POST", "/api/chat", json=body("[fake: slow 0.1]")))
        lines = answer.iter_lines()
        first = next(lines)
        text = 'spares = 2\nmax_body = "1KiB"\n[[models]]\nname = "saga-long"\ncli_model = "saga"\n'
        settings_file(tmp_path, text)
        assert set(reload(program)["changed"]) == {"models", "spares", "max_body"}
        assert "saga-long" in models(program)
        with program.client() as other:
            assert other.post("/api/chat", json=body("x" * 2000)).status_code == 413
        told = [json.loads(line) for line in (first, *lines)]
    assert told[-1]["done_reason"] == "stop"
    assert "".join(line["message"]["content"] for line in told).count("word") == 10
    settings_file(tmp_path, "spares = 1\n")
    reload(program)
    known = models(program)
    assert "saga-long" not in known
    assert "saga-1m" in known, "what the CLI reports stays"
    assert program.process.poll() is None


def test_wrong_settings_change_nothing_and_every_error_is_logged(start: Start, tmp_path: Path) -> None:
    program = start()
    program.wait_for("listening")
    settings_file(tmp_path, 'spares = "many"\nqueue_timeout = -1\n[[models]]\nname = "saga-long"\ncli_model = "saga"\n')
    line = reload(program, "not_reloaded")
    assert line["level"] == "error"
    errors = [line["error"] for line in program.logged("settings_refused")]
    assert [error.split()[0] for error in errors] == ["spares", "queue_timeout"]
    assert "saga-long" not in models(program)
    (tmp_path / "config.toml").write_text("this is no TOML")
    reload(program, "not_reloaded")
    (tmp_path / "config.toml").unlink()
    reload(program, "not_reloaded")
    settings_file(tmp_path, "spares = 1\n")
    assert reload(program)["changed"] == []


def test_what_needs_a_restart_is_named(start: Start, tmp_path: Path) -> None:
    program = start()
    program.wait_for("listening")
    settings_file(tmp_path, f'spares = 1\nlogin = "stored"\nqueue_timeout = 5\nstate_folder = "{tmp_path}/other"\n')
    assert reload(program)["changed"] == ["queue_timeout"]
    assert program.wait_for("restart_needed")["settings"] == ["login", "state_folder", "runtime_folder"]


def test_a_flag_wins_over_the_file_again(start: Start, tmp_path: Path) -> None:
    program = start("--spares", "1", CLAUDE_OLLAMA_QUEUE_TIMEOUT="7")
    program.wait_for("listening")
    settings_file(tmp_path, "spares = 2\nqueue_timeout = 9\nidle_timeout = 8\n")
    assert reload(program)["changed"] == ["idle_timeout"]


def test_a_persona_whose_model_has_gone_comes_back_with_it(start: Start, tmp_path: Path) -> None:
    text = 'spares = 1\n[[models]]\nname = "saga-long"\ncli_model = "saga"\n'
    program = start()
    program.wait_for("listening")
    settings_file(tmp_path, text)
    reload(program)
    with program.client() as client:
        made = client.post("/api/create", json={"model": "bard", "from": "saga-long", "system": "sing"})
        assert made.status_code == 200
        settings_file(tmp_path, "spares = 1\n")
        reload(program)
        assert program.wait_for("personas_without_model")["names"] == ["bard"]
        assert client.post("/api/show", json={"model": "bard"}).status_code == 404
        settings_file(tmp_path, text)
        reload(program)
        assert client.post("/api/show", json={"model": "bard"}).status_code == 200


def test_on_a_terminal_the_news_of_its_end_stops_the_daemon(start: Start, tmp_path: Path) -> None:
    program = start(terminal=True)
    program.wait_until(lambda: "listening" in program.said, "listening")
    program.send(signal.SIGHUP)
    assert program.exit_code() == 0
    assert "drained" in program.said
    assert not children(tmp_path)
