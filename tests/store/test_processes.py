"""Several processes at one store, and one that is killed: nothing that was kept is lost, nothing is half."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.core.chats import Chat, ChatStore
from tests.store.conftest import OpenStore
from tests.support.chat_memory import MemoryChats
from tests.support.chat_writer import mixed
from tests.support.chats import everything, ids, texts
from tests.support.program import ROOT
from tests.support.running import WAIT

WRITING = -1.0

MOMENTS = [(1, 0.0), (2, WRITING), (4, 0.002), (0, WRITING), (3, 0.01), (5, WRITING), (7, 0.03), (6, WRITING)]
"""After how many steps a writer is killed, and how many seconds into the next one, or when that begins to write."""


@contextmanager
def writer(place: str, folder: Path, plan: str, first: int, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """The program that writes. Whatever happens to it, it ends."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tests.support.chat_writer",
        place,
        folder,
        plan,
        str(first),
        str(count),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ) as process:
        overdue = threading.Timer(WAIT, process.kill)
        overdue.start()
        try:
            yield process
        finally:
            overdue.cancel()
            process.kill()


def said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def killed_writer(place: str, folder: Path, first: int, steps: int, seconds: float) -> int:
    """Kill a writer in the middle of a step; returns the first one that it has not told of."""
    with writer(place, folder, "mixed", first, 1000) as process:
        assert said(process) == "open"
        for number in range(first, first + steps):
            assert said(process) == str(number)
        wait_into_the_step(folder, seconds)
        process.kill()
        assert process.wait(WAIT) == -signal.SIGKILL
        assert process.stdout is not None
        return first + steps + len(process.stdout.read().split())


def wait_into_the_step(folder: Path, seconds: float) -> None:
    """Wait so long; or until some file is another one, or a second where nothing is to be seen of a step."""
    end = time.perf_counter() + (1.0 if seconds == WRITING else seconds)
    before = files(folder)
    while time.perf_counter() < end and (seconds != WRITING or files(folder) == before):
        pass


def files(folder: Path) -> set[tuple[str, int, int]]:
    found = set()
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.add((str(path), status.st_size, status.st_mtime_ns))
    return found


async def test_a_writer_that_is_killed_loses_nothing_that_it_has_told_of(
    place: str, opened: OpenStore, tmp_path: Path
) -> None:
    expected, step = MemoryChats(), 0
    for steps, seconds in MOMENTS:
        told_of = killed_writer(place, tmp_path, step, steps, seconds)
        while step < told_of:
            await mixed(expected, step)
            step += 1
        async with opened() as store:
            found = await everything(store)
            if found != await everything(expected):
                # The step that it was killed in is the only one that it may have taken without telling.
                await mixed(expected, step)
                step += 1
            assert found == await everything(expected)
            await agree(store, found)


async def agree(store: ChatStore, chats: list[Chat]) -> None:
    """What is listed and found is what is there."""
    listed = {(summary.id, summary.message_count) for summary in await store.summaries("ann")}
    assert listed == {(chat.id, len(chat.messages)) for chat in chats}
    for chat in chats:
        assert await store.load(chat.owner, chat.id) == chat
        assert chat.id in await ids(store, "ann", chat.messages[-1].content)


async def test_processes_that_begin_a_store_and_write_at_once_lose_nothing(
    place: str, opened: OpenStore, tmp_path: Path
) -> None:
    steps = 15
    with writer(place, tmp_path, "one", 0, steps) as one, writer(place, tmp_path, "other", 0, steps) as other:
        for process in (one, other):
            assert [said(process) for _ in range(steps + 1)] == ["open", *map(str, range(steps))]
            assert process.wait(WAIT) == 0
    async with opened() as store:
        shared = texts(await store.load("both", "shared"))
        assert shared[1::2] == [f"to {text}" for text in shared[::2]]
        for name in ("one", "other"):
            assert [text for text in shared if text.startswith(name)] == [f"{name} {step}" for step in range(steps)]
            assert len(await store.summaries(name)) == steps
        assert len(await everything(store)) == 2 * steps + 1


@pytest.mark.parametrize("begin", [True, False], ids=["new", "old"])
async def test_a_store_shows_at_once_what_another_process_has_kept(
    place: str, opened: OpenStore, tmp_path: Path, begin: bool
) -> None:
    async with opened() as store:
        if begin:
            assert await ids(store, "one") == []
        with writer(place, tmp_path, "one", 0, 3) as process:
            assert said(process) == "open"
            for step in range(3):
                assert said(process) == str(step)
                assert f"chat-{step}" in await ids(store, "one")
                assert f"one {step}" in texts(await store.load("both", "shared"))
