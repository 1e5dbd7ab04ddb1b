"""The tables, and how their columns hold any text. Only migrations change them: ``tests/store/test_migrations.py``."""

import json
import re
from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

_MARK = "\ufdd0"
# A character that Unicode keeps out of all texts.

_SHIFT = 0x10F800 - 0xD800
# Half surrogates stand behind the mark as characters of the last private block, NUL as the one before it.

_NUL = "\U0010f7ff"

_HELD = re.compile(f"[\0\ud800-\udfff{_MARK}]")
_MARKED = re.compile(f"{_MARK}(.)", re.DOTALL)


class AnyText(TypeDecorator[str]):
    """Text of whatever characters. Databases take neither half surrogates nor, some of them, NUL.

    What they would not take is written as two characters, so that a part of a text is still a part of what is written.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not _HELD.search(value):
            return value
        # Two halves side by side are one character, as they are in JSON.
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return _HELD.sub(lambda match: _MARK + _held(match[0]), value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _MARKED.sub(lambda match: _released(match[1]), value)


def _held(character: str) -> str:
    if character == "\0":
        return _NUL
    return character if character == _MARK else chr(ord(character) + _SHIFT)


def _released(character: str) -> str:
    if character == _NUL:
        return "\0"
    return character if character == _MARK else chr(ord(character) - _SHIFT)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A row of texts, as JSON in ASCII."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return json.dumps(value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(json.loads(value or "[]"))


class Moment(TypeDecorator[datetime]):
    """A time, in UTC on both sides, to the microsecond."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

CHATS = Table(
    "chats",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("owner", AnyText, nullable=False),
    Column("id", AnyText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_updated", Moment, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("system", AnyText, nullable=False),
    UniqueConstraint("owner", "id"),
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("chat", Integer, ForeignKey(CHATS.c.key, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", Text, CheckConstraint("role IN ('user', 'assistant')", name="role"), nullable=False),
    Column("timestamp", Moment, nullable=False),
    Column("weight", Integer, nullable=False),
    # `content` again, for a search whatever the case: databases know that of ASCII at most, or each in its own way.
    Column("folded", AnyText, nullable=False),
    Column("content", AnyText, nullable=False),
    Column("thinking", AnyText, nullable=False),
    Column("model", AnyText, nullable=False),
    # Last, since they are large: SQLite reads a row from its beginning.
    Column("images", Texts, nullable=False),
)
