"""The folders of each process, and the sweep of what a killed daemon left.

Beneath the runtime folder every daemon has one folder, which it keeps locked while it runs, and in it one for each
process, all of mode 0700. A daemon that starts removes the folders that nobody holds, and ends the processes that are
recorded there and still run: on Linux the kernel has ended them already, elsewhere they may be left.

All processes work in one empty folder that nobody may write to: without `--bare` the CLI tells the model its path, and
one conversation must be told the same by every process. Only processes with tools get working folders of their own.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from uuid import uuid4

import psutil

from proxy.backends.claude_cli.command import Folders

_PREFIX = "daemon-"
_NEW = "new-"
_LOCK = "lock"
_RECORD = "process"
_EMPTY = "empty"


class ProcessFolders:
    """Makes and removes the folders of one daemon's processes."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._root = runtime / f"{_PREFIX}{uuid4().hex[:12]}"
        self._lock: int | None = None

    def open(self) -> int:
        """Make this daemon's folder and sweep what others left; returns how many processes were ended.

        Raises OSError, also when the runtime folder is another user's.
        """
        self._runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._runtime.stat().st_uid != os.geteuid():
            raise PermissionError(f"the runtime folder {self._runtime} belongs to another user")
        self._runtime.chmod(0o700)
        ended = sweep(self._runtime)
        # It gets its name when it is locked, so that no sweep takes it for one that was left.
        unnamed = self._runtime / f"{_NEW}{self._root.name}"
        unnamed.mkdir(mode=0o700)
        self._lock = os.open(unnamed / _LOCK, os.O_CREAT | os.O_WRONLY, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self._root)
        return ended

    def close(self) -> None:
        """Remove this daemon's folder."""
        shutil.rmtree(self._root, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def make(self, *, own_work: bool = False) -> tuple[Path, Folders]:
        """New folders for one process: the one that holds them, and what the process is told.

        With `own_work` it may write where it works.
        """
        place = self._root / uuid4().hex[:12]
        folders = Folders(
            key=place / "key",
            home=place / "home",
            config=place / "home" / ".claude",
            work=place / "work" if own_work else self._runtime / _EMPTY,
            temporary=place / "tmp",
        )
        for folder in (place, folders.home, folders.config, folders.temporary):
            # The parents too, because a runtime folder may be swept by others, at a logout for one.
            folder.mkdir(mode=0o700, parents=True)
        folders.work.mkdir(mode=0o700 if own_work else 0o500, exist_ok=True)
        return place, folders

    def record(self, place: Path, pid: int) -> None:
        """Write down which process runs in `place`, so that a sweep can find it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            identity = _identity(pid)
            (place / _RECORD).touch(mode=0o600)
            (place / _RECORD).write_text(identity)

    def remove(self, place: Path) -> None:
        """Remove the folders of a process that has ended."""
        shutil.rmtree(place, ignore_errors=True)


def sweep(runtime: Path) -> int:
    """End the recorded processes of daemons that are gone and remove their folders; returns how many were ended."""
    ended = 0
    for unnamed in runtime.glob(f"{_NEW}*"):
        with contextlib.suppress(OSError):
            if time.time() - unnamed.stat().st_mtime > _LONGEST_START:
                shutil.rmtree(unnamed, ignore_errors=True)
    for root in runtime.glob(f"{_PREFIX}*"):
        if _is_held(root):
            continue
        for record in root.glob(f"*/{_RECORD}"):
            pid = _still_running(record.read_text())
            if pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                    ended += 1
        shutil.rmtree(root, ignore_errors=True)
    return ended


def _is_held(root: Path) -> bool:
    try:
        with (root / _LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


_LONGEST_START = 60.0
# Seconds after which a folder without its name was left by a daemon that was killed while it made it.

_CLOCK_STEP = 5.0
# Seconds by which a start time may differ when it is read again, because the clock was set in between.


def _identity(pid: int) -> str:
    # A pid alone may have been given to another process since.
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def _still_running(identity: str) -> int | None:
    """The pid in a record, if that process still runs."""
    try:
        pid, started = identity.split(" ")
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < _CLOCK_STEP
        return process.pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (ValueError, psutil.Error):
        return None
