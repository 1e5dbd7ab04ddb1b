"""Chats in SQLite: how durable, how closed, and what is said when it cannot be used."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from proxy.core.chats import ChatStore
from proxy.core.errors import Busy, ServerError
from proxy.store.database import Database
from proxy.store.on_demand import chats_on_demand
from proxy.store.sql import SqlChats
from tests.support.chats import ANN, SYSTEM, answered, asked, everything, ids, keep, make_chat

CHAT = make_chat(ANN, "a", asked("hello", 1), answered("hi", 2))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "chats.sqlite3"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[ChatStore]:
    async with aclosing(chats_on_demand("sqlite", file.parent)) as chats:
        yield chats


def url_of(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


def test_a_write_is_on_disk_before_it_is_told_of(file: Path) -> None:
    database = Database(url_of(file))
    with database.reading() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in pragmas]
    assert found == ["wal", 2, 1]
    database.close()


async def test_its_files_are_their_owners_alone(store: ChatStore, file: Path) -> None:
    before = os.umask(0)
    try:
        await keep(store, CHAT)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert modes == dict.fromkeys(("chats.sqlite3", "chats.sqlite3-wal", "chats.sqlite3-shm"), 0o600)
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_when_it_is_closed_there_is_one_file(file: Path) -> None:
    async with aclosing(chats_on_demand("sqlite", file.parent)) as store:
        await keep(store, CHAT)
    assert [path.name for path in file.parent.iterdir()] == ["chats.sqlite3"]


async def test_nothing_of_a_deleted_chat_stays_in_a_table(store: ChatStore, file: Path) -> None:
    await keep(store, CHAT, make_chat(ANN, "b", asked("other")))
    await store.delete(ANN, "a")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT content FROM messages").fetchall() == [("other",)]


@pytest.mark.parametrize("name", ["a b", "ü%20?x=1", "100%", "#1", "it's"])
async def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    for kind in ("sqlite", "files"):
        async with aclosing(chats_on_demand(kind, tmp_path / name)) as store:
            await keep(store, CHAT)
        async with aclosing(chats_on_demand(kind, tmp_path / name)) as store:
            assert await everything(store) == [CHAT]
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["chats", "chats.sqlite3"]


async def test_a_url_names_a_file_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "else where" / "my.db"
    async with aclosing(chats_on_demand(f"sqlite:///{file}", tmp_path / "state")) as store:
        await keep(store, CHAT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "state").exists()


# What is said


async def told(attempt: ChatStore) -> str:
    with pytest.raises(ServerError) as caught:
        await attempt.load(ANN, "a")
    assert caught.value.__cause__ is None
    assert "\n" not in caught.value.message
    return caught.value.message


async def test_a_file_that_is_no_database_is_named_and_left_alone(store: ChatStore, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database at all" * 100)
    assert await told(store) == f"the database {file} cannot be used: file is not a database"
    assert file.read_bytes() == b"no database at all" * 100


async def test_a_folder_in_its_place_is_named(store: ChatStore, file: Path) -> None:
    file.mkdir(parents=True)
    assert await told(store) == f"the database {file} cannot be used: unable to open database file"


async def test_a_store_that_could_not_be_opened_is_tried_again(store: ChatStore, file: Path) -> None:
    file.mkdir(parents=True)
    await told(store)
    file.rmdir()
    await keep(store, CHAT)
    assert await ids(store, ANN) == ["a"]


async def test_a_table_that_somebody_dropped_is_told_of(store: ChatStore, file: Path) -> None:
    await keep(store, CHAT)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE messages")
    assert await told(store) == f"the database {file} cannot be used: no such table: messages"


async def test_a_writer_waits_for_another_one_only_so_long_and_readers_do_not(file: Path) -> None:
    store = SqlChats(Database(url_of(file), patience=0.0))
    await keep(store, CHAT)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match=f"the database {file} is being written to by another process"):
            await store.extend(ANN, "a", [asked("more")], system=SYSTEM)
        assert await store.load(ANN, "a") == CHAT
        assert await ids(store, ANN, "hello") == ["a"]
    await store.extend(ANN, "a", [asked("more")], system=SYSTEM)
    store.close()


def test_a_password_is_never_told_of() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ServerError) as caught:
        Database(make_url("postgresql+psycopg://ann:geheim@127.0.0.1:1/chats"))
    assert "postgresql+psycopg://ann:***@127.0.0.1:1/chats cannot be used: " in caught.value.message
    assert "geheim" not in caught.value.message
