import json
import random
from collections.abc import Iterable

import pytest

from proxy.shape.jsonvalue import JsonFilter, ValueFilter
from tests.shape.cuts import all_cuts, random_cuts


def filtered(deltas: Iterable[str]) -> tuple[str, bool]:
    """What comes through of an answer, and whether the value was closed."""
    shape = JsonFilter()
    sent = "".join(shape.feed(delta) for delta in deltas)
    assert sent == shape.text
    return sent, shape.complete


CASES = [
    ('{"a":1}', '{"a":1}'),
    ('{"a":[{}]}\n', '{"a":[{}]}'),
    ("[]", "[]"),
    ("{ }{}", "{ }"),
    ("[1]]", "[1]"),
    ('[ "a"]x', '[ "a"]'),
    ("[-1]", "[-1]"),
    ("[null]", "[null]"),
    ("[true ]", "[true ]"),
    ("[false,0]", "[false,0]"),
    ("[[{}]]", "[[{}]]"),
    ('{"}":"{"}!', '{"}":"{"}'),
    (r'{"\"}":0}', r'{"\"}":0}'),
    (r'{"\\":0}}', r'{"\\":0}'),
    ('{\n\n"a":\n\n1}', '{\n\n"a":\n\n1}'),
    ("{a} []", "[]"),
    ('{{"a":1}}', '{"a":1}'),
    ("[x] {}", "{}"),
    ("[[[x {}", "{}"),
    ("[nul {}", "{}"),
    ("[nulls] {}", "{}"),
    ("[tr[1]", "[1]"),
    ("[- {}", "{}"),
    ("[--1] []", "[]"),
    ("[ { [2]", "[2]"),
    ("{\u00a0} []", "[]"),
    ('Sure:\n```json\n{"a": "```"}\n```\nDone {}.', '{"a": "```"}'),
    ('Here is {your} JSON [see below]: {"a": [1, 2]} and {"b": 2}', '{"a": [1, 2]}'),
    ('"a string" 5 true {"a": "\\u00e9\\\\"}', '{"a": "\\u00e9\\\\"}'),
]


@pytest.mark.parametrize(("text", "value"), CASES)
def test_any_cutting_gives_the_one_value(text: str, value: str) -> None:
    for deltas in all_cuts(text) if len(text) <= 12 else random_cuts(text, random.Random(1), 300):
        assert filtered(deltas) == (value, True), deltas


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("", ""),
        ("no JSON here", ""),
        ("5", ""),
        ('"text"', ""),
        ("{", ""),
        ("[ tru", ""),
        ('{"a": [1, {"b": "}]', '{"a": [1, {"b": "}]'),
        ('x {"a": "\\', '{"a": "\\'),
    ],
)
def test_a_value_that_is_not_closed_is_not_complete(text: str, begun: str) -> None:
    for deltas in random_cuts(text, random.Random(2), 100):
        assert filtered(deltas) == (begun, False), deltas


def test_any_cutting_of_random_values_gives_the_value() -> None:
    chance = random.Random(3)
    for _ in range(500):
        value = json.dumps(
            [random_value(chance, 4)], indent=chance.choice((None, 1)), ensure_ascii=chance.random() < 0.5
        )
        text = (
            chance.choice(("", "Well, {here} [it] is: ", "```json\n")) + value + chance.choice(("", "\n```", "]", '{"'))
        )
        for deltas in random_cuts(text, chance, 5):
            assert filtered(deltas) == (value, True), deltas


def test_the_value_comes_through_as_it_arrives() -> None:
    shape = JsonFilter()
    deltas = ["Well: ", "{", '"a', '": "x', '\\"', '"', ", ", '"b":1', "}", " bye"]
    assert [shape.feed(delta) for delta in deltas] == ["", "", '{"a', '": "x', '\\"', '"', ", ", '"b":1', "}", ""]


def test_a_very_deep_value_comes_through() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert filtered(deep) == (deep, True)
    assert filtered("[" * 100_000 + "x{}") == ("{}", True)


def random_value(chance: random.Random, depth: int) -> object:
    kind = chance.randrange(5 if depth else 3)
    if kind == 0:
        return "".join(chance.choices('ab"\\{}[]\n\ud83d\u00e9', k=chance.randrange(6)))
    if kind < 3:
        return chance.choice((None, True, False, 0, -1.5, 10**30))
    parts = [random_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return parts if kind == 3 else {f"{{{part!r}": part for part in parts}


# Values that are told what they begin with, or nothing


@pytest.mark.parametrize(
    ("opens", "text", "value"),
    [
        ("{", 'As in [1], here: {"a": [2]} [3]', '{"a": [2]}'),
        ("[", 'So {"a": 1} is wrong: ["a"]', '["a"]'),
        ("{[", 'Well: [1] {"a": 1}', "[1]"),
    ],
)
def test_only_a_bracket_that_can_begin_the_value_opens_it(opens: str, text: str, value: str) -> None:
    for size in (1, 3, len(text)):
        filter = JsonFilter(opens)
        assert "".join(filter.feed(text[at : at + size]) for at in range(0, len(text), size)) == value
        assert (filter.text, filter.complete, filter.rest()) == (value, True, "")


@pytest.mark.parametrize(
    ("text", "value"),
    [('"yes"', '"yes"'), (" 5\n", "5"), ('```json\n"yes"\n```', '"yes"'), ("```\ntrue\n```\n", "true"), ("", "")],
)
def test_a_value_that_is_no_object_is_held_back_until_the_end(text: str, value: str) -> None:
    filter = ValueFilter()
    assert [filter.feed(char) for char in text] == [""] * len(text)
    assert filter.rest() == filter.text == value
