"""Fixtures: a daemon over the real CLI that most tests share, and daemons made to order."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.chatting import forget, unload
from tests.support.children import wait_until_none
from tests.support.running import DEFAULTS, Running, running_daemon, write_fake_cli

MakeDaemon = Callable[..., Running]


@pytest.fixture(scope="session", autouse=True)
def no_log() -> None:
    """Keep the daemon's lines out of the tests' output; what is logged is tested on a daemon of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the real CLI and the simulator, shared by the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    with running_daemon(folder, settings={"spares": "2"}) as running:
        yield running
    wait_until_none(folder)


@pytest.fixture(scope="session")
def shared_line_by_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """As `shared`, but conversations are told to processes line by line."""
    folder = tmp_path_factory.mktemp("line_by_line")
    with running_daemon(folder, settings={"spares": "2", "stateless_turns": "off"}) as running:
        yield running
    wait_until_none(folder)


@pytest.fixture(autouse=True)
def line_by_line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a test is marked as one of daemons that tell conversations line by line: those that it starts do."""
    marked = request.node.get_closest_marker("line_by_line") is not None
    if marked:
        monkeypatch.setitem(DEFAULTS, "stateless_turns", "off")
    return marked


@pytest.fixture
def live(request: pytest.FixtureRequest, line_by_line: bool) -> Running:
    """The shared daemon, at rest."""
    shared: Running = request.getfixturevalue("shared_line_by_line" if line_by_line else "shared")
    shared.until_idle()
    return shared


@pytest.fixture
def emptied(live: Running) -> Running:
    """The shared daemon, at rest and without conversations of any model."""
    shared = live
    with shared.client() as client:
        for model in client.get("/api/ps").json()["models"]:
            unload(shared, model["name"])
    shared.until_idle()
    return shared


@pytest.fixture
def fresh(emptied: Running) -> Running:
    """The shared daemon as if it had just been started: nothing is loaded or remembered, nothing was sent."""
    forget(emptied)
    emptied.simulator.recorder.requests.clear()
    return emptied


@pytest.fixture(scope="session")
def shared_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI, shared by the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("fake")
    with running_daemon(folder, cli=write_fake_cli(folder)) as running:
        yield running
    wait_until_none(folder)


@pytest.fixture
def fake(shared_fake: Running) -> Running:
    """The shared daemon over the fake CLI, at rest."""
    shared_fake.until_idle()
    return shared_fake


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[MakeDaemon]:
    """Start daemons of one's own, over the real CLI; they are stopped, and must leave no process, after the test."""
    yield from _daemons(tmp_path, lambda **options: running_daemon(tmp_path, **options))


@pytest.fixture
def make_fake(tmp_path: Path) -> Iterator[MakeDaemon]:
    """Start daemons over the fake CLI."""
    program = write_fake_cli(tmp_path)
    yield from _daemons(tmp_path, lambda **options: running_daemon(tmp_path, cli=program, **options))


def _daemons(folder: Path, make: Callable[..., AbstractContextManager[Running]]) -> Iterator[MakeDaemon]:
    with ExitStack() as stack:

        def start(**options: Any) -> Running:
            return stack.enter_context(make(**options))

        yield start
    wait_until_none(folder)
