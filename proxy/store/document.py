"""A chat as JSON: a file of the folder, and a line of an export."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from proxy.core.chats import Chat, ChatMessage
from proxy.store.rules import MOST_CHARACTERS, MOST_MESSAGES

FORMAT = 1
"""Of the documents. Another one is not understood here."""

MOST_BYTES = 6 * MOST_CHARACTERS + 1000 * MOST_MESSAGES
"""Of a document: every character as an escape, and what stands around a message."""


def encode(chat: Chat, *, indent: int | None = None) -> bytes:
    """The JSON of a chat, without a newline in it unless there is an `indent`."""
    value = {
        "format": FORMAT,
        "owner": chat.owner,
        "id": chat.id,
        "created_at": time_out(chat.created_at),
        "last_updated": time_out(chat.last_updated),
        "system": chat.system,
        "messages": list(map(_message, chat.messages)),
    }
    return json_of(value, indent)


def json_of(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    """JSON in UTF-8, as readable as its texts allow."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON has an escape for it, UTF-8 has nothing.
        return json.dumps(value, indent=indent).encode()


def decode(data: bytes) -> Chat:
    """The chat in such JSON. Raises ValueError for anything else."""
    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r} is not known: it may be that of a newer version")
        return Chat(
            text_in(value["owner"]),
            text_in(value["id"]),
            time_in(value["created_at"]),
            time_in(value["last_updated"]),
            text_in(value["system"]),
            tuple(map(_message_in, value["messages"])),
        )
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from None
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no chat: {error}") from None


def _message(message: ChatMessage) -> dict[str, Any]:
    value: dict[str, Any] = {
        "role": message.role,
        "content": message.content,
        "timestamp": time_out(message.timestamp),
        "images": list(message.images),
        "thinking": message.thinking,
        "model": message.model,
    }
    return {name: field for name, field in value.items() if field or name == "content"}


def _message_in(value: Mapping[str, Any]) -> ChatMessage:
    role = value["role"]
    if role not in ("user", "assistant"):
        raise ValueError(f"{str(role)[:20]!r} is no role")
    return ChatMessage(
        role,
        text_in(value["content"]),
        time_in(value["timestamp"]),
        tuple(map(text_in, value.get("images", ()))),
        text_in(value.get("thinking", "")),
        text_in(value.get("model", "")),
    )


def time_out(time: datetime) -> str:
    """A time as it stands in JSON."""
    return time.astimezone(UTC).isoformat()


def time_in(value: object) -> datetime:
    """A time that stands in JSON, in UTC. Raises ValueError and TypeError."""
    time = datetime.fromisoformat(text_in(value))
    if time.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value!r} is out of every calendar") from None


def text_in(value: object) -> str:
    """A text that stands in JSON. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:20]!r} is no text")
    return value
