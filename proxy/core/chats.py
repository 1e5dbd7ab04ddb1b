"""Kept conversations: what a chat is, and what keeps it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a kept chat. `images` are in standard base64; `thinking` is what the client saw of the model's
    thoughts, `model` the one that answered, both empty in a user's message. `timestamp` is in UTC."""

    role: Literal["user", "assistant"]
    content: str
    timestamp: datetime
    images: tuple[str, ...] = ()
    thinking: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """A chat without its messages; `title` is the beginning of its first one. Times are in UTC."""

    id: str
    created_at: datetime
    last_updated: datetime
    message_count: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """A whole kept chat of `owner`, a caller's name. `system` is its system prompt, which is not among `messages`."""

    owner: str
    id: str
    created_at: datetime
    last_updated: datetime
    system: str
    messages: tuple[ChatMessage, ...]


class ChatStore(Protocol):
    """Keeps chats. An id is its owner's: two owners may have a chat of the same id, and neither sees the other's.

    Every change is whole or not at all, and outlives the process once the call has returned. Raises `ServerError` for a
    store that cannot be read or written.
    """

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        """An owner's chats, last updated first; only those with `containing`, whatever its case, in a message."""
        ...

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        """A chat, None for an unknown one."""
        ...

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        """Append `messages`. With `keep` only so many of those before stay. A new chat gets `system`; an old one
        keeps its own. Its times are those of the messages."""
        ...

    async def delete(self, owner: str, chat_id: str) -> bool:
        """Forget a chat; False for an unknown one."""
        ...

    async def restore(self, chat: Chat) -> None:
        """Keep exactly this chat, in place of one of the same owner and id."""
        ...

    def everything(self) -> AsyncIterator[Chat]:
        """Every chat of every owner, ordered by owner and id."""
        ...
