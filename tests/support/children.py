"""The processes that a test has left."""

import contextlib
import time
from pathlib import Path

import psutil


def children(folder: Path) -> list[psutil.Process]:
    """The CLI processes that run in a folder beneath `folder`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(str(folder)):
                found.append(process)
    return found


def wait_until_none(folder: Path, seconds: float = 10) -> None:
    """Wait until no process runs beneath `folder`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while left := children(folder):
        assert time.monotonic() < deadline, f"left behind: {left}"
        psutil.wait_procs(left, timeout=0.05)
