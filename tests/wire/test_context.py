"""The `context` of /api/generate."""

import zlib

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Role, Text
from proxy.wire.context import LIMIT, decode_context, encode_context


def turn(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


TALK = (turn("system", "Be kind."), turn("user", "grüß dich 😀\u2028"), turn("assistant", "Hallo"), turn("user", "x"))


def test_a_conversation_comes_back_as_it_went() -> None:
    assert decode_context(encode_context(TALK)) == TALK


def test_every_number_fits_a_signed_integer_of_32_bits() -> None:
    assert all(0 <= number < 2**31 for number in encode_context(TALK))


def test_no_context_is_no_conversation() -> None:
    assert decode_context([]) == ()


def test_pictures_documents_and_empty_turns_are_left_out() -> None:
    asked = Message("user", (Image("image/png", "AAAA"), Document("AAAA", "x.pdf"), Text("what?")))
    talk = (asked, Message("assistant"), Message("user", (Document("AAAA"),)))
    assert decode_context(encode_context(talk)) == (turn("user", "what?"),)


def test_split_surrogate_pairs_are_joined_and_lone_ones_replaced() -> None:
    assert decode_context(encode_context((turn("user", "\ud83d\ude00 \ud83d"),))) == (turn("user", "😀 \ufffd"),)


def test_too_long_a_conversation_loses_its_oldest_exchange_but_no_system_message() -> None:
    long = "x" * (LIMIT // 2)
    talk = (
        turn("system", "s"),
        turn("user", long),
        turn("assistant", "first"),
        turn("system", "t"),
        turn("user", long),
        turn("assistant", "second"),
    )
    assert decode_context(encode_context(talk)) == (talk[0], talk[3], talk[4], talk[5])


def test_many_long_turns_are_bounded_too() -> None:
    talk = [turn("user" if n % 2 == 0 else "assistant", "y" * 1000) for n in range(4001)]
    kept = decode_context(encode_context(talk))
    assert kept == tuple(talk[-len(kept) :])
    assert kept[0].role == "user"
    assert LIMIT * 0.9 < 1000 * len(kept) < LIMIT


def test_one_exchange_beyond_the_bound_leaves_nothing_to_continue() -> None:
    assert decode_context(encode_context([turn("user", "x" * LIMIT), turn("assistant", "y")])) == ()


def test_system_messages_beyond_the_bound_leave_no_context_at_all() -> None:
    assert encode_context([turn("system", "x" * LIMIT), turn("user", "y")]) == []


GOOD = encode_context(TALK)


@pytest.mark.parametrize(
    "numbers",
    [
        [1],
        [424, 383],
        [GOOD[0]],
        [GOOD[0], 0],
        [GOOD[0], -1, *GOOD[2:]],
        [GOOD[0] + 1, *GOOD[1:]],
        [GOOD[0], GOOD[1] - 1, *GOOD[2:]],
        [GOOD[0], GOOD[1] + 3, *GOOD[2:]],
        GOOD[:-1],
        [*GOOD[:-1], GOOD[-1] ^ 255],
        [*GOOD[:5], -1, *GOOD[6:]],
        [*GOOD[:5], 2**40, *GOOD[6:]],
    ],
)
def test_a_context_of_another_server_or_a_damaged_one_is_refused(numbers: list[int]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_context(numbers)
    assert caught.value.status == 400
    assert caught.value.message.startswith("the context was not made by this server")


@pytest.mark.parametrize(
    "payload", [b"[" * 100_000, b'[["u",5]]', b'[["u",null]]', b'[["a",{"x":1}]]', b'{"u1":1}', b'["ux"]', b'[["s",5]]']
)
def test_a_context_that_was_made_up_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not made by this server"):
        decode_context(_packed(payload))


def _packed(payload: bytes) -> list[int]:
    """A context with the right marks around any payload."""
    mark = encode_context(TALK)[0]
    packed = zlib.compress(payload)
    padded = packed + bytes(-len(packed) % 3)
    groups = [int.from_bytes(padded[index : index + 3], "big") for index in range(0, len(padded), 3)]
    return [mark, len(packed), *groups]
