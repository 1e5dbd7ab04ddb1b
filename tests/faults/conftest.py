"""A request beside each fault, which must not feel it; and nothing of the fault may be left."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.asking import outcome, question
from tests.support.levels import measure
from tests.support.running import Running

Beside = Callable[[Running], AbstractContextManager[None]]


@pytest.fixture
def unharmed(tmp_path: Path) -> Beside:
    """Keep a healthy answer of a daemon over the fake CLI half told while something goes wrong. It has to come to its
    end then, and the daemon back to where it was."""

    @contextmanager
    def beside(running: Running) -> Iterator[None]:
        running.until_idle()
        before = measure(running)
        go = tmp_path / "go"
        with running.client() as client:
            body = question("ollama", f"[fake: until {go}]")
            with client.stream("POST", "/api/chat", json=body) as answer:
                lines = answer.iter_raw()
                said = next(lines)
                yield
                go.touch()
                said += b"".join(lines)
            told = outcome("ollama", answer.status_code, said)
            assert (told.text, told.complete) == ("word more", True)
        running.until_idle()
        running.until(lambda: not running.server.server_state.connections, "let go by the clients")
        running.until(lambda: running.daemon.engine.running == 0, "free")
        running.until(lambda: len(asyncio.all_tasks()) <= before.tasks, "left by its tasks")
        after = measure(running)
        assert after.processes == len(running.daemon.pool.processes), "a process is nobody's"

    return beside
