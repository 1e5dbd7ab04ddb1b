"""A model's window: how long a conversation is, about, and which of its turns are left out when it is too long.

Nothing here counts real tokens. Text is taken for 4 bytes of UTF-8 a token, which is near the truth for English. Code
and other scripts have more tokens than that: such a conversation may pass here and be refused by the API.
"""

import json
from collections.abc import Iterable
from typing import Any

import orjson

from proxy.core.request import Document, Image, Message, Part, Text, Thought, Tool, ToolCall, ToolResult

_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1600  # the API's most, after it has made a large image smaller
_PDF_BYTES_PER_TOKEN = 50
_MESSAGE_TOKENS = 4  # role and frame
_BLOCK_TOKENS = 8  # of a tool, a call or a result: its frame, and the id that ties a result to its call


def estimate(item: Message | Part | Tool) -> int:
    """About how many tokens a message, a part of one, or a tool takes."""
    match item:
        case Message():
            return _MESSAGE_TOKENS + sum(map(estimate, item.parts))
        case Text(text):
            return _tokens(_text_bytes(text))
        case Image():
            return _IMAGE_TOKENS
        case Document():
            return -(-(len(item.data) * 3 // 4) // _PDF_BYTES_PER_TOKEN)
        case Thought(text):
            return _BLOCK_TOKENS + _tokens(_text_bytes(text))
        case ToolCall():
            return _BLOCK_TOKENS + _tokens(_text_bytes(item.name) + _json_bytes(item.arguments))
        case ToolResult():
            return _BLOCK_TOKENS + sum(map(estimate, item.parts))
        case Tool():
            words = _text_bytes(item.name) + _text_bytes(item.description)
            return _BLOCK_TOKENS + _tokens(words + _json_bytes(item.schema))


def total(items: Iterable[Message | Tool]) -> int:
    """About how many tokens messages, or tools, take together."""
    return sum(map(estimate, items))


def fits(messages: Iterable[Message], room: int) -> bool:
    """Whether the messages take at most `room` tokens, by `estimate`."""
    messages = tuple(messages)
    return sum(map(_at_most, messages)) <= room or total(messages) <= room


def within(messages: tuple[Message, ...], room: int) -> tuple[tuple[Message, ...], int]:
    """The messages without the oldest turns, so that they take at most `room` tokens; and how many were left out.

    System messages stay. So does the last turn, with the question that it answers if it is the assistant's: what stays
    may still be too long. Of the turns that stay the first is a user's, and no results: their calls would be missing.
    """
    if fits(messages, room):
        return messages, 0
    turns = [index for index, message in enumerate(messages) if message.role != "system"]
    room -= sum(estimate(message) for message in messages if message.role == "system")
    first = None
    for index in reversed(turns):
        room -= estimate(messages[index])
        if first is not None and room < 0:
            break
        if messages[index].role == "user" and not holds_results(messages[index]):
            first = index
    if first is None and turns:
        first = turns[0] if holds_results(messages[turns[-1]]) else turns[-1]
    first = first or 0
    kept = tuple(message for index, message in enumerate(messages) if message.role == "system" or index >= first)
    return kept, len(messages) - len(kept)


def holds_results(message: Message) -> bool:
    """Whether a message answers calls."""
    return any(isinstance(part, ToolResult) for part in message.parts)


def _at_most(message: Message) -> int:
    """A bound on `estimate` that needs no encoding: no character has more than 4 bytes."""
    return _MESSAGE_TOKENS + sum(
        len(part.text) if isinstance(part, Text) else _part_at_most(part) for part in message.parts
    )


def _part_at_most(part: Part) -> int:
    if not isinstance(part, ToolResult):
        return estimate(part)
    return _BLOCK_TOKENS + sum(len(item.text) if isinstance(item, Text) else estimate(item) for item in part.parts)


def _tokens(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)


def _text_bytes(text: str) -> int:
    # Python knows of a text whether it is ASCII, and need not look through it.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _json_bytes(value: Any) -> int:
    """The length of the compact JSON of `value`, not exactly."""
    try:
        return len(orjson.dumps(value))
    except TypeError:
        # An integer of more than 64 bits.
        return len(json.dumps(value, ensure_ascii=False))
