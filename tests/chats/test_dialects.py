"""What a chat is over dialects that send the whole conversation each time."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from structlog.typing import EventDict

from proxy.chats.dialects import DialectChats
from proxy.chats.keeper import Keeper
from proxy.chats.prompt import SystemPrompt
from proxy.core.errors import ServerError
from proxy.core.events import Finished
from proxy.core.reply import Reply
from proxy.core.request import Caller, ChatRequest, Image, Message, Role, Text, ToolCall, ToolResult
from tests.support.chat_memory import MemoryChats
from tests.support.log import captured_log
from tests.support.running import WAIT

ROLES: Mapping[str, Role] = {"s": "system", "u": "user", "a": "assistant"}


@pytest.fixture
def store() -> MemoryChats:
    return MemoryChats()


@pytest.fixture
def chats(store: MemoryChats, tmp_path: Path) -> DialectChats:
    return DialectChats(Keeper(store, SystemPrompt(tmp_path / "unused.txt"), WAIT))


def asked(*said: str, caller: str = "ann") -> ChatRequest:
    """A request of messages such as ``u: hello``."""
    messages = tuple(Message(ROLES[each[0]], (Text(each[3:]),)) for each in said)
    return ChatRequest("sonnet", messages, Caller(caller))


def reply(text: str, *calls: ToolCall) -> Reply:
    return Reply("claude", text, "", Finished("stop"), calls)


def kept(store: MemoryChats) -> list[list[str]]:
    return [[message.content for message in chat.messages] for chat in store.chats.values()]


async def test_a_conversation_goes_on_in_its_chat(chats: DialectChats, store: MemoryChats) -> None:
    await chats.keep(asked("s: Be brief.", "u: hi"), reply("Hello!"))
    [first] = store.chats.values()
    await chats.keep(asked("s: Be brief.", "u: hi", "a: Hello!", "u: more"), reply("Well."))
    [chat] = store.chats.values()
    assert kept(store) == [["hi", "Hello!", "more", "Well."]]
    assert (chat.system, chat.owner, chat.id[:5]) == ("Be brief.", "ann", "auto-")
    assert chat.messages[:2] == first.messages
    assert [message.model for message in chat.messages] == ["", "sonnet", "", "sonnet"]


async def test_an_edit_takes_the_place_of_what_it_changes(chats: DialectChats, store: MemoryChats) -> None:
    await chats.keep(asked("u: hi", "a: Hello!", "u: one", "a: 1", "u: two"), reply("2"))
    await chats.keep(asked("u: hi", "a: Hello!", "u: other"), reply("3"))
    assert kept(store) == [["hi", "Hello!", "other", "3"]]


async def test_the_same_once_more_changes_nothing(chats: DialectChats, store: MemoryChats) -> None:
    for _ in range(2):
        await chats.keep(asked("u: hi"), reply("Hello!"))
    assert kept(store) == [["hi", "Hello!"]]


@pytest.mark.parametrize(
    "other",
    [
        (asked("s: Be brief.", "u: hi"), "Hello!"),
        (asked("u: hello"), "Hello!"),
        (asked("u: hi"), "Hi!"),
        (asked("u: hi", caller="bob"), "Hello!"),
    ],
    ids=["system prompt", "question", "answer", "caller"],
)
async def test_what_begins_otherwise_is_another_chat(
    chats: DialectChats, store: MemoryChats, other: tuple[ChatRequest, str]
) -> None:
    await chats.keep(asked("u: hi"), reply("Hello!"))
    await chats.keep(other[0], reply(other[1]))
    assert len(store.chats) == 2


@pytest.mark.parametrize(
    ("request_made", "answer"),
    [
        (asked(), reply("Hello!")),
        (asked("u: hi", "u: there"), reply("Hello!")),
        (asked("a: Hello!"), reply("x")),
        (asked("u: hi", "a: I am"), reply(" Claude.")),
        (asked("u: hi"), reply("", ToolCall("1", "find"))),
        (ChatRequest("sonnet", (Message("user", (ToolResult("1", (Text("y"),)),)),)), reply("Hello!")),
    ],
)
async def test_what_is_no_plain_conversation_is_not_kept(
    chats: DialectChats, store: MemoryChats, request_made: ChatRequest, answer: Reply
) -> None:
    await chats.keep(request_made, answer)
    assert store.chats == {}


async def test_pictures_are_kept_too(chats: DialectChats, store: MemoryChats) -> None:
    request = ChatRequest("sonnet", (Message("user", (Image("image/png", "AAAA"), Text("what?"))),), Caller("ann"))
    await chats.keep(request, reply("A picture."))
    [chat] = store.chats.values()
    assert chat.messages[0].images == ("AAAA",)


@pytest.fixture
def warnings() -> Iterator[list[EventDict]]:
    """The lines that are logged."""
    with captured_log(logging.WARNING) as lines:
        yield lines


async def test_an_answer_that_cannot_be_kept_is_logged_and_no_error(
    chats: DialectChats, store: MemoryChats, warnings: list[EventDict]
) -> None:
    store.fault = ServerError("the disk is full")
    await chats.keep(asked("u: hi"), reply("Hello!"))
    assert [(line["event"], line["error"]) for line in warnings] == [("chat_not_kept", "the disk is full")]
