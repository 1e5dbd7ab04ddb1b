"""What every store does, whatever it keeps chats in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import anyio
import pytest

from proxy.core.chats import ChatMessage, ChatStore
from proxy.core.errors import InvalidRequest
from proxy.store import rules
from tests.support.chats import (
    ANN,
    BEGUN,
    BOB,
    SYSTEM,
    answered,
    asked,
    at,
    everything,
    ids,
    keep,
    make_chat,
    texts,
    told,
)

MEGABYTES = "iVBORw0KGgo" * 400_000
"""What an image of three megabytes is in base64, more or less."""

# The contract


async def test_a_new_store_holds_nothing(store: ChatStore) -> None:
    assert list(await store.summaries(ANN)) == []
    assert await store.load(ANN, "none") is None
    assert await store.delete(ANN, "none") is False
    assert await everything(store) == []


async def test_a_chat_begins_with_its_first_messages_and_has_their_times(store: ChatStore) -> None:
    messages = (asked("hello", 1, "aGk=", "aG8="), answered("hi", 2, thinking="greet", model="opus"))
    await store.extend(ANN, "first", messages, system=SYSTEM)
    chat = await store.load(ANN, "first")
    assert chat == make_chat(ANN, "first", *messages)
    assert chat is not None
    assert (chat.created_at, chat.last_updated) == (at(1), at(2))
    assert all(time.tzinfo is UTC for time in (chat.created_at, chat.messages[0].timestamp))


async def test_more_messages_are_appended_and_the_first_system_prompt_stays(store: ChatStore) -> None:
    await store.extend(ANN, "a", [asked("one", 1), answered("two", 2)], system="first")
    await store.extend(ANN, "a", [asked("three", 7)], system="second")
    chat = await store.load(ANN, "a")
    assert chat is not None
    assert (texts(chat), chat.system) == (["one", "two", "three"], "first")
    assert (chat.created_at, chat.last_updated) == (at(1), at(7))


@pytest.mark.parametrize(
    ("keep_only", "kept"),
    [(0, []), (1, ["one"]), (2, ["one", "two"]), (3, ["one", "two", "three"]), (99, ["one", "two", "three"])],
)
async def test_of_the_messages_before_as_many_stay_as_are_asked_for(
    store: ChatStore, keep_only: int, kept: list[str]
) -> None:
    await store.extend(ANN, "a", [asked("one", 1), answered("two", 2), asked("three", 3)], system=SYSTEM)
    await store.extend(ANN, "a", [asked("new", 9)], system=SYSTEM, keep=keep_only)
    chat = await store.load(ANN, "a")
    assert texts(chat) == [*kept, "new"]
    [summary] = await store.summaries(ANN)
    assert (summary.created_at, summary.last_updated, summary.message_count) == (at(1), at(9), len(kept) + 1)
    assert summary.title == ("one" if kept else "new")


@pytest.mark.parametrize(("keep_only", "updated"), [(2, 2), (1, 1), (0, 1)])
async def test_a_chat_can_be_cut_off_without_anything_new(store: ChatStore, keep_only: int, updated: int) -> None:
    await store.extend(ANN, "a", [asked("one", 1), answered("two", 2), asked("three", 3)], system=SYSTEM)
    await store.extend(ANN, "a", [], system=SYSTEM, keep=keep_only)
    chat = await store.load(ANN, "a")
    assert texts(chat) == ["one", "two", "three"][:keep_only]
    [summary] = await store.summaries(ANN)
    assert (summary.message_count, summary.last_updated) == (keep_only, at(updated))
    assert summary.title == ("one" if keep_only else "")


async def test_a_chat_without_a_message_does_not_begin(store: ChatStore) -> None:
    await store.extend(ANN, "a", [], system=SYSTEM, keep=0)
    assert await store.load(ANN, "a") is None
    assert list(await store.summaries(ANN)) == []


async def test_what_is_deleted_is_gone_and_may_begin_again(store: ChatStore) -> None:
    await keep(store, make_chat(ANN, "a", asked("one", 1)), make_chat(ANN, "b", asked("two", 2)))
    assert await store.delete(ANN, "a") is True
    assert await store.load(ANN, "a") is None
    assert await ids(store, ANN) == ["b"]
    assert await store.delete(ANN, "a") is False
    again = make_chat(ANN, "a", asked("new", 5), system="other")
    await keep(store, again)
    assert await store.load(ANN, "a") == again


async def test_what_is_restored_is_exactly_the_chat_that_is_given(store: ChatStore) -> None:
    given = replace(make_chat(ANN, "a", *told("x", "y")), created_at=at(-100), last_updated=at(100))
    await keep(store, make_chat(ANN, "a", *told("old", "and", "long", "chat"), system="old"))
    await store.restore(given)
    assert await store.load(ANN, "a") == given
    empty = replace(given, id="empty", messages=())
    await store.restore(empty)
    assert await everything(store) == [given, empty]


async def test_times_are_kept_to_the_microsecond_and_come_back_in_utc(store: ChatStore) -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    said = ChatMessage("user", "hello", datetime(2026, 3, 1, 0, 0, 0, 1, east))
    await store.extend(ANN, "a", [said], system=SYSTEM)
    chat = await store.load(ANN, "a")
    assert chat is not None
    assert chat.messages[0].timestamp == chat.created_at == said.timestamp
    [summary] = await store.summaries(ANN)
    assert summary.created_at == datetime(2026, 2, 28, 18, 15, 0, 1, UTC)


# Lists


async def test_chats_are_listed_last_updated_first(store: ChatStore) -> None:
    for minute, name in enumerate(["a", "b", "c"]):
        await store.extend(ANN, name, [asked(name, minute)], system=SYSTEM)
    assert await ids(store, ANN) == ["c", "b", "a"]
    await store.extend(ANN, "a", [answered("again", 10)], system=SYSTEM)
    assert await ids(store, ANN) == ["a", "c", "b"]
    for name in ("z", "Y"):
        await store.extend(ANN, name, [asked(name, 10)], system=SYSTEM)
    assert await ids(store, ANN) == ["Y", "a", "z", "c", "b"]


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("What is\n\tPython?\n", "What is Python?"),
        ("  " * 100 + "late", "late"),
        ("", ""),
        ("x" * 500, "x" * 80),
        ("ü" * 79 + " word", "ü" * 79),
        ("half \ud83d pair", "half \ud83d pair"),
    ],
)
async def test_a_chat_is_titled_by_the_beginning_of_its_first_message(
    store: ChatStore, content: str, title: str
) -> None:
    await store.extend(ANN, "a", [asked(content), answered("answer")], system=SYSTEM)
    assert [summary.title for summary in await store.summaries(ANN)] == [title]


async def test_everything_comes_by_owner_and_id(store: ChatStore) -> None:
    places = [(BOB, "b"), (ANN, "b"), (BOB, "B"), (ANN, "a"), ("Ann", "z"), (ANN, "a_"), (ANN, "a-"), ("é", "a")]
    chats = [make_chat(owner, name, *told("one", "two")) for owner, name in places]
    await keep(store, *chats)
    assert await everything(store) == sorted(chats, key=lambda chat: (chat.owner, chat.id))


async def test_a_chat_that_is_deleted_while_everything_is_read_is_left_out(store: ChatStore) -> None:
    await keep(store, *(make_chat(ANN, name, asked(name)) for name in "abc"))
    found = []
    async for chat in store.everything():
        found.append(chat.id)
        await store.delete(ANN, "b")
    assert found == ["a", "c"]


# Owners


async def test_an_owner_sees_and_changes_nothing_of_anothers(store: ChatStore) -> None:
    hers, his = make_chat(ANN, "same", asked("hers")), make_chat(BOB, "same", asked("his"), system="Be long.")
    await keep(store, hers, his)
    assert [await store.load(owner, "same") for owner in (ANN, BOB)] == [hers, his]
    assert await ids(store, BOB, "hers") == []
    assert await store.delete(BOB, "same") is True
    assert await store.load(ANN, "same") == hers
    assert await ids(store, BOB) == []


STRANGE = [
    *(
        "ann",
        "Ann",
        "ANN",
        "",
        ".",
        "..",
        "../ann",
        "/",
        "/etc/passwd",
        "ann/",
        "a\0b",
        "a\nb",
        "CON",
        "index",
        "ı",
        "İ",
    ),
    *("ann.", "ann ", " ann", "%2e%2e", "e\u0301", "\u00e9", "\ud800", "\udfff", "x" * 256, "X" * 256, "💬" * 256),
]


async def test_names_of_any_kind_stay_apart(store: ChatStore) -> None:
    chats = [make_chat(name, "same", asked(f"{number}")) for number, name in enumerate(STRANGE)]
    chats += [make_chat("same", name, asked(f"{number}")) for number, name in enumerate(STRANGE)]
    await keep(store, *chats)
    for chat in chats:
        assert await store.load(chat.owner, chat.id) == chat
    assert sorted(await ids(store, "same")) == sorted(STRANGE)
    for name in STRANGE:
        assert await ids(store, name) == ["same"]
        assert await store.delete(name, "same")
        assert await store.delete("same", name)
    assert await everything(store) == []


# Search


@pytest.mark.parametrize(
    ("content", "sought"),
    [
        ("What is Python?", "python"),
        ("what is python?", "IS PYTHON"),
        ("GRÜSSE aus Köln", "grüsse"),
        ("Straße", "STRASSE"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
        ("100% sure", "0% s"),
        ("snake_case", "e_c"),
        (r"C:\new", "c:\\N"),
        ('it\'s "quoted"; --', "'S \"Q"),
        ("a/b/c", "/B/"),
        ("two\nlines", "o\nl"),
        ("nul \0 byte", "\0 B"),
        ("half \ud83d pair", "\ud83d P"),
        ("mark \ufdd0 here", "\ufdd0"),
        ("会話の検索", "の検"),
        ("emoji 💬 here", "💬"),
    ],
)
async def test_what_was_said_is_found_whatever_its_case(store: ChatStore, content: str, sought: str) -> None:
    await keep(
        store,
        make_chat(ANN, "question", asked(content, 2)),
        make_chat(ANN, "answer", asked("?", 1), answered(f"so: {content} and so on", 1)),
        make_chat(ANN, "other", asked("nothing of it", 3)),
        make_chat(BOB, "not-hers", asked(content, 4)),
    )
    assert await ids(store, ANN, sought) == ["question", "answer"]


@pytest.mark.parametrize(
    "sought", ["x_z", "x%z", "%", "_", "*", "?", "[a-z]", "\\", "xyzz", "\0", "\ud800", "sonnet", "thought", "brief"]
)
async def test_nothing_else_is_found(store: ChatStore, sought: str) -> None:
    await keep(store, make_chat(ANN, "a", asked("xyz \udc00", 1, "sonnet"), answered("xyz", 2, thinking="thought")))
    assert await ids(store, ANN, sought) == []


async def test_a_message_that_was_cut_off_is_found_no_more(store: ChatStore) -> None:
    await store.extend(ANN, "a", told("keep", "drop"), system=SYSTEM)
    await store.extend(ANN, "a", [answered("new", 9)], system=SYSTEM, keep=1)
    assert [await ids(store, ANN, sought) for sought in ("keep", "drop", "new")] == [["a"], [], ["a"]]


# Any text, any size


ALL_SORTS = "".join(map(chr, [*range(0x3000), *range(0xD700, 0xDBFF), *range(0xE000, 0xE100), *range(0xFD00, 0x10400)]))


@pytest.mark.parametrize(
    "text",
    [
        ALL_SORTS,
        "".join(map(chr, range(0x10F000, 0x110000))),
        "\udc00\ud800",
        "\ufdd0",
        "\ufdd0\U0010f7ff \ufdd0\U0010f800 \ufdd0x",
        "\r\n\u2028\u2029\x85\x1a\x1b[31m",
        "e\u0301 and \u00e9",
        "",
    ],
)
async def test_every_character_comes_back(store: ChatStore, text: str) -> None:
    said = (asked(text, 1, text), answered(text, 2, thinking=text, model=text))
    chat = make_chat(ANN, "a", *said, system=text)
    await keep(store, chat)
    assert await store.load(ANN, "a") == chat
    assert await everything(store) == [chat]


async def test_two_halves_side_by_side_come_back_as_the_character_that_they_are(store: ChatStore) -> None:
    await store.extend(ANN, "a", [asked("\ud83d" + "\udcac")], system=SYSTEM)
    assert texts(await store.load(ANN, "a")) == ["💬"]


async def test_images_of_megabytes_come_back(store: ChatStore) -> None:
    chat = make_chat(ANN, "a", asked("look", 1, MEGABYTES, MEGABYTES[::-1]), answered("seen", 2))
    await keep(store, chat)
    assert await store.load(ANN, "a") == chat
    assert await ids(store, ANN, "look") == ["a"]


async def test_what_is_too_large_is_refused_and_changes_nothing(
    store: ChatStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = make_chat(ANN, "a", *told("one", "two"))
    await keep(store, chat)
    monkeypatch.setattr(rules, "MOST_CHARACTERS", 100)
    monkeypatch.setattr(rules, "MOST_MESSAGES", 4)
    with pytest.raises(InvalidRequest, match=r"too large: 1[0-9][0-9] characters, at most 100"):
        await store.extend(ANN, "a", [asked("x", 5, "y" * 90)], system=SYSTEM)
    with pytest.raises(InvalidRequest, match="too long: 5 messages, at most 4"):
        await store.extend(ANN, "a", [asked("x")] * 3, system=SYSTEM)
    with pytest.raises(InvalidRequest, match="too large"):
        await store.extend(ANN, "b", [asked("x")], system="s" * 100)
    with pytest.raises(InvalidRequest, match="too long"):
        await store.restore(make_chat(ANN, "a", *[asked("x")] * 5))
    assert await everything(store) == [chat]
    await store.extend(ANN, "a", [asked("y" * 80)], system=SYSTEM, keep=1)


async def test_names_and_searches_that_are_too_long_are_refused(store: ChatStore) -> None:
    for owner, chat_id in ((ANN, "x" * 257), ("x" * 257, "a")):
        assert await store.load(owner, chat_id) is None
        assert await store.delete(owner, chat_id) is False
        with pytest.raises(InvalidRequest, match="at most 256 characters"):
            await store.extend(owner, chat_id, [asked("x")], system=SYSTEM)
        with pytest.raises(InvalidRequest, match="at most 256 characters"):
            await store.restore(make_chat(owner, chat_id, asked("x")))
    with pytest.raises(InvalidRequest, match="at most 1000 characters"):
        await store.summaries(ANN, "x" * 1001)
    assert list(await store.summaries(ANN, "%" * 1000)) == []


async def test_an_owner_with_too_many_chats_gets_no_more(store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_CHATS", 2)
    await keep(store, *(make_chat(ANN, name, asked(name)) for name in "ab"))
    with pytest.raises(InvalidRequest, match="2 chats are kept already, at most 2: delete some"):
        await store.extend(ANN, "c", [asked("c")], system=SYSTEM)
    await store.extend(ANN, "a", [answered("more")], system=SYSTEM)
    await store.extend(BOB, "c", [asked("c")], system=SYSTEM)
    await store.restore(make_chat(ANN, "a", asked("anew")))
    assert [(chat.owner, chat.id) for chat in await everything(store)] == [(ANN, "a"), (ANN, "b"), (BOB, "c")]


# Several at once


async def test_tasks_that_write_at_once_lose_nothing(store: ChatStore) -> None:
    async def write(owner: str, name: str) -> None:
        for number in range(5):
            await store.extend(owner, name, [asked(f"{number}", number)], system=SYSTEM)
            await store.extend(owner, "shared", [asked(f"{name} {number}", number)], system=SYSTEM)

    async with anyio.create_task_group() as tasks:
        for owner in (ANN, BOB):
            for name in "abc":
                tasks.start_soon(write, owner, name)
    for owner in (ANN, BOB):
        for name in "abc":
            assert texts(await store.load(owner, name)) == list("01234")
        assert sorted(texts(await store.load(owner, "shared"))) == sorted(f"{n} {i}" for n in "abc" for i in range(5))


async def test_who_reads_while_others_write_sees_whole_changes(store: ChatStore) -> None:
    pair = [asked("question", 1), answered("answer", 1)]
    await store.extend(ANN, "a", pair, system=SYSTEM)
    written = anyio.Event()

    async def write() -> None:
        for _ in range(20):
            await store.extend(ANN, "a", pair, system=SYSTEM)
        written.set()

    async def read() -> None:
        while not written.is_set():
            chat = await store.load(ANN, "a")
            assert texts(chat) == ["question", "answer"] * (len(texts(chat)) // 2)
            [summary] = await store.summaries(ANN, "answer")
            assert summary.message_count % 2 == 0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        for _ in range(3):
            tasks.start_soon(read)
    assert len(texts(await store.load(ANN, "a"))) == 42


async def test_what_is_cancelled_is_done_or_not_begun(store: ChatStore) -> None:
    for number in range(10):
        with anyio.move_on_after(0.001 * number):
            await store.extend(ANN, "a", [asked("question", 1), answered("answer", 2)], system=SYSTEM)
    chat = await store.load(ANN, "a")
    if chat is not None:
        assert texts(chat) == ["question", "answer"] * (len(chat.messages) // 2)
        assert chat.created_at == BEGUN + timedelta(minutes=1)
