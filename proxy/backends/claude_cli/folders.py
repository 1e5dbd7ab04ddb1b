"""The folders of each process, and the sweep of what a killed daemon left.

Beneath the runtime folder every daemon has one folder, named by its pid and start time, and in it one for each process,
all of mode 0700. A daemon that starts removes the folders of daemons that are gone, and ends the processes that are
recorded there and still run: on Linux the kernel has ended them already, elsewhere they may be left.
"""

import contextlib
import os
import shutil
import signal
from pathlib import Path
from uuid import uuid4

import psutil

from proxy.backends.claude_cli.command import Folders

_PREFIX = "daemon-"
_RECORD = "process"


class ProcessFolders:
    """Makes and removes the folders of one daemon's processes."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._root = runtime / f"{_PREFIX}{_identity(os.getpid())}"

    def open(self) -> int:
        """Make this daemon's folder and sweep what others left; returns how many processes were ended."""
        self._runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        ended = sweep(self._runtime)
        self._root.mkdir(mode=0o700)
        return ended

    def close(self) -> None:
        """Remove this daemon's folder."""
        shutil.rmtree(self._root, ignore_errors=True)

    def make(self) -> tuple[Path, Folders]:
        """New folders for one process: the one that holds them, and what the process is told."""
        place = self._root / uuid4().hex[:12]
        folders = Folders(
            home=place / "home",
            config=place / "home" / ".claude",
            work=place / "work",
            temporary=place / "tmp",
        )
        for folder in (place, folders.home, folders.config, folders.work, folders.temporary):
            folder.mkdir(mode=0o700)
        return place, folders

    def record(self, place: Path, pid: int) -> None:
        """Write down which process runs in `place`, so that a sweep can find it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            (place / _RECORD).write_text(_identity(pid))

    def remove(self, place: Path) -> None:
        """Remove the folders of a process that has ended."""
        shutil.rmtree(place, ignore_errors=True)


def sweep(runtime: Path) -> int:
    """End the recorded processes of daemons that are gone and remove their folders; returns how many were ended."""
    ended = 0
    for root in runtime.glob(f"{_PREFIX}*"):
        if _is_running(root.name.removeprefix(_PREFIX)):
            continue
        for record in root.glob(f"*/{_RECORD}"):
            identity = record.read_text()
            if _is_running(identity):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(int(identity.partition("-")[0]), signal.SIGKILL)
                    ended += 1
        shutil.rmtree(root, ignore_errors=True)
    return ended


def _identity(pid: int) -> str:
    # A pid alone may have been given to another process since.
    return f"{pid}-{psutil.Process(pid).create_time():.2f}"


def _is_running(identity: str) -> bool:
    pid, _, _ = identity.partition("-")
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE and _identity(int(pid)) == identity
    except (ValueError, psutil.Error):
        return False
