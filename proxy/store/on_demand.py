"""A store that is opened when it is first used: until then it costs the start nothing."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from proxy.core.chats import Chat, ChatMessage, ChatStore, ChatSummary

_DATABASE, _FOLDER = "chats.sqlite3", "chats"
_SQLITE_URL, _POSTGRESQL_URL = "sqlite:///", "postgresql://"
_POSTGRESQL_DRIVER = "psycopg"


class StoreUnusable(ValueError):
    """There is no such store, or its driver is not installed; the text says what to do."""


class OpenStore(ChatStore, Protocol):
    """A store that has to be closed."""

    def close(self) -> None:
        """Let go of everything. It blocks."""
        ...


class ChatsOnDemand:
    """The store that `open_store` opens, in a thread, when it is first used."""

    def __init__(self, open_store: Callable[[], OpenStore]) -> None:
        self._open_store = open_store
        self._opening = anyio.Lock()
        self._store: OpenStore | None = None

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        return await (await self._opened()).summaries(owner, containing)

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        return await (await self._opened()).load(owner, chat_id)

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        await (await self._opened()).extend(owner, chat_id, messages, system=system, keep=keep)

    async def delete(self, owner: str, chat_id: str) -> bool:
        return await (await self._opened()).delete(owner, chat_id)

    async def restore(self, chat: Chat) -> None:
        await (await self._opened()).restore(chat)

    async def everything(self) -> AsyncIterator[Chat]:
        async for chat in (await self._opened()).everything():
            yield chat

    async def aclose(self) -> None:
        """Close what was opened; also where whoever closes it was cancelled."""
        if self._store is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._store.close)
            self._store = None

    async def _opened(self) -> OpenStore:
        async with self._opening:
            if self._store is None:
                self._store = await to_thread.run_sync(self._open_store)
            return self._store


def chats_on_demand(store: str, state_folder: Path) -> ChatsOnDemand:
    """The chats in `store`, as the setting names it. Raises `StoreUnusable`."""
    return ChatsOnDemand(_opener(store, state_folder))


def place_of(store: str, state_folder: Path) -> str:
    """Where the chats in `store` lie, for people: a path, or a URL without a password."""
    match store:
        case "sqlite":
            return str(state_folder / _DATABASE)
        case "files":
            return str(state_folder / _FOLDER)
    return re.sub(r"(//[^/@]*):[^/]*@", r"\1@", store).removeprefix(_SQLITE_URL)


def _opener(store: str, state_folder: Path) -> Callable[[], OpenStore]:
    if store == "files":
        return lambda: _open_files(state_folder / _FOLDER)
    if store == "sqlite":
        return lambda: _open_sqlite(state_folder / _DATABASE)
    if store.startswith(_SQLITE_URL):
        return lambda: _open_sqlite(Path(store.removeprefix(_SQLITE_URL)))
    if not store.startswith(_POSTGRESQL_URL):
        raise StoreUnusable("chats cannot be kept like that: sqlite, files, sqlite:///PATH or postgresql://…")
    if find_spec(_POSTGRESQL_DRIVER) is None:
        raise StoreUnusable(
            "chats in PostgreSQL need its driver, which is not installed: `pip install 'psycopg[binary]'`"
        )
    return lambda: _open_url(store)


def _open_files(folder: Path) -> OpenStore:
    from proxy.store.files import FileChats

    return FileChats.open(folder)


def _open_sqlite(path: Path) -> OpenStore:
    from sqlalchemy import URL

    from proxy.store.database import Database
    from proxy.store.sql import SqlChats

    return SqlChats(Database(URL.create("sqlite", database=str(path))))


def _open_url(url: str) -> OpenStore:
    from sqlalchemy import make_url

    from proxy.store.database import Database
    from proxy.store.sql import SqlChats

    return SqlChats(Database(make_url(url).set(drivername=f"postgresql+{_POSTGRESQL_DRIVER}")))
