"""MERGE: stands in for the store of the settings until `proxy.store` is there; then this module goes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from proxy.core.chats import Chat, ChatMessage, ChatSummary


class MemoryChats:
    """A `ChatStore` that forgets everything at the end."""

    def __init__(self) -> None:
        self.chats: dict[tuple[str, str], Chat] = {}
        self.fault: Exception | None = None

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        sought = containing.casefold()
        found = [
            ChatSummary(
                chat.id,
                chat.created_at,
                chat.last_updated,
                len(chat.messages),
                chat.messages[0].content[:80] if chat.messages else "",
            )
            for chat in self.chats.values()
            if chat.owner == owner and any(sought in message.content.casefold() for message in chat.messages)
        ]
        return sorted(found, key=lambda summary: summary.last_updated, reverse=True)

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        return self.chats.get((owner, chat_id))

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        if self.fault is not None:
            raise self.fault
        first, last = messages[0].timestamp, messages[-1].timestamp
        chat = self.chats.get((owner, chat_id)) or Chat(owner, chat_id, first, last, system, ())
        await self.restore(replace(chat, last_updated=last, messages=(*chat.messages[:keep], *messages)))

    async def delete(self, owner: str, chat_id: str) -> bool:
        return self.chats.pop((owner, chat_id), None) is not None

    async def restore(self, chat: Chat) -> None:
        self.chats[chat.owner, chat.id] = chat

    async def everything(self) -> AsyncIterator[Chat]:
        for place in sorted(self.chats):
            yield self.chats[place]
