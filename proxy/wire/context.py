"""The `context` of /api/generate: the conversation so far, packed into integers that the client sends back.

Layout: a mark, the packed length in bytes, then three bytes an integer (clients keep these in 32 bits). Packed is the
zlib stream, which carries a checksum, of the JSON list of ``[role, text]``. Only text is kept.

A list that this module did not make is refused: to answer without the conversation that the client believes to be in
it would look like an answer and be none.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import NoReturn

from proxy.core.errors import InvalidRequest
from proxy.core.request import Message, Role, Text

# Of JSON, before packing. A packed megabyte is at most three megabytes of integers; `ollama` takes lines of eight.
LIMIT = 1_000_000

_MARK = 0x434F4E
_GROUP = 3
_LETTERS: dict[Role, str] = {"system": "s", "user": "u", "assistant": "a"}
_SYSTEM, _USER = _LETTERS["system"], _LETTERS["user"]
_ROLES: dict[str, Role] = {letter: role for role, letter in _LETTERS.items()}


def encode_context(messages: Iterable[Message]) -> list[int]:
    """The conversation as integers; when it is too long its oldest turns are left out, system messages kept."""
    turns = _bounded([(_LETTERS[message.role], _well_formed(message.text)) for message in messages if message.text])
    if not turns:
        return []
    packed = zlib.compress(_json(turns))
    groups = (packed[at : at + _GROUP].ljust(_GROUP, b"\0") for at in range(0, len(packed), _GROUP))
    return [_MARK, len(packed), *(int.from_bytes(group, "big") for group in groups)]


def decode_context(numbers: Sequence[int]) -> tuple[Message, ...]:
    """The conversation in a `context`; none in an empty one. Raises `InvalidRequest`."""
    if not numbers:
        return ()
    try:
        mark, length, *groups = numbers
        packed = b"".join(group.to_bytes(_GROUP, "big") for group in groups)
        if mark != _MARK or not 0 < length <= len(packed):
            _refuse()
        unpacking = zlib.decompressobj()
        payload = unpacking.decompress(packed[:length], LIMIT + 1)
        if len(payload) > LIMIT or not unpacking.eof:
            _refuse()
        return tuple(map(_turn, json.loads(payload)))
    except (ValueError, OverflowError, KeyError, TypeError, RecursionError, zlib.error):
        _refuse()


def _turn(value: object) -> Message:
    if type(value) is not list:
        raise TypeError
    letter, text = value
    if type(text) is not str:
        raise TypeError
    return Message(_ROLES[letter], (Text(text),))


def _refuse() -> NoReturn:
    raise InvalidRequest("the context was not made by this server: send back the one of the last answer, or none")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _bounded(turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the oldest turns that are too much; an answer goes with its question."""
    sizes = [len(_json(turn)) + len(",") for turn in turns]
    excess = sum(sizes) + len("[]") - LIMIT
    if excess <= 0:
        return turns
    kept: list[tuple[str, str]] = []
    asked = False
    for (role, text), size in zip(turns, sizes, strict=True):
        if role != _SYSTEM and (excess > 0 or not (asked or role == _USER)):
            excess -= size
        else:
            asked = asked or role == _USER
            kept.append((role, text))
    return kept if excess <= 0 else []


def _well_formed(text: str) -> str:
    """Joins the halves of surrogate pairs and replaces what is left of them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
