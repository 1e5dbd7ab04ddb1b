"""Findings kept for each program, so that it is probed once and again after an update."""

import contextlib
import json
from pathlib import Path

from proxy.backends.claude_cli.command import LoginMode
from proxy.backends.claude_cli.probing.findings import Findings, from_value
from proxy.core.files import whole

_FILE = "probe.json"

_KEPT = 16
# Findings that are kept: a few programs, in a few login modes, before and after an update.


def identity(program: Path) -> str:
    """What changes when the program at `program` is updated or replaced: where it really is, inode, size and time.

    It costs one look at the file system. Two that differ are two programs. Raises OSError when there is none, as for
    a moment while it is being updated.
    """
    real = program.resolve(strict=True)
    status = real.stat()
    return f"{real} inode={status.st_ino} size={status.st_size} mtime={status.st_mtime_ns}"


class ProbeStore:
    """The findings in one file of `folder`. A file that cannot be read, or makes no sense, holds none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def find(self, program: str, login: LoginMode) -> Findings | None:
        """What was found out about the program of that identity, in that mode of being logged in."""
        return next((found for found in self._all() if (found.identity, found.login) == (program, login)), None)

    def keep(self, findings: Findings) -> None:
        """Keep `findings`, in place of older ones of the same program and mode. Raises OSError."""
        key = (findings.identity, findings.login)
        others = [found for found in self._all() if (found.identity, found.login) != key]
        text = "[" + ",\n".join(found.to_json() for found in [findings, *others][:_KEPT]) + "]\n"
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole(self._file) as file:
            file.write(text.encode())

    def _all(self) -> list[Findings]:
        try:
            values = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return []
        found = []
        for value in values if isinstance(values, list) else []:
            with contextlib.suppress(ValueError):
                found.append(from_value(value))
        return found
