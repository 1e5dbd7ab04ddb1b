"""The notification protocol, to a socket of the manager's."""

import asyncio
import math
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.observe.notify import Notifier
from tests.support.manager import Manager, listening_manager

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")


@pytest.fixture
def manager() -> Iterator[Manager]:
    with listening_manager() as listening:
        yield listening


@pytest.fixture
def notifier(manager: Manager) -> Iterator[Notifier]:
    made = Notifier(manager.address)
    yield made
    made.close()


def test_each_state_is_a_message_of_its_own(manager: Manager, notifier: Notifier) -> None:
    notifier.ready()
    notifier.reloading()
    notifier.stopping(22.5)
    assert manager.hear() == ["READY=1"]
    reloading, stamp = manager.hear()
    assert reloading == "RELOADING=1"
    assert stamp.startswith("MONOTONIC_USEC=")
    assert stamp.partition("=")[2].isdigit()
    assert manager.hear() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=22500000"]


def test_a_status_is_one_line_and_is_said_again_only_when_it_changes(manager: Manager, notifier: Notifier) -> None:
    for text in ("well", "well", "not well:\nREADY=1", "well"):
        notifier.status(text)
    assert [manager.hear() for _ in range(3)] == [["STATUS=well"], ["STATUS=not well: READY=1"], ["STATUS=well"]]


async def test_the_watchdog_hears_of_the_event_loop_again_and_again(manager: Manager) -> None:
    notifier = Notifier(manager.address, watchdog=0.02)
    notifier.keep_up(lambda: "well")
    try:
        heard = [await asyncio.to_thread(manager.hear) for _ in range(4)]
    finally:
        notifier.close()
    assert heard == [["WATCHDOG=1"], ["STATUS=well"], ["WATCHDOG=1"], ["WATCHDOG=1"]]


def test_a_socket_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        notifier = Notifier.of({"NOTIFY_SOCKET": str(path)})
        notifier.ready()
        notifier.close()
        assert heard.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "@nobody-listens-here", "/nobody/listens/here", "vsock:2:1234"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    notifier = Notifier(address)
    notifier.ready()
    notifier.keep_up(lambda: "well")  # which needs no event loop then
    notifier.close()


def test_a_manager_that_goes_away_or_takes_nothing_stops_nothing(notifier: Notifier, manager: Manager) -> None:
    for number in range(2000):
        notifier.status(f"{number}")
    manager.close()
    notifier.ready()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, math.inf),
        ({"WATCHDOG_USEC": "0"}, math.inf),
        ({"WATCHDOG_USEC": "soon"}, math.inf),
        ({}, math.inf),
    ],
)
def test_the_environment_says_how_often_the_watchdog_wants_to_hear(environ: dict[str, str], seconds: float) -> None:
    assert Notifier.of(environ).watchdog == seconds
