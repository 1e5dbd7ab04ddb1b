"""Bodies of /chat, /chat/simple, /chat/stream and /chat/render, as values.

A body with `message` is a message to a chat; one with `prompt` or `messages` is a whole conversation, of which nothing
is kept. Where it names no model, the parsers take the `default` one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Message, Text
from proxy.wire.fields import Fields, Struct, boolean, integer, read_body, shaped, string
from proxy.wire.images import attachment, check_count
from proxy.wire.ollama.messages import IMAGES
from proxy.wire.ollama.requests import think_wish
from proxy.wire.openai.messages import MESSAGES
from proxy.wire.openai.messages import conversation as openai_conversation
from proxy.wire.requests import Exists, any_model, checked_model

SPELLINGS: Mapping[str, str] = {"think": "think"}
"""What this dialect calls the fields of the core's `ChatRequest` and `Options`."""

CHAT_ID = "^[A-Za-z0-9_-]{1,64}$"
"""What the id of a chat has to match."""

_CHAT_ID = re.compile(CHAT_ID.strip("^$"), re.ASCII)

MOST_RENDERED = 100_000
"""Characters of a text: longer than most answers ever are, and rendered in a second or two at worst."""

_MESSAGE = {"message": string, "model": string, "images": IMAGES, "think": think_wish}
_KEPT = {
    **_MESSAGE,
    "chat_id": shaped({"type": "string", "pattern": CHAT_ID}, string),
    "keep": shaped({"type": "integer", "minimum": 0}, integer),
}
CHAT = Struct("chat.Request", {**_KEPT, "stream": boolean, "prompt": string, "messages": MESSAGES})
STREAM = Struct("chat.StreamRequest", _KEPT, needed=("message",))
SIMPLE = Struct("chat.SimpleRequest", _MESSAGE, needed=("message",))
RENDER = Struct("chat.RenderRequest", {"text": string}, needed=("text",))


@dataclass(frozen=True, slots=True)
class PromptChat:
    """A flat prompt, or a conversation, whose answer is streamed."""

    request: ChatRequest
    stream: bool = True
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageChat:
    """A message to a chat, None for a new one; `request` has the message alone, `text` and `images` are what it says.

    `keep` is how many messages of the chat stay before this one, None for all.
    """

    request: ChatRequest
    stream: bool
    text: str
    images: tuple[str, ...] = ()
    chat_id: str | None = None
    keep: int | None = None
    unsupported: tuple[str, ...] = ()


def parse_chat(body: bytes, exists: Exists = any_model, *, default: str) -> PromptChat | MessageChat:
    """Read a body of /chat. Raises `ServerError`."""
    fields = read_body(body, CHAT)
    flat = [name for name in ("prompt", "messages") if name in fields]
    if "message" in fields or not flat:
        if flat:
            raise InvalidRequest(f"message and {flat[0]} are two kinds of request: send one of them")
        return _message_chat(fields, exists, default)
    if len(flat) > 1:
        raise InvalidRequest("prompt and messages are two kinds of request: send one of them")
    messages = _conversation(fields)
    model = _model(fields, exists, default)
    return PromptChat(ChatRequest(model, messages, think_hidden=True))


def parse_message(body: bytes, exists: Exists = any_model, *, default: str, struct: Struct) -> MessageChat:
    """Read a body that `struct` reads, of /chat/simple or /chat/stream. Raises `ServerError`."""
    return _message_chat(read_body(body, struct), exists, default)


def parse_render(body: bytes, _exists: object = None) -> str:
    """Read a body of /chat/render. Raises `InvalidRequest`."""
    text: str = read_body(body, RENDER).get("text", "")
    if not text:
        raise InvalidRequest("text must not be empty")
    if len(text) > MOST_RENDERED:
        raise InvalidRequest(f"text must not have more than {MOST_RENDERED} characters")
    return text


def check_chat_id(chat_id: str) -> str:
    """The id of a chat. Raises `InvalidRequest` for what is none."""
    if not _CHAT_ID.fullmatch(chat_id):
        raise InvalidRequest(f"chat_id must match {CHAT_ID}")
    return chat_id


def _conversation(fields: Fields) -> tuple[Message, ...]:
    if "messages" in fields:
        if not fields["messages"]:
            raise InvalidRequest("messages must not be empty")
        return openai_conversation(fields["messages"])
    if not fields["prompt"].strip():
        raise InvalidRequest("prompt must not be empty")
    return (Message("user", (Text(fields["prompt"]),)),)


def _message_chat(fields: Fields, exists: Exists, default: str) -> MessageChat:
    text: str = fields.get("message", "")
    if not text.strip():
        raise InvalidRequest("message must not be empty" if "message" in fields else "message is required")
    chat_id: str | None = fields.get("chat_id")
    if chat_id is not None:
        check_chat_id(chat_id)
    keep: int | None = fields.get("keep")
    if keep is not None and keep < 0:
        raise InvalidRequest("keep must not be negative")
    model = _model(fields, exists, default)
    images: tuple[str, ...] = tuple(fields.get("images", ()))
    request = ChatRequest(model, (user_message(text, images),), think=fields.get("think"))
    check_count(request.messages)
    return MessageChat(request, fields.get("stream", False), text, images, chat_id, keep)


def user_message(text: str, images: tuple[str, ...]) -> Message:
    """What a user wrote, `images` in base64. Pictures and PDFs stand before the text. Raises `InvalidRequest`."""
    return Message("user", (*map(attachment, images), Text(text)))


def _model(fields: Fields, exists: Exists, default: str) -> str:
    named = {"model": fields.get("model") or default}
    model, _known = checked_model(named, InvalidRequest("model is required"), exists)
    return model
