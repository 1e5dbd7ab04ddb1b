"""A model's window: how long a conversation is, about, and which of its turns are left out when it is too long.

Nothing here counts real tokens. Text is taken for 4 bytes of UTF-8 a token, which is near the truth for English. Code
and other scripts have more tokens than that: such a conversation may pass here and be refused by the API.
"""

from collections.abc import Iterable

from proxy.core.request import Document, Image, Message, Part, Text

_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1600  # the API's most, after it has made a large image smaller
_PDF_BYTES_PER_TOKEN = 50
_MESSAGE_TOKENS = 4  # role and frame


def estimate(item: Message | Part) -> int:
    """About how many tokens a message or a part of one takes."""
    match item:
        case Message():
            return _MESSAGE_TOKENS + sum(map(estimate, item.parts))
        case Text(text):
            # Python knows of a text whether it is ASCII, and need not look through it.
            size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
            return -(-size // _BYTES_PER_TOKEN)
        case Image():
            return _IMAGE_TOKENS
        case Document():
            return -(-(len(item.data) * 3 // 4) // _PDF_BYTES_PER_TOKEN)


def total(messages: Iterable[Message]) -> int:
    """About how many tokens the messages take together."""
    return sum(map(estimate, messages))


def fits(messages: Iterable[Message], room: int) -> bool:
    """Whether the messages take at most `room` tokens, by `estimate`."""
    messages = tuple(messages)
    return sum(map(_at_most, messages)) <= room or total(messages) <= room


def within(messages: tuple[Message, ...], room: int) -> tuple[tuple[Message, ...], int]:
    """The messages without the oldest turns, so that they take at most `room` tokens; and how many were left out.

    System messages stay. So does the last turn, with the question that it answers if it is the assistant's: what stays
    may still be too long. Of the turns that stay the first is a user's.
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
        if messages[index].role == "user":
            first = index
    if first is None:
        first = turns[-1] if turns else 0
    kept = tuple(message for index, message in enumerate(messages) if message.role == "system" or index >= first)
    return kept, len(messages) - len(kept)


def _at_most(message: Message) -> int:
    """A bound on `estimate` that needs no encoding: no character has more than 4 bytes."""
    return _MESSAGE_TOKENS + sum(len(part.text) if isinstance(part, Text) else estimate(part) for part in message.parts)
