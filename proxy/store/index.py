"""``index.json`` of a folder of chats: what is in the other files, so that a list needs not read them all.

It is only a copy. Beside what it says of a file stands that file's stamp: an index that is missing, torn or older than
the files is made anew of those that it does not know.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from proxy.core.chats import Chat, ChatSummary
from proxy.core.errors import ServerError
from proxy.store.document import json_of, text_in, time_in, time_out
from proxy.store.folder import Folder, Stamp
from proxy.store.rules import summary_of

INDEX = "index.json"

_FORMAT = 1

_MOST_BYTES = 1 << 30
# Of a file: far more than any folder comes to.

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index says of a file."""

    stamp: Stamp
    owner: str
    summary: ChatSummary


class Index:
    """The index of `folder`, whose chats `read` reads by the names of their files. All is for the only writer."""

    def __init__(self, folder: Folder, read: Callable[[str], Chat | None]) -> None:
        self._folder = folder
        self._read = read
        self._known: dict[str, Entry] = {}
        self._stamp: Stamp | None = None
        self.unreadable: dict[str, ServerError] = {}

    def entries(self) -> Mapping[str, Entry]:
        """What is in the folder now, by name of file. Those that make no sense are `unreadable`. Raises OSError."""
        stamps = self._folder.stamps()
        self._refresh(stamps.pop(INDEX, None))
        entries = {name: entry for name, entry in self._known.items() if stamps.get(name) == entry.stamp}
        unreadable = {}
        for name, stamp in stamps.items():
            if name not in entries:
                try:
                    chat = self._read(name)
                except ServerError as error:
                    unreadable[name] = error
                    if name not in self.unreadable:
                        log.warning("chat_unreadable", error=error.message)
                else:
                    if chat is not None:
                        entries[name] = Entry(stamp, chat.owner, summary_of(chat))
        self.unreadable = unreadable
        if entries != self._known:
            self._write(entries)
        return entries

    def count(self, owner: str) -> int:
        """How many chats it knows of an owner."""
        self._refresh()
        return sum(entry.owner == owner for entry in self._known.values())

    def put(self, name: str, stamp: Stamp, chat: Chat) -> None:
        """Take in a file that was just written."""
        self._refresh()
        self._write(self._known | {name: Entry(stamp, chat.owner, summary_of(chat))})

    def drop(self, name: str) -> None:
        """Take out a file that was just removed."""
        self._refresh()
        self._write({known: entry for known, entry in self._known.items() if known != name})

    def _refresh(self, stamp: Stamp | None = None) -> None:
        """Read the file, unless it is the one that was read or written last."""
        stamp = stamp or self._folder.stamp(INDEX)
        if stamp is None or stamp != self._stamp:
            data = None
            with contextlib.suppress(OSError, ServerError):
                data = self._folder.read(INDEX, _MOST_BYTES)
            self._known, self._stamp = _decoded(data or b""), stamp

    def _write(self, entries: dict[str, Entry]) -> None:
        self._known = entries
        try:
            self._stamp = self._folder.write(INDEX, _encoded(entries))
        except OSError as error:
            # The chats are kept: the next one to look makes it anew.
            self._stamp = None
            log.warning("chat_index_not_written", file=str(self._folder.path / INDEX), error=error.strerror)


def _encoded(entries: Mapping[str, Entry]) -> bytes:
    chats = {
        name: {
            "stamp": entry.stamp,
            "owner": entry.owner,
            "id": entry.summary.id,
            "created_at": time_out(entry.summary.created_at),
            "last_updated": time_out(entry.summary.last_updated),
            "message_count": entry.summary.message_count,
            "title": entry.summary.title,
        }
        for name, entry in entries.items()
    }
    return json_of({"format": _FORMAT, "chats": chats}, indent=1)


def _decoded(data: bytes) -> dict[str, Entry]:
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        value = json.loads(data)
        if value["format"] == _FORMAT:
            return {name: _entry(fields) for name, fields in value["chats"].items()}
    return {}


def _entry(fields: Mapping[str, Any]) -> Entry:
    inode, size, time = map(int, fields["stamp"])
    summary = ChatSummary(
        text_in(fields["id"]),
        time_in(fields["created_at"]),
        time_in(fields["last_updated"]),
        int(fields["message_count"]),
        text_in(fields["title"]),
    )
    return Entry((inode, size, time), text_in(fields["owner"]), summary)
