"""Chats in a database."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, select, update

from proxy.core.chats import Chat, ChatMessage, ChatSummary
from proxy.store.database import Database
from proxy.store.rules import (
    check,
    check_count,
    check_names,
    check_search,
    check_size,
    folded,
    in_order,
    title_of,
    weight,
)
from proxy.store.tables import CHATS, MESSAGES
from proxy.store.threads import Threads

_LISTED = (CHATS.c.id, CHATS.c.created_at, CHATS.c.last_updated, CHATS.c.message_count, CHATS.c.title)


class SqlChats:
    """The chats in `database`. Several processes may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = Threads()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        check_search(containing)
        return await self._threads.read(self._summaries, owner, containing)

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        return await self._threads.read(self._load, owner, chat_id)

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        check_names(owner, chat_id)
        await self._threads.write(self._extend, owner, chat_id, tuple(messages), system, keep)

    async def delete(self, owner: str, chat_id: str) -> bool:
        return await self._threads.write(self._delete, owner, chat_id)

    async def restore(self, chat: Chat) -> None:
        check(chat)
        await self._threads.write(self._restore, chat)

    async def everything(self) -> AsyncIterator[Chat]:
        for owner, chat_id in await self._threads.read(self._places):
            chat = await self._threads.read(self._load, owner, chat_id)
            if chat is not None:  # it may be deleted by now
                yield chat

    def _summaries(self, owner: str, containing: str) -> list[ChatSummary]:
        wanted = select(*_LISTED).where(CHATS.c.owner == owner)
        if containing:
            mentioned = MESSAGES.c.folded.contains(folded(containing), autoescape=True)
            wanted = wanted.where(exists().where(MESSAGES.c.chat == CHATS.c.key, mentioned))
        with self._database.reading() as connection:
            return in_order(ChatSummary(*row) for row in connection.execute(wanted))

    def _places(self) -> list[tuple[str, str]]:
        with self._database.reading() as connection:
            # Sorted here: databases have orders of their own.
            return sorted((owner, chat_id) for owner, chat_id in connection.execute(select(CHATS.c.owner, CHATS.c.id)))

    def _load(self, owner: str, chat_id: str) -> Chat | None:
        with self._database.reading() as connection:
            row = _found(connection, owner, chat_id)
            if row is None:
                return None
            ordered = select(MESSAGES).where(MESSAGES.c.chat == row.key).order_by(MESSAGES.c.position)
            messages = tuple(map(_message, connection.execute(ordered)))
            return Chat(owner, chat_id, row.created_at, row.last_updated, row.system, messages)

    def _extend(
        self, owner: str, chat_id: str, messages: tuple[ChatMessage, ...], system: str, keep: int | None
    ) -> None:
        def extend(connection: Connection) -> None:
            row = _found(connection, owner, chat_id, locked=True)
            if row is not None:
                _grow(connection, row, messages, keep)
            elif messages:
                chat = Chat(owner, chat_id, messages[0].timestamp, messages[-1].timestamp, system, messages)
                check(chat)
                _add(connection, chat)

        self._database.write(extend)

    def _delete(self, owner: str, chat_id: str) -> bool:
        return self._database.write(lambda connection: _remove(connection, owner, chat_id))

    def _restore(self, chat: Chat) -> None:
        def restore(connection: Connection) -> None:
            _remove(connection, chat.owner, chat.id)
            _add(connection, chat)

        self._database.write(restore)


def _found(connection: Connection, owner: str, chat_id: str, *, locked: bool = False) -> Row[Any] | None:
    wanted = select(CHATS).where(CHATS.c.owner == owner, CHATS.c.id == chat_id)
    return connection.execute(wanted.with_for_update() if locked else wanted).one_or_none()


def _remove(connection: Connection, owner: str, chat_id: str) -> bool:
    return connection.execute(delete(CHATS).where(CHATS.c.owner == owner, CHATS.c.id == chat_id)).rowcount > 0


def _add(connection: Connection, chat: Chat) -> None:
    count = select(func.count()).select_from(CHATS).where(CHATS.c.owner == chat.owner)
    check_count(connection.execute(count).scalar_one())
    added = connection.execute(
        insert(CHATS).values(
            owner=chat.owner,
            id=chat.id,
            created_at=chat.created_at,
            last_updated=chat.last_updated,
            message_count=len(chat.messages),
            title=title_of(chat.messages),
            system=chat.system,
        )
    )
    assert added.inserted_primary_key is not None
    _append(connection, added.inserted_primary_key[0], 0, chat.messages)


def _grow(connection: Connection, row: Row[Any], messages: Sequence[ChatMessage], keep: int | None) -> None:
    """Cut a chat off behind `keep` messages, and append others."""
    kept = row.message_count if keep is None else max(0, min(keep, row.message_count))
    own = MESSAGES.c.chat == row.key
    if kept < row.message_count:
        connection.execute(delete(MESSAGES).where(own, MESSAGES.c.position >= kept))
    held = connection.execute(select(func.sum(MESSAGES.c.weight)).where(own)).scalar() or 0
    check_size(kept + len(messages), len(row.system) + held + sum(map(weight, messages)))
    _append(connection, row.key, kept, messages)
    if messages:
        last_updated = messages[-1].timestamp
    elif kept:
        last = select(MESSAGES.c.timestamp).where(own, MESSAGES.c.position == kept - 1)
        last_updated = connection.execute(last).scalar_one()
    else:
        last_updated = row.created_at
    changed = {
        "last_updated": last_updated,
        "message_count": kept + len(messages),
        "title": row.title if kept else title_of(messages),
    }
    connection.execute(update(CHATS).where(CHATS.c.key == row.key).values(changed))


def _append(connection: Connection, chat: int, position: int, messages: Sequence[ChatMessage]) -> None:
    rows = [
        {
            "chat": chat,
            "position": number,
            "role": message.role,
            "timestamp": message.timestamp,
            "weight": weight(message),
            "folded": folded(message.content),
            "content": message.content,
            "thinking": message.thinking,
            "model": message.model,
            "images": message.images,
        }
        for number, message in enumerate(messages, position)
    ]
    if rows:
        connection.execute(insert(MESSAGES), rows)


def _message(row: Row[Any]) -> ChatMessage:
    return ChatMessage(row.role, row.content, row.timestamp, row.images, row.thinking, row.model)
