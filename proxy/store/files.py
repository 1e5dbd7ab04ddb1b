"""Chats in a folder: a JSON file each, and ``index.json``."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proxy.core.chats import Chat, ChatMessage, ChatSummary
from proxy.core.errors import ServerError
from proxy.store.document import MOST_BYTES, decode, encode
from proxy.store.folder import Folder
from proxy.store.index import Index
from proxy.store.rules import (
    check,
    check_count,
    check_search,
    extended,
    in_order,
    mentions,
)
from proxy.store.threads import Threads

_PATIENCE = 30.0
# Seconds for which a writer waits for that of another process.


class FileChats:
    """The chats in the folder at `path`. Several processes may share it."""

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        self._folder = Folder(path, patience)
        self._index = Index(self._folder, self._read)
        self._threads = Threads()

    @classmethod
    def open(cls, path: Path) -> "FileChats":
        """The chats in the folder at `path`, without what a killed writer left. It blocks. Raises `ServerError`."""
        chats = cls(path)
        with chats._told_plainly():
            if path.exists():
                with chats._folder.writing():
                    chats._folder.sweep()
        return chats

    def close(self) -> None:
        """Nothing stays open."""

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        check_search(containing)
        listed = await self._threads.write(self._listed)
        own = [(name, summary) for name, of, summary in listed if of == owner]
        if containing:
            found = await self._threads.read(self._mentioning, [name for name, _summary in own], containing)
            own = [(name, summary) for name, summary in own if name in found]
        return in_order(summary for _name, summary in own)

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        return await self._threads.read(self._loaded, file_name(owner, chat_id))

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        def extend() -> None:
            with self._writing():
                name = file_name(owner, chat_id)
                before = self._read(name)
                chat = extended(before, owner, chat_id, messages, system=system, keep=keep)
                if chat is not None:
                    self._write(name, chat, new=before is None)

        await self._threads.write(extend)

    async def delete(self, owner: str, chat_id: str) -> bool:
        def delete() -> bool:
            name = file_name(owner, chat_id)
            with self._told_plainly():
                if self._folder.stamp(name) is None:
                    return False
            with self._writing():
                removed = self._folder.remove(name)
                self._index.drop(name)
                return removed

        return await self._threads.write(delete)

    async def restore(self, chat: Chat) -> None:
        def restore() -> None:
            with self._writing():
                name = file_name(chat.owner, chat.id)
                self._write(name, chat, new=self._folder.stamp(name) is None)

        check(chat)
        await self._threads.write(restore)

    async def everything(self) -> AsyncIterator[Chat]:
        listed = await self._threads.write(self._listed)
        for error in self._index.unreadable.values():
            raise error
        for _owner, _id, name in sorted((owner, summary.id, name) for name, owner, summary in listed):
            chat = await self._threads.read(self._loaded, name)
            if chat is not None:  # it may be deleted by now
                yield chat

    def _listed(self) -> list[tuple[str, str, ChatSummary]]:
        """Every chat: its file, its owner and its summary."""
        with self._told_plainly():
            if not self._folder.path.exists():
                return []
        with self._writing():
            return [(name, entry.owner, entry.summary) for name, entry in self._index.entries().items()]

    def _mentioning(self, names: Sequence[str], containing: str) -> set[str]:
        chats = ((name, self._loaded(name)) for name in names)
        return {name for name, chat in chats if chat is not None and mentions(chat, containing)}

    def _loaded(self, name: str) -> Chat | None:
        with self._told_plainly():
            return self._read(name)

    def _read(self, name: str) -> Chat | None:
        data = self._folder.read(name, MOST_BYTES)
        if data is None:
            return None
        try:
            chat = decode(data)
        except ValueError as error:
            raise ServerError(f"the chat in the file {self._folder.path / name} cannot be read: {error}") from None
        if name != file_name(chat.owner, chat.id):
            right = self._folder.path / file_name(chat.owner, chat.id)
            raise ServerError(f"the chat in the file {self._folder.path / name} belongs into {right}")
        return chat

    def _write(self, name: str, chat: Chat, *, new: bool) -> None:
        if new:
            check_count(self._index.count(chat.owner))
        stamp = self._folder.write(name, encode(chat, indent=1))
        self._index.put(name, stamp, chat)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._told_plainly(), self._folder.writing():
            yield

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self._folder.path
            raise ServerError(f"the chats in files cannot be used: {where}: {error.strerror or error}") from None


def file_name(owner: str, chat_id: str) -> str:
    """Where a chat lies: a name that people recognise, and that no other chat has on whatever file system.

    The digest tells apart what differs only by case, and what is replaced or cut off here.
    """
    digest = hashlib.sha256(json.dumps([owner, chat_id]).encode()).hexdigest()[:32]
    return f"{_plain(owner)}.{_plain(chat_id)}.{digest}.json"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", name[:64].lower())[:64] or "_"
