import random

import pytest

from proxy.core.framing import LineFramer, LineTooLong

LIMIT = 64

AWKWARD = [
    b"",
    b"plain",
    b"carriage\rreturn\r",
    b"\x00\x0b\x0c\x1c\x1d\x1e\x85",
    "\u2028\u2029\u0085 emoji \U0001f600".encode(),
    b"\xff\xfe not UTF-8 \xf0\x9f",
    b"x" * LIMIT,
]
STREAM = b"".join(line + b"\n" for line in AWKWARD)


def test_lines_end_at_the_newline_alone() -> None:
    assert LineFramer(LIMIT).feed(STREAM) == AWKWARD


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pieces_of_any_size_give_the_same_lines(size: int) -> None:
    framer = LineFramer(LIMIT)
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert [line for piece in pieces for line in framer.feed(piece)] == AWKWARD


def test_any_cutting_gives_the_same_lines() -> None:
    chance = random.Random(7)
    for _ in range(500):
        cuts = sorted(chance.choices(range(len(STREAM) + 1), k=chance.randrange(12)))
        framer = LineFramer(LIMIT)
        pieces = [STREAM[start:end] for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
        assert [line for piece in pieces for line in framer.feed(piece)] == AWKWARD, cuts


@pytest.mark.parametrize(
    ("pieces", "lines", "unfinished"),
    [
        ([], [], b""),
        ([b""], [], b""),
        ([b"ab"], [], b"ab"),
        ([b"ab", b"cd"], [], b"abcd"),
        ([b"ab", b"\n"], [b"ab"], b""),
        ([b"ab", b"c\nde"], [b"abc"], b"de"),
        ([b"\n\n", b"a"], [b"", b""], b"a"),
    ],
)
def test_what_has_no_newline_yet_is_kept(pieces: list[bytes], lines: list[bytes], unfinished: bytes) -> None:
    framer = LineFramer(LIMIT)
    assert [line for piece in pieces for line in framer.feed(piece)] == lines
    assert framer.feed(b"\n") == [unfinished]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"x" * (LIMIT + 1) + b"\n"],
        [b"x" * (LIMIT + 1)],
        [b"x" * LIMIT, b"x"],
        [b"x" * LIMIT, b"x\n"],
        [b"fine\n" + b"x" * (LIMIT + 1) + b"\nfine\n"],
        [b"x"] * (LIMIT + 1),
    ],
)
def test_a_line_beyond_the_limit_is_an_error(pieces: list[bytes]) -> None:
    framer = LineFramer(LIMIT)
    for piece in pieces[:-1]:
        framer.feed(piece)
    with pytest.raises(LineTooLong, match=f"more than {LIMIT} bytes"):
        framer.feed(pieces[-1])


def test_the_limit_counts_each_line_by_itself() -> None:
    framer = LineFramer(LIMIT)
    for _ in range(10):
        assert framer.feed(b"x" * LIMIT) == []
        assert framer.feed(b"\n") == [b"x" * LIMIT]
