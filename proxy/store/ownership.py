"""Whose the folders and files of a store are: one user's alone. Everything raises OSError."""

import contextlib
import os
from pathlib import Path

from proxy.core.files import hand_over


def make_folder(path: Path) -> None:
    """Make a folder, and those that it lies in, where there is none."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        hand_over(path, path.parent)


def make_file(path: Path) -> None:
    """Make an empty file where there is none."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        hand_over(path, path.parent)
