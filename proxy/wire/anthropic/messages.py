"""The messages of /v1/messages, behind the system prompt that has a field of its own."""

from proxy.core.request import Message, Text
from proxy.shape.rounds import paired
from proxy.wire.anthropic.blocks import CONTENT, parts_of, text_of, unsupported_in
from proxy.wire.fields import Fields, Struct, list_of, string
from proxy.wire.images import check_count
from proxy.wire.requests import ROLES

MESSAGES = list_of(
    Struct("anthropic.MessageParam", {"role": string, "content": CONTENT}), "[]anthropic.MessageParam", null=dict
)


def conversation(system: list[Fields], turns: list[Fields]) -> tuple[Message, ...]:
    """What `CONTENT` has read of a system prompt, and `MESSAGES` of what follows, calls and results `paired`.

    System messages that say nothing are left out. Raises `InvalidRequest`.
    """
    prompt = text_of(system)
    first = (Message("system", (Text(prompt),)),) if prompt else ()
    said = map(_message, turns)
    messages = (*first, *(message for message in said if message.parts or message.role != "system"))
    check_count(messages)
    return paired(messages)


def unsupported_content(turns: list[Fields]) -> tuple[str, ...]:
    """By name, the content that means nothing here and was left out."""
    return tuple(dict.fromkeys(name for turn in turns for name in unsupported_in(turn.get("content", ()))))


def _message(fields: Fields) -> Message:
    role = ROLES.get(fields.get("role", "").lower(), "user")
    return Message(role, parts_of(fields.get("content", ()), role))
