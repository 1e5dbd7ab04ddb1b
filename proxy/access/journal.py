"""What was used, on disk: a file for each day of UTC in the state folder, to which lines are added."""

import contextlib
import json
import math
import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from proxy.access.usage import Use

KEPT_DAYS = 31

_FOLDER = "usage"
_NEWLINE = b"\n"


class Journal:
    """The files of `folder`. What is written survives the end of the process, however it ends.

    Several processes may write: a line is written at once, and says what is added, not what there is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    def read(self, day: date) -> dict[str, Use]:
        """What each caller has used on a day. Lines that make no sense do not count. Raises OSError."""
        used: dict[str, Use] = {}
        with contextlib.suppress(FileNotFoundError), self._path(day).open("rb") as file:
            for line in file:
                if (entry := _entry(line)) is not None:
                    caller, use = entry
                    used[caller] = used.get(caller, Use()) + use
        return used

    def write(self, day: date, used: Mapping[str, Use]) -> None:
        """Add what each caller has used on a day. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = b"".join(map(_line, used, used.values()))
        # It begins with a newline: a write that a full disk cut off must not spoil this one.
        data = memoryview(_NEWLINE + lines)
        file = os.open(self._path(day), os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            start = os.fstat(file).st_size
            if os.write(file, data) < len(data):
                # What did come to be written would count twice.
                os.ftruncate(file, start)
                raise OSError("the disk is full")
        finally:
            os.close(file)

    def sweep(self, today: date) -> None:
        """Remove the files of days that are long over."""
        oldest = today - timedelta(days=KEPT_DAYS)
        for path in self._folder.glob("*.jsonl"):
            with contextlib.suppress(ValueError, OSError):
                if date.fromisoformat(path.stem) < oldest:
                    path.unlink()

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.jsonl"


def _line(caller: str, use: Use) -> bytes:
    value = {"key": caller, "requests": use.requests, "tokens": use.tokens, "dollars": round(use.dollars, 9)}
    return json.dumps(value, separators=(",", ":")).encode() + _NEWLINE


def _entry(line: bytes) -> tuple[str, Use] | None:
    try:
        value: Any = json.loads(line)
        use = Use(int(value["requests"]), int(value["tokens"]), float(value["dollars"]))
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None
    return (str(value["key"]), use) if "key" in value and math.isfinite(use.dollars) else None
