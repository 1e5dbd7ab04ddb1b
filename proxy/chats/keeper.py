"""A chat takes one message after the other; a message and its whole answer are kept together, or neither is."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from proxy.chats.prompt import SystemPrompt
from proxy.core.chats import Chat, ChatMessage, ChatStore, ChatSummary
from proxy.core.errors import Busy, ServerError, TimedOut

MOST_WAITING = 16
"""Messages that may wait for their turn in one chat."""

_WRITE_PATIENCE = 30.0
# Seconds that the store gets for an answer that is complete.

_Place = tuple[str, str]


@dataclass(eq=False, slots=True)
class _Queue:
    """Who has a chat, and how many want it, whoever has it included."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class OpenChat:
    """A chat that is this message's turn: its `system` prompt, and the `messages` that stay before this one."""

    owner: str
    id: str
    system: str
    messages: tuple[ChatMessage, ...]


class Keeper:
    """The chats of a `store`. A message waits `patience` seconds, which may change, for those before it in its chat."""

    def __init__(self, store: ChatStore, system_prompt: SystemPrompt, patience: float) -> None:
        self._store = store
        self._system_prompt = system_prompt
        self.patience = patience
        self._queues: dict[_Place, _Queue] = {}

    @property
    def wanted(self) -> int:
        """How many messages have their turn in a chat now, or wait for it."""
        return sum(queue.wanted for queue in self._queues.values())

    async def summaries(self, owner: str, containing: str = "") -> Sequence[ChatSummary]:
        """As `ChatStore.summaries`."""
        return await self._store.summaries(owner, containing)

    async def load(self, owner: str, chat_id: str) -> Chat | None:
        """As `ChatStore.load`."""
        return await self._store.load(owner, chat_id)

    async def delete(self, owner: str, chat_id: str) -> bool:
        """As `ChatStore.delete`, when the messages before it have their answers."""
        async with self._in_turn(owner, chat_id):
            return await self._store.delete(owner, chat_id)

    @asynccontextmanager
    async def opened(
        self, owner: str, chat_id: str, keep: int | None = None, system: str | None = None
    ) -> AsyncIterator[OpenChat]:
        """A chat, kept or new, that takes no other message until this is left; with `keep` only so many messages of it
        stay. A new one starts with `system`, None for the operator's system prompt. Raises `ServerError`."""
        async with self._in_turn(owner, chat_id):
            chat = await self._store.load(owner, chat_id)
            if chat is None:
                system = await self._system_prompt.read() if system is None else system
                yield OpenChat(owner, chat_id, system, ())
            else:
                yield OpenChat(owner, chat_id, chat.system, chat.messages[:keep])

    async def keep(self, chat: OpenChat, *messages: ChatMessage) -> None:
        """Keep messages after those of `chat`, the last an answer that is complete: whoever is cancelled now comes too
        late. Raises `ServerError`."""
        try:
            with anyio.fail_after(_WRITE_PATIENCE, shield=True):
                await self._store.extend(chat.owner, chat.id, messages, system=chat.system, keep=len(chat.messages))
        except TimeoutError:
            raise ServerError(f"the answer could not be kept within {_WRITE_PATIENCE:g} s") from None

    @asynccontextmanager
    async def _in_turn(self, owner: str, chat_id: str) -> AsyncIterator[None]:
        queue = self._queues.setdefault((owner, chat_id), _Queue())
        if queue.wanted > MOST_WAITING:
            raise Busy(f"{MOST_WAITING} messages wait for their turn in this chat already")
        queue.wanted += 1
        try:
            try:
                with anyio.fail_after(self.patience):
                    await queue.lock.acquire()
            except TimeoutError:
                text = f"the messages before this one were not answered within {self.patience:g} s"
                raise TimedOut(text, fault="client") from None
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            queue.wanted -= 1
            if not queue.wanted:
                del self._queues[owner, chat_id]
