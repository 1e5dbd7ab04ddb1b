"""Conversations of dialects that send the whole of them each time, kept as chats where the operator wants that.

Such a conversation has no id of its own. Its chat has one made of what does not change while it goes on: the system
prompt, the first question and the first answer. So whoever goes on with it, edits it after that, or asks again for
another answer than the first, finds the same chat, which then is what the last request has said.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import takewhile

import anyio
import structlog

from proxy.chats.keeper import Keeper
from proxy.core.chats import ChatMessage
from proxy.core.errors import ServerError
from proxy.core.reply import Reply
from proxy.core.request import ChatRequest, Document, Image, Message, ToolCall, ToolResult

_PATIENCE = 5.0
# Seconds that the end of an answer may be held up for the sake of its being kept.

_DIGITS = 32

log = structlog.get_logger()


class DialectChats:
    """Keeps, by a `keeper`, what is asked and answered over other dialects."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def keep(self, request: ChatRequest, reply: Reply) -> None:
        """Keep a whole answer, and what was said before it. One that cannot be kept is logged, and nobody's error."""
        said = _spoken(request, reply, datetime.now(UTC))
        if said is None:
            return
        system = "\n\n".join(message.text for message in request.messages if message.role == "system")
        problem = f"not kept within {_PATIENCE:g} s"
        with anyio.move_on_after(_PATIENCE):
            try:
                await self._keep(request.caller.name, system, said)
            except ServerError as error:
                problem = error.message
            else:
                return
        log.warning("chat_not_kept", error=problem)

    async def _keep(self, owner: str, system: str, said: list[ChatMessage]) -> None:
        async with self._keeper.opened(owner, _id(system, *said[:2]), system=system) as chat:
            pairs = zip(chat.messages, said, strict=False)
            known = sum(1 for _ in takewhile(lambda pair: _same(*pair), pairs))
            if said[known:]:
                await self._keeper.keep(replace(chat, messages=chat.messages[:known]), *said[known:])


def _spoken(request: ChatRequest, reply: Reply, now: datetime) -> list[ChatMessage] | None:
    """What has been said, the answer last; None where tools are called, or roles do not alternate: that is no chat."""
    asked = [message for message in request.messages if message.role != "system"]
    roles = [message.role for message in asked]
    alternate = len(asked) % 2 == 1 and roles == (["user", "assistant"] * len(asked))[: len(asked)]
    if not alternate or reply.calls or any(map(_uses_tools, asked)):
        return None
    answer = ChatMessage("assistant", reply.text, now, thinking=reply.thinking, model=request.model)
    return [*_kept(asked, now), answer]


def _kept(asked: list[Message], now: datetime) -> Iterator[ChatMessage]:
    for message in asked:
        images = tuple(part.data for part in message.parts if isinstance(part, Image | Document))
        yield ChatMessage("assistant" if message.role == "assistant" else "user", message.text, now, images)


def _uses_tools(message: Message) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for part in message.parts)


def _same(kept: ChatMessage, said: ChatMessage) -> bool:
    return (kept.role, kept.content, kept.images) == (said.role, said.content, said.images)


def _id(system: str, question: ChatMessage, answer: ChatMessage) -> str:
    digest = sha256()
    for text in (system, question.content, *question.images, answer.content):
        digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return f"auto-{digest.hexdigest()[:_DIGITS]}"
