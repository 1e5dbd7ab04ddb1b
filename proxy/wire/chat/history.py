"""Kept chats, as they are told to clients, and as a model is told them."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.core.chats import Chat, ChatMessage, ChatSummary
from proxy.core.request import Message, Text
from proxy.wire.chat.requests import user_message
from proxy.wire.images import check_count
from proxy.wire.jsontext import dump
from proxy.wire.stamps import stamp

DELETED = dump({"message": "Chat ID deleted successfully", "success": True})
"""The answer of /chat/delete/{id}."""


def conversation(system: str, earlier: Sequence[ChatMessage], asked: Message) -> tuple[Message, ...]:
    """What a model is told: the system prompt, if there is one, the messages of a chat, and the one that is asked.

    Raises `InvalidRequest` for images that no model takes, or too many.
    """
    first = (Message("system", (Text(system),)),) if system else ()
    messages = (*first, *map(_message, earlier), asked)
    check_count(messages)
    return messages


def chats(summaries: Iterable[ChatSummary]) -> bytes:
    """The answer of /chat/history, in the order given."""
    told = {
        chat.id: {
            "created_at": stamp(chat.created_at),
            "last_updated": stamp(chat.last_updated),
            "message_count": chat.message_count,
            "title": chat.title,
        }
        for chat in summaries
    }
    return dump({"chats": told, "success": True})


def history(chat: Chat) -> bytes:
    """The answer of /chat/history/{id}."""
    told = {
        "created_at": stamp(chat.created_at),
        "last_updated": stamp(chat.last_updated),
        "messages": [{"role": "system", "content": chat.system}, *map(_told, chat.messages)],
    }
    return dump({"chat_id": chat.id, "history": told, "success": True})


def _message(kept: ChatMessage) -> Message:
    if kept.role == "user":
        return user_message(kept.content, kept.images)
    return Message("assistant", (Text(kept.content),) if kept.content else ())


def _told(message: ChatMessage) -> dict[str, Any]:
    extras = {"images": list(message.images), "thinking": message.thinking, "model": message.model}
    return {
        "role": message.role,
        "content": message.content,
        "timestamp": stamp(message.timestamp),
        **{name: value for name, value in extras.items() if value},
    }
