"""Chats that are kept as long as the store is: for tests of what uses a store."""

from collections.abc import AsyncIterator, Sequence

from anyio.lowlevel import checkpoint

from proxy.core.chats import Chat, ChatMessage, ChatSummary
from proxy.core.errors import ServerError
from proxy.store.document import decode, encode
from proxy.store.rules import check, check_count, check_search, extended, in_order, mentions, summary_of


class MemoryChats:
    """A `ChatStore` in memory. While there is a `fault`, every call raises it."""

    def __init__(self) -> None:
        self.chats: dict[tuple[str, str], Chat] = {}
        self.fault: ServerError | None = None

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        await self._answer()
        check_search(containing)
        own = (chat for chat in self.chats.values() if chat.owner == owner)
        return in_order(summary_of(chat) for chat in own if not containing or mentions(chat, containing))

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        await self._answer()
        return self.chats.get((owner, chat_id))

    async def extend(
        self, owner: str, chat_id: str, messages: Sequence[ChatMessage], *, system: str, keep: int | None = None
    ) -> None:
        await self._answer()
        chat = extended(self.chats.get((owner, chat_id)), owner, chat_id, messages, system=system, keep=keep)
        if chat is not None:
            self._keep(chat)

    async def delete(self, owner: str, chat_id: str) -> bool:
        await self._answer()
        return self.chats.pop((owner, chat_id), None) is not None

    async def restore(self, chat: Chat) -> None:
        await self._answer()
        check(chat)
        self._keep(chat)

    async def everything(self) -> AsyncIterator[Chat]:
        for place in sorted(self.chats):
            await self._answer()
            if place in self.chats:
                yield self.chats[place]

    def _keep(self, chat: Chat) -> None:
        place = (chat.owner, chat.id)
        if place not in self.chats:
            check_count(sum(owner == chat.owner for owner, _id in self.chats))
        # By way of JSON, as chats on a disk: what that would change is changed here, too.
        self.chats[place] = decode(encode(chat))

    async def _answer(self) -> None:
        await checkpoint()
        if self.fault is not None:
            raise self.fault
