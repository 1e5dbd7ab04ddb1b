"""A folder of files that are written whole or not at all, by one writer at a time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.core.errors import Busy, ServerError
from proxy.core.files import UNFINISHED, hand_over, sync, whole
from proxy.store.ownership import make_file, make_folder

Stamp = tuple[int, int, int]
"""What changes when a file does: inode, size, time in nanoseconds."""

_LOCK = ".lock"

_LOOK_AGAIN = 0.005
# Seconds between two looks at a lock.


class Folder:
    """The folder at `path`. A writer waits `patience` seconds for another one. Everything raises OSError."""

    def __init__(self, path: Path, patience: float) -> None:
        self.path = path
        self._patience = patience

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder where there is none, and be its only writer, of all processes. Raises `Busy`."""
        make_folder(self.path)
        make_file(self.path / _LOCK)
        lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            deadline = time.monotonic() + self._patience
            while not _taken(lock):
                if time.monotonic() > deadline:
                    raise Busy(f"the folder {self.path} is being written to by another process")
                time.sleep(_LOOK_AGAIN)
            yield
        finally:
            os.close(lock)

    def sweep(self) -> None:
        """As the only writer: remove what one who was killed has left unfinished."""
        for path in self.path.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> Stamp:
        """As the only writer: write a file whole, in place of the one that is there; it outlives a loss of power."""
        with whole(self.path / name) as file:
            file.write(data)
            file.flush()
            status = os.fstat(file.fileno())
            hand_over(file.fileno(), self.path)
        sync(self.path)
        return stamp_of(status)

    def remove(self, name: str) -> bool:
        """As the only writer: remove a file; False where there is none."""
        try:
            (self.path / name).unlink()
        except FileNotFoundError:
            return False
        sync(self.path)
        return True

    def read(self, name: str, most: int) -> bytes | None:
        """All of a file, None where there is none. Raises `ServerError` for one of more than `most` bytes."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), (self.path / name).open("rb") as file:
            if os.fstat(file.fileno()).st_size > most:
                raise ServerError(f"the file {self.path / name} is too large to be read: at most {most} bytes")
            return file.read()
        return None

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of a file, None where there is none."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return stamp_of((self.path / name).stat())
        return None

    def stamps(self) -> dict[str, Stamp]:
        """The files of the folder whose names end in ``.json``, by name."""
        found = {}
        for path in self.path.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = stamp_of(path.stat())
        return found


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file of that status."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
