"""Chats for tests, and what a store holds of them."""

from datetime import UTC, datetime, timedelta

from proxy.core.chats import Chat, ChatMessage, ChatStore

BEGUN = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
ANN, BOB = "ann", "bob"
SYSTEM = "Be brief."


def at(minute: int) -> datetime:
    """So many minutes after `BEGUN`."""
    return BEGUN + timedelta(minutes=minute)


def asked(content: str, minute: int = 0, *images: str) -> ChatMessage:
    """What a user said."""
    return ChatMessage("user", content, at(minute), images)


def answered(content: str, minute: int = 0, *, thinking: str = "", model: str = "sonnet") -> ChatMessage:
    """What a model said."""
    return ChatMessage("assistant", content, at(minute), (), thinking, model)


def make_chat(owner: str, chat_id: str, *messages: ChatMessage, system: str = SYSTEM) -> Chat:
    """A chat as a store makes it of `messages`."""
    return Chat(owner, chat_id, messages[0].timestamp, messages[-1].timestamp, system, messages)


async def keep(store: ChatStore, *chats: Chat) -> None:
    """Keep `chats`, as they came to be."""
    for chat in chats:
        await store.extend(chat.owner, chat.id, chat.messages, system=chat.system)


async def everything(store: ChatStore) -> list[Chat]:
    """All that a store holds."""
    return [chat async for chat in store.everything()]


async def ids(store: ChatStore, owner: str, containing: str = "") -> list[str]:
    """The ids of an owner's chats, as they are listed."""
    return [summary.id for summary in await store.summaries(owner, containing)]


def texts(chat: Chat | None) -> list[str]:
    """What was said in a chat."""
    assert chat is not None
    return [message.content for message in chat.messages]


def told(*contents: str) -> list[ChatMessage]:
    """Messages of these contents, a minute apart, by turns."""
    return [asked(text, minute) if minute % 2 == 0 else answered(text, minute) for minute, text in enumerate(contents)]
