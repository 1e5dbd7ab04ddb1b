"""Chats as JSON lines: a line that says what they are, one for each chat, and one that says that it was all.

So an export is written and read chat by chat, and one that was cut off is known for it.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from proxy.core.chats import Chat
from proxy.core.errors import InvalidRequest
from proxy.store.document import MOST_BYTES, decode, encode, json_of
from proxy.store.rules import check

VERSION = 1

_KIND = "claude-ollama-server chats"

_NO_EXPORT = "it does not begin as an export of chats does"


class ExportWriter:
    """Writes an export to `file`, with as many chats as are added before it is finished."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0
        self._line(json_of({"export": _KIND, "version": VERSION}))

    def add(self, chat: Chat) -> None:
        """Write a chat. Raises OSError."""
        self._line(encode(chat))
        self.count += 1

    def finish(self) -> None:
        """Say that it was all. Raises OSError."""
        self._line(json_of({"end": True, "chats": self.count}))
        self._file.flush()

    def _line(self, data: bytes) -> None:
        self._file.write(data + b"\n")


def chats_of(file: BinaryIO) -> Iterator[Chat]:
    """The chats of an export. Raises ValueError, for one that was cut off at its end, and OSError."""
    number, lines = 1, _lines(file)
    _begin(next(lines, b""))
    for number, line in enumerate(lines, 2):
        try:
            if (count := _end(line)) is None:
                chat = decode(line)
                check(chat)
        except (ValueError, InvalidRequest) as error:
            raise ValueError(f"line {number}: {error}") from None
        if count is not None:
            if count != number - 2 or next(lines, None) is not None:
                raise ValueError(f"line {number}: it ends there, with {count} chats, but has others")
            return
        yield chat
    raise ValueError(f"it is cut off after line {number}")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MOST_BYTES + 1):
        if len(line) > MOST_BYTES:
            raise ValueError(f"it has a line of more than {MOST_BYTES} bytes")
        yield line


def _begin(line: bytes) -> None:
    try:
        value: Any = json.loads(line)
        kind, version = value["export"], value["version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ValueError(_NO_EXPORT) from None
    if kind != _KIND:
        raise ValueError(_NO_EXPORT)
    if version != VERSION:
        raise ValueError(f"it is of version {version!r}, and this program reads version {VERSION}")


def _end(line: bytes) -> int | None:
    """How many chats there were, where the line says that it was all."""
    if not line.startswith(b'{"end":'):
        return None
    try:
        return int(json.loads(line)["chats"])
    except (LookupError, TypeError, RecursionError):
        raise ValueError("it is no end of an export") from None
