"""Files that are written whole or not at all, for their owner's eyes alone. Everything raises OSError."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

UNFINISHED = ".writing"
"""How the name of a file ends that is not written yet: what a killed writer leaves."""


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to. It takes the place of `path`, and is on the disk, once the block has ended well.

    Whoever reads sees all of it or what was there before, also after a crash.
    """
    written = path.with_name(f"{path.name}.{uuid4().hex[:12]}{UNFINISHED}")
    try:
        with os.fdopen(os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Make the names in a folder last, not only what is in its files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hand_over(file: Path | int, folder: Path) -> None:
    """With sudo: give a file, or the one behind a descriptor, to whoever `folder` belongs to, since the daemon has to
    use it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)
