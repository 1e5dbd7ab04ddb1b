import random
from collections.abc import Iterable, Sequence

import pytest

from proxy.shape.stop import StopFilter
from tests.shape.cuts import all_cuts, random_cuts


def before_first(text: str, stops: Sequence[str]) -> str:
    """What the filter has to leave of `text`, said in the plainest way."""
    starts = [text.index(stop) for stop in stops if stop in text]
    return text[: min(starts)] if starts else text


def held_back(text: str, stops: Sequence[str]) -> int:
    """How much of the end of `text` may be the beginning of a stop string."""
    return max(
        (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])),
        default=0,
    )


def filtered(deltas: Iterable[str], stops: Sequence[str]) -> tuple[str, bool]:
    """What comes through of an answer, and whether it ended in a stop string."""
    stop = StopFilter(stops)
    sent = []
    for delta in deltas:
        text, met = stop.feed(delta)
        sent.append(text)
        assert met == stop.stopped
    return "".join((*sent, stop.rest())), stop.stopped


CASES = [
    (["STOP"], "one STOP two"),
    (["STOP"], "no end in sight STO"),
    (["STOP"], "STSTOP"),
    (["aab"], "aaaaab"),
    (["aabaaac"], "aabaabaaac!"),
    (["\n\n", "\nUser:"], "a\nb\nUser: c"),
    (["bcd", "abcdef"], "xabcdefy"),
    (["bcd", "abcdef"], "xabcdeXy"),
    (["bcd", "abcdef"], "xabcde"),
    (["abcdef", "bcd", "c"], "zabcdz"),
    (["c", "bcdef", "abcdefgh"], "abcdefgX"),
    (["ab", "abc"], "xxabcx"),
    (["b", "abc"], "ab"),
    (["b", "abcd", "cX"], "abcX"),
    (["a"], ""),
    ([], "nothing to stop at"),
    (["\ud800"], "half \ud800 a character"),
    (["</s>", "<s>"], "<<s<</s>"),
    (["é", "\U0001f600"], "caf\U0001f600é"),
]


@pytest.mark.parametrize(("stops", "text"), CASES)
def test_any_cutting_ends_before_the_first_stop(stops: list[str], text: str) -> None:
    expected = before_first(text, stops), any(stop in text for stop in stops)
    for deltas in all_cuts(text) if len(text) <= 12 else random_cuts(text, random.Random(1), 300):
        assert filtered(deltas, stops) == expected, deltas


def test_any_cutting_of_random_texts_ends_before_the_first_stop() -> None:
    chance = random.Random(2)
    for _ in range(3000):
        stops = ["".join(chance.choices("ab", k=chance.randint(1, 5))) for _ in range(chance.randint(1, 4))]
        text = "".join(chance.choices("abc", [5, 5, 1], k=chance.randint(0, 30)))
        for deltas in random_cuts(text, chance, 5):
            assert filtered(deltas, stops)[0] == before_first(text, stops), (stops, deltas)


def test_nothing_is_sent_later_than_necessary() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        stops = ["".join(chance.choices("ab", k=chance.randint(1, 5))) for _ in range(chance.randint(1, 3))]
        stop, sent, text = StopFilter(stops), "", ""
        for char in chance.choices("abc", [5, 5, 1], k=20):
            text += char
            piece, met = stop.feed(char)
            sent += piece
            if met or any(one in text for one in stops):
                break
            assert len(sent) == len(text) - held_back(text, stops), (stops, text)


def test_the_stop_that_starts_first_is_waited_for() -> None:
    stop = StopFilter(["bcd", "abcdef"])
    assert stop.feed("xabcd") == ("x", False)
    assert stop.feed("e") == ("", False)
    assert stop.feed("X") == ("a", True)


def test_an_answer_that_ends_while_waiting_ends_in_the_stop_that_is_complete() -> None:
    stop = StopFilter(["bcd", "abcdef"])
    assert stop.feed("xabcde") == ("x", False)
    assert stop.rest() == "a"
    assert stop.stopped


def test_nothing_follows_a_stop() -> None:
    stop = StopFilter(["."])
    assert stop.feed("one. two") == ("one", True)
    assert stop.feed("three") == ("", True)
    assert stop.rest() == ""


def test_what_is_held_back_is_sent_once() -> None:
    stop = StopFilter(["STOP"])
    assert stop.feed("ST") == ("", False)
    assert stop.rest() == "ST"
    assert stop.rest() == ""
    assert not stop.stopped


def test_a_long_answer_in_tiny_deltas_comes_through() -> None:
    stops = ["a" * 50 + "b", "aab" * 20, "c"]
    text = ("a" * 49 + "d") * 6000
    assert filtered(text, stops) == (text, False)
    assert filtered(text + "aac!", stops) == (text + "aa", True)


def test_an_empty_stop_string_is_refused() -> None:
    with pytest.raises(ValueError, match="not empty"):
        StopFilter(["a", ""])
