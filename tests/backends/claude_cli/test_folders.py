"""The folders of processes, and the sweep, with real children that sleep."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from proxy.backends.claude_cli.folders import ProcessFolders, sweep

WAIT = 10.0
"""Seconds that anything may take before a test fails."""

Child = subprocess.Popen[bytes]
MakeChild = Callable[[], Child]

GONE = "daemon-gone"
"""The folder of a daemon that nobody holds."""


@pytest.fixture
def sleeper() -> Iterator[MakeChild]:
    """Start children that sleep, each leading a session of its own."""
    started: list[Child] = []

    def start() -> Child:
        started.append(subprocess.Popen(["sleep", "600"], start_new_session=True))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait(WAIT)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path / "state" / "run"


def identity(pid: int) -> str:
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def forge(runtime: Path, daemon: str, record: str) -> Path:
    """The folder of another daemon, with the folder of one process in it."""
    place = runtime / daemon / "abc"
    place.mkdir(parents=True)
    (place / "process").write_text(record)
    return runtime / daemon


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(("own_work", "work"), [(False, 0o500), (True, 0o700)])
def test_every_folder_is_for_its_owner_alone(runtime: Path, own_work: bool, work: int) -> None:
    before = os.umask(0)
    try:
        folders = ProcessFolders(runtime)
        folders.open()
        place, made = folders.make(own_work=own_work)
    finally:
        os.umask(before)
    every = [runtime, place.parent, place, made.home, made.config, made.temporary]
    assert [mode(path) for path in every] == [0o700] * len(every)
    assert mode(made.work) == work


@pytest.mark.parametrize("own_work", [False, True])
def test_each_process_has_empty_folders_of_its_own(runtime: Path, own_work: bool) -> None:
    folders = ProcessFolders(runtime)
    folders.open()
    (one, first), (two, second) = (folders.make(own_work=own_work) for _ in range(2))
    assert one != two
    assert first.config.is_relative_to(first.home)
    for place, made in ((one, first), (two, second)):
        assert all(path.is_relative_to(place) for path in (made.home, made.config, made.temporary))
        assert made.work.is_relative_to(place) is own_work
        assert list(made.work.iterdir()) == list(made.temporary.iterdir()) == list(made.config.iterdir()) == []


def test_all_processes_of_all_daemons_work_at_one_path(runtime: Path) -> None:
    paths = set()
    for _ in range(2):
        folders = ProcessFolders(runtime)
        folders.open()
        paths |= {folders.make()[1].work for _ in range(2)}
        folders.close()
    assert len(paths) == 1


def test_folders_go_with_their_process_and_with_the_daemon(runtime: Path) -> None:
    folders = ProcessFolders(runtime)
    folders.open()
    (one, _), (two, made) = (folders.make(own_work=True) for _ in range(2))
    (made.work / "left.txt").write_text("left")
    folders.remove(one)
    assert not one.exists()
    assert two.exists()
    folders.close()
    assert list(runtime.iterdir()) == []


def test_the_one_folder_where_all_work_outlives_them(runtime: Path) -> None:
    folders = ProcessFolders(runtime)
    folders.open()
    place, made = folders.make()
    folders.remove(place)
    folders.close()
    assert list(runtime.iterdir()) == [made.work]


def test_removing_what_is_gone_is_no_error(runtime: Path) -> None:
    folders = ProcessFolders(runtime)
    folders.open()
    place, _ = folders.make()
    for _ in range(2):
        folders.remove(place)
        folders.close()


def test_a_sweep_ends_the_process_of_a_daemon_that_is_gone(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    root = forge(runtime, GONE, identity(child.pid))
    assert sweep(runtime) == 1
    assert child.wait(WAIT) == -signal.SIGKILL
    assert not root.exists()


def test_a_daemon_that_starts_sweeps_what_it_finds(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    root = forge(runtime, GONE, identity(child.pid))
    assert ProcessFolders(runtime).open() == 1
    assert child.wait(WAIT) == -signal.SIGKILL
    assert not root.exists()


def test_a_sweep_ends_the_whole_group(runtime: Path) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        grandchild = psutil.Process(int(child.stdout.readline()))
        forge(runtime, GONE, identity(child.pid))
        assert sweep(runtime) == 1
        child.wait(WAIT)
    _, alive = psutil.wait_procs([grandchild], timeout=WAIT)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_what_the_daemon_records_is_what_a_sweep_reads(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    folders = ProcessFolders(runtime)
    folders.open()
    place, _ = folders.make()
    folders.record(place, child.pid)
    shutil.copytree(place.parent, runtime / GONE)
    assert sweep(runtime) == 1
    assert child.wait(WAIT) == -signal.SIGKILL


def test_a_process_that_is_gone_is_not_recorded(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    child.kill()
    child.wait(WAIT)
    folders = ProcessFolders(runtime)
    folders.open()
    place, _ = folders.make()
    folders.record(place, child.pid)
    assert not (place / "process").exists()


def test_a_sweep_leaves_a_running_daemon_alone(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    daemon, other = ProcessFolders(runtime), ProcessFolders(runtime)
    daemon.open()
    place, _ = daemon.make()
    daemon.record(place, child.pid)
    assert other.open() == 0
    assert sweep(runtime) == 0
    assert place.exists()
    assert child.poll() is None


HOLD = """
import sys, pathlib
from proxy.backends.claude_cli.folders import ProcessFolders
folders = ProcessFolders(pathlib.Path(sys.argv[1]))
folders.open()
place, _ = folders.make()
folders.record(place, int(sys.argv[2]))
print(place, flush=True)
input()
"""


def test_a_daemon_that_was_killed_but_not_waited_for_is_gone(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    command = [sys.executable, "-c", HOLD, str(runtime), str(child.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        place = Path(daemon.stdout.readline().decode().strip())
        assert sweep(runtime) == 0
        daemon.kill()
        os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)
        assert sweep(runtime) == 1
    assert child.wait(WAIT) == -signal.SIGKILL
    assert not place.exists()


def test_a_runtime_folder_that_was_open_to_all_is_closed(runtime: Path) -> None:
    runtime.mkdir(parents=True, mode=0o755)
    folders = ProcessFolders(runtime)
    folders.open()
    assert mode(runtime) == 0o700
    folders.close()


def test_a_sweep_spares_a_process_that_only_has_the_same_pid(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    root = forge(runtime, GONE, f"{child.pid} 1.00")
    assert sweep(runtime) == 0
    assert child.poll() is None
    assert not root.exists()


@pytest.mark.parametrize("record", ["", "nonsense", " ", "-5 1.00", "0 1.00", "999999999 1.00", f"{'9' * 40} 1.00"])
def test_a_sweep_takes_any_record(runtime: Path, record: str) -> None:
    root = forge(runtime, GONE, record)
    assert sweep(runtime) == 0
    assert not root.exists()


@pytest.mark.parametrize("daemon", ["daemon-", "daemon-nonsense", "daemon-1"])
def test_a_sweep_takes_any_name_of_a_daemon(runtime: Path, daemon: str) -> None:
    root = forge(runtime, daemon, "nonsense")
    assert sweep(runtime) == 0
    assert not root.exists()


def test_a_sweep_leaves_what_is_not_a_daemons(runtime: Path, sleeper: MakeChild) -> None:
    child = sleeper()
    other = forge(runtime, "notes", identity(child.pid))
    assert sweep(runtime) == 0
    assert other.exists()
    assert child.poll() is None
