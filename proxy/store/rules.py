"""What every store does alike: how a chat grows, how much it may hold, how it is listed and found. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from proxy.core.chats import Chat, ChatMessage, ChatSummary
from proxy.core.errors import InvalidRequest

MOST_CHATS = 100_000
"""Of one owner."""

MOST_MESSAGES = 10_000
"""Of one chat."""

MOST_CHARACTERS = 128 << 20
"""Of one chat: its texts, and its images in base64."""

LONGEST_NAME = 256
"""Of an owner, and of an id, in characters."""

LONGEST_SEARCH = 1_000
"""Characters. SQLite takes no pattern beyond 50,000 bytes."""

_LONGEST_TITLE = 80


def extended(
    before: Chat | None,
    owner: str,
    chat_id: str,
    messages: Sequence[ChatMessage],
    *,
    system: str,
    keep: int | None = None,
) -> Chat | None:
    """A chat as `ChatStore.extend` leaves it, None for a new one without a message. Raises `InvalidRequest`."""
    if before is None:
        if not messages:
            return None
        first, last = messages[0], messages[-1]
        chat = Chat(owner, chat_id, first.timestamp, last.timestamp, system, tuple(messages))
    else:
        kept = before.messages if keep is None else before.messages[: max(0, keep)]
        together = (*kept, *messages)
        changed_at = together[-1].timestamp if together else before.created_at
        chat = replace(before, last_updated=changed_at, messages=together)
    check(chat)
    return chat


def check(chat: Chat) -> None:
    """Raise `InvalidRequest` for a chat that is too large to be kept."""
    check_names(chat.owner, chat.id)
    check_size(len(chat.messages), len(chat.system) + sum(map(weight, chat.messages)))


def check_names(owner: str, chat_id: str) -> None:
    """Raise `InvalidRequest` for names that are too long to be kept."""
    if max(len(owner), len(chat_id)) > LONGEST_NAME:
        raise InvalidRequest(f"the id or the owner of a chat is too long: at most {LONGEST_NAME} characters")


def check_size(messages: int, characters: int) -> None:
    """Raise `InvalidRequest` for a chat of so much."""
    if messages > MOST_MESSAGES:
        raise InvalidRequest(f"the chat is too long: {messages} messages, at most {MOST_MESSAGES}")
    if characters > MOST_CHARACTERS:
        raise InvalidRequest(f"the chat is too large: {characters} characters, at most {MOST_CHARACTERS}")


def check_count(chats: int) -> None:
    """Raise `InvalidRequest` where an owner who has so many wants one more."""
    if chats >= MOST_CHATS:
        raise InvalidRequest(f"{chats} chats are kept already, at most {MOST_CHATS}: delete some")


def check_search(containing: str) -> None:
    """Raise `InvalidRequest` for a text that is too long to be looked for."""
    if len(containing) > LONGEST_SEARCH:
        raise InvalidRequest(f"the text to look for is too long: at most {LONGEST_SEARCH} characters")


def weight(message: ChatMessage) -> int:
    """What a message counts towards `MOST_CHARACTERS`."""
    texts = (message.content, message.thinking, message.model, *message.images)
    return sum(map(len, texts))


def title_of(messages: Sequence[ChatMessage]) -> str:
    """The beginning of the first message, in one line."""
    # What is blank at the beginning of a long text may be long, too.
    return " ".join(messages[0].content[:1000].split())[:_LONGEST_TITLE].strip() if messages else ""


def summary_of(chat: Chat) -> ChatSummary:
    """A chat as it is listed."""
    return ChatSummary(chat.id, chat.created_at, chat.last_updated, len(chat.messages), title_of(chat.messages))


def in_order(summaries: Iterable[ChatSummary]) -> list[ChatSummary]:
    """As they are listed: last updated first, by id where that is the same."""
    by_id = sorted(summaries, key=lambda summary: summary.id)
    return sorted(by_id, key=lambda summary: summary.last_updated, reverse=True)


def folded(text: str) -> str:
    """The same for texts that differ only by case."""
    return text.casefold()


def mentions(chat: Chat, containing: str) -> bool:
    """Whether a message has `containing`, whatever its case."""
    sought = folded(containing)
    return any(sought in folded(message.content) for message in chat.messages)
