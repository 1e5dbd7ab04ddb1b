"""Chats in files: what lies in the folder, what is made of damage, and that nothing gets out of it."""

import json
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.chats import ChatStore
from proxy.core.errors import Busy, InvalidRequest, ServerError
from proxy.store.files import FileChats, file_name
from proxy.store.folder import Folder
from proxy.store.on_demand import chats_on_demand
from tests.support.chats import ANN, BOB, SYSTEM, answered, asked, everything, ids, keep, make_chat, texts
from tests.support.log import captured_log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the chats, which is not there yet."""
    return tmp_path / "state" / "chats"


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[ChatStore]:
    async with aclosing(chats_on_demand("files", folder.parent)) as chats:
        yield chats


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What is logged."""
    with captured_log(logging.WARNING) as logged:
        yield logged


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def index(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
    return value


FIRST = make_chat(ANN, "first", asked("hello", 1), answered("hi", 2))
SECOND = make_chat(BOB, "second", asked("good day", 3))


async def test_there_is_a_readable_file_for_each_chat_and_an_index(store: ChatStore, folder: Path) -> None:
    await keep(store, FIRST, SECOND)
    first, second = file_name(ANN, "first"), file_name(BOB, "second")
    assert files(folder) == [".lock", first, second, "index.json"]
    assert re.fullmatch(r"ann\.first\.[0-9a-f]{32}\.json", first)
    value = json.loads((folder / first).read_bytes())
    assert (value["format"], value["owner"], value["id"], value["system"]) == (1, ANN, "first", SYSTEM)
    assert value["created_at"] == "2026-01-02T03:05:05.678901+00:00"
    assert [message["content"] for message in value["messages"]] == ["hello", "hi"]
    assert index(folder)["chats"][first] | {"stamp": 0} == {
        "stamp": 0,
        "owner": ANN,
        "id": "first",
        "created_at": "2026-01-02T03:05:05.678901+00:00",
        "last_updated": "2026-01-02T03:06:05.678901+00:00",
        "message_count": 2,
        "title": "hello",
    }


async def test_files_are_their_owners_alone(store: ChatStore, folder: Path) -> None:
    before = os.umask(0)
    try:
        await keep(store, FIRST)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


async def test_texts_stand_in_a_file_as_they_are_read(store: ChatStore, folder: Path) -> None:
    await keep(store, make_chat(ANN, "a", asked("Grüße, 会話 💬")), make_chat(ANN, "b", asked("ü \ud800")))
    assert "Grüße, 会話 💬" in (folder / file_name(ANN, "a")).read_text(encoding="utf-8")
    assert r"\u00fc \ud800" in (folder / file_name(ANN, "b")).read_text(encoding="utf-8")


async def test_nothing_is_made_where_there_is_nothing_to_keep(store: ChatStore, folder: Path) -> None:
    assert await ids(store, ANN) == []
    assert await everything(store) == []
    assert not await store.delete(ANN, "a")
    assert not folder.exists()


# Names


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_a_file_lies_in_the_folder_and_is_one_chats_on_every_file_system(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    name = file_name(*one)
    assert re.fullmatch(r"[a-z0-9_-]{1,64}\.[a-z0-9_-]{1,64}\.[0-9a-f]{32}\.json", name)
    assert (name == file_name(*other)) == (one == other)


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "/etc/passwd", "ann/../bob", "a\0b", "index", "İ" * 300])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    for made in (file_name(name, "a"), file_name("a", name), file_name(name, name)):
        assert re.fullmatch(r"[a-z0-9_-]{1,64}\.[a-z0-9_-]{1,64}\.[0-9a-f]{32}\.json", made)


def test_names_that_differ_only_by_case_have_files_that_differ_otherwise() -> None:
    names = [file_name(owner, name) for owner in ("ann", "Ann") for name in ("chat", "Chat", "CHAT")]
    assert len({name.lower() for name in names}) == 6


# The index


@pytest.mark.parametrize(
    "damage",
    [
        None,
        b"",
        b'{"format": 1, "chats": {',
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 2, "chats": {}}',
        b'{"format": 1, "chats": []}',
        b'{"format": 1, "chats": {"a.json": {}}}',
        b'{"format": 1, "chats": {}}',
    ],
)
@pytest.mark.parametrize("restarted", [True, False])
async def test_an_index_that_is_missing_torn_or_stale_is_made_anew(
    store: ChatStore, folder: Path, damage: bytes | None, restarted: bool
) -> None:
    await keep(store, FIRST, SECOND)
    whole = index(folder)
    (folder / "index.json").unlink()
    if damage is not None:
        (folder / "index.json").write_bytes(damage)
    looking: ChatStore = FileChats.open(folder) if restarted else store
    assert await ids(looking, ANN) == ["first"]
    assert await ids(looking, BOB) == ["second"]
    assert index(folder) == whole


async def test_an_index_that_was_lost_before_a_write_knows_all_again(store: ChatStore, folder: Path) -> None:
    await keep(store, FIRST)
    (folder / "index.json").unlink()
    await keep(store, make_chat(ANN, "more", asked("more", 9)))
    assert await ids(store, ANN) == ["more", "first"]


async def test_what_others_put_into_the_folder_or_take_out_is_noticed(
    store: ChatStore, folder: Path, tmp_path: Path
) -> None:
    await keep(store, FIRST, SECOND)
    other = FileChats.open(tmp_path / "other")
    await keep(
        other, make_chat(ANN, "first", asked("hello"), answered("changed", 7)), make_chat(ANN, "new", asked("x"))
    )
    for path in (tmp_path / "other").glob("ann.*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / file_name(BOB, "second")).unlink()
    assert await ids(store, ANN, "changed") == ["first"]
    assert await ids(store, ANN) == ["first", "new"]
    assert await ids(store, BOB) == []
    assert len(index(folder)["chats"]) == 2


async def test_a_list_reads_no_chat_again_that_did_not_change(
    store: ChatStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store, FIRST, SECOND)
    read: list[str] = []
    reading = Folder.read

    def noted(folder: Folder, name: str, most: int) -> bytes | None:
        read.append(name)
        return reading(folder, name, most)

    monkeypatch.setattr(Folder, "read", noted)
    restarted = FileChats.open(folder)
    assert [await ids(chats, ANN) for chats in (store, restarted, restarted)] == [["first"]] * 3
    assert read == ["index.json"]


async def test_a_chat_is_kept_although_the_index_cannot_be_written(
    store: ChatStore, folder: Path, lines: list[Any]
) -> None:
    await keep(store, FIRST)
    (folder / "index.json").unlink()
    (folder / "index.json").mkdir()
    (folder / "index.json" / "in-the-way").touch()
    await store.extend(BOB, "second", SECOND.messages, system=SYSTEM)
    assert await store.load(BOB, "second") == SECOND
    assert await ids(store, BOB) == ["second"]
    assert {line["event"] for line in lines} == {"chat_index_not_written"}
    assert not list(folder.glob("*.writing"))


# Damage


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is no JSON"),
        (b'{"format": 1', "it is no JSON"),
        (b'{"format": "\xff"}', "it is not in UTF-8"),
        (b"[]", "it is no chat"),
        (b"[" * 100_000, "it is no chat"),
        (b'{"format": 2}', "format 2 is not known: it may be that of a newer version"),
        (b'{"format": 1}', "it lacks 'owner'"),
    ],
)
async def test_a_file_that_makes_no_sense_is_named_and_left_alone(
    store: ChatStore, folder: Path, lines: list[Any], data: bytes, why: str
) -> None:
    await keep(store, FIRST, make_chat(ANN, "other", asked("fine", 5)))
    path = folder / file_name(ANN, "first")
    path.write_bytes(data)
    words = f"the chat in the file {re.escape(str(path))} cannot be read: {re.escape(why)}"
    with pytest.raises(ServerError, match=words):
        await store.load(ANN, "first")
    with pytest.raises(ServerError, match=words):
        await store.extend(ANN, "first", [asked("more")], system=SYSTEM)
    with pytest.raises(ServerError, match=words):
        await everything(store)
    assert await ids(store, ANN) == ["other"]
    assert await ids(store, ANN, "fine") == ["other"]
    assert [line["event"] for line in lines] == ["chat_unreadable"]
    assert path.read_bytes() == data
    assert await store.delete(ANN, "first")
    assert [chat.id for chat in await everything(store)] == ["other"]


async def test_a_chat_in_a_file_of_another_name_is_not_taken_for_it(store: ChatStore, folder: Path) -> None:
    await keep(store, FIRST)
    (folder / file_name(BOB, "first")).write_bytes((folder / file_name(ANN, "first")).read_bytes())
    with pytest.raises(ServerError, match=r"belongs into .*/ann\.first\."):
        await store.load(BOB, "first")
    assert await ids(store, BOB) == []
    assert await ids(store, ANN) == ["first"]


async def test_what_a_killed_writer_left_is_swept_and_nothing_else(store: ChatStore, folder: Path) -> None:
    await keep(store, FIRST)
    (folder / f"{file_name(ANN, 'first')}.0123456789ab.writing").write_bytes(b"{")
    (folder / "notes.txt").touch()
    assert await ids(FileChats.open(folder), ANN) == ["first"]
    assert files(folder) == [".lock", file_name(ANN, "first"), "index.json", "notes.txt"]


async def test_a_file_that_is_too_large_is_not_read(
    store: ChatStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store, FIRST)
    monkeypatch.setattr("proxy.store.files.MOST_BYTES", 100)
    with pytest.raises(ServerError, match=r"ann\.first\..*json is too large to be read: at most 100 bytes"):
        await store.load(ANN, "first")


async def test_a_folder_that_cannot_be_used_is_named(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    store = FileChats(folder)
    for attempt in (store.summaries(ANN), store.extend(ANN, "a", [asked("x")], system=SYSTEM), store.restore(FIRST)):
        with pytest.raises(
            ServerError, match=f"the chats in files cannot be used: {folder}.*: (Not a dir|File exists)"
        ):
            await attempt


async def test_a_writer_waits_for_another_one_only_so_long(folder: Path) -> None:
    store = FileChats(folder, patience=0.0)
    with Folder(folder, patience=0.0).writing():
        with pytest.raises(Busy, match=f"the folder {folder} is being written to by another process"):
            await store.extend(ANN, "a", [asked("x")], system=SYSTEM)
        assert await store.load(ANN, "a") is None
    await store.extend(ANN, "a", [asked("x")], system=SYSTEM)
    assert texts(await store.load(ANN, "a")) == ["x"]


async def test_a_write_that_fails_leaves_what_was_there(
    store: ChatStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store, FIRST)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServerError, match="No space left on device"):
        await store.extend(ANN, "first", [asked("more")], system=SYSTEM)
    assert await store.load(ANN, "first") == FIRST
    assert files(folder) == [".lock", file_name(ANN, "first"), "index.json"]
    with pytest.raises(InvalidRequest):
        await store.extend(ANN, "x" * 300, [asked("more")], system=SYSTEM)
