"""Keys on disk: ``keys.json`` in the state folder, readable by its owner alone."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from proxy.access.keys import Key
from proxy.core.files import hand_over, whole

FILE = "keys.json"

Stamp = tuple[int, int, int]
"""What changes when the file does: inode, size, time."""


class KeysUnusable(ValueError):
    """The file of keys cannot be read, or makes no sense; the text names it, and quotes nothing of it."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    keys: tuple[Key, ...]


class KeyStore:
    """The keys of `folder`. Where the file is there, also an empty one, nobody is served without a key."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def stamp(self) -> Stamp | None:
        """Another one when the file is; None if that is not there, or out of reach. It costs one look."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def load(self) -> tuple[Key, ...] | None:
        """All keys; None if there is no file. Raises `KeysUnusable`."""
        try:
            data = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise KeysUnusable(f"the keys in {self.path} cannot be read: {error.strerror or error}") from None
        try:
            keys = _File.model_validate_json(data).keys
        except (ValidationError, RecursionError) as error:
            raise KeysUnusable(f"the keys in {self.path} make no sense: {_where(error)}") from None
        for what in ("id", "name", "digest"):
            if len({getattr(key, what) for key in keys}) < len(keys):
                raise KeysUnusable(f"the keys in {self.path} make no sense: two have the same {what}")
        return keys

    def change(self, make: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
        """Replace the keys by what `make` makes of them; nobody else changes them meanwhile.

        Raises `KeysUnusable`, OSError, and what `make` raises.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            self._write(make(self.load() or ()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, keys: tuple[Key, ...]) -> None:
        data = _File.model_construct(format=1, keys=tuple(map(asdict, keys))).model_dump_json(indent=1, warnings=False)
        with whole(self.path) as file:
            file.write(data.encode() + b"\n")
            hand_over(file.fileno(), self.path.parent)


def _where(error: ValidationError | RecursionError) -> str:
    """Where the file is wrong, without what stands there."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    detail = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])
