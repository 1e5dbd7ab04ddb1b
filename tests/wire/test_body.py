"""First JSON value of a body, with Go's rules and words."""

import pytest

from proxy.core.errors import InvalidRequest
from proxy.wire.body import MAX_PLAIN_DEPTH, Number, Object, first_value, plain, written
from proxy.wire.syntax import MAX_DEPTH, complaint


def refusal(body: bytes, empty: str = "missing request body") -> str:
    with pytest.raises(InvalidRequest) as caught:
        first_value(body, empty=empty)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b" \t\r\n", "missing request body"),
        (b"{", "unexpected EOF"),
        (b'{"a"', "unexpected EOF"),
        (b'{"a":', "unexpected EOF"),
        (b'{"a":1', "unexpected EOF"),
        (b'{"a":"b', "unexpected EOF"),
        (b'{"a":"\\', "unexpected EOF"),
        (b"[1,", "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"-", "unexpected EOF"),
        (b"1.", "unexpected EOF"),
        (b"1e", "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"nope", "invalid character 'o' in literal null (expecting 'u')"),
        (b"truth", "invalid character 't' in literal true (expecting 'e')"),
        (b'{"a":fals3}', "invalid character '3' in literal false (expecting 'e')"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"{1:2}", "invalid character '1' looking for beginning of object key string"),
        (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":[1 2]}', "invalid character '2' after array element"),
        (b'{"a":[1,]}', "invalid character ']' looking for beginning of value"),
        (b'{"a":,}', "invalid character ',' looking for beginning of value"),
        (b'{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        (b'{"a":Infinity}', "invalid character 'I' looking for beginning of value"),
        (b'{"a":-Infinity}', "invalid character 'I' in numeric literal"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        (b'{"a":1e+}', "invalid character '}' in exponent of numeric literal"),
        (b'{"a":+1}', "invalid character '+' looking for beginning of value"),
        (b'{"a":"\n"}', "invalid character '\\n' in string literal"),
        (b'{"a":"\x00"}', "invalid character '\\x00' in string literal"),
        (b'{"a":"\\x"}', "invalid character 'x' in string escape code"),
        (b'{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
        (b"\x80", "invalid character '\\u0080' looking for beginning of value"),
        (b"\\", "invalid character '\\\\' looking for beginning of value"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
    ],
)
def test_a_broken_body_is_described_in_the_words_of_go(body: bytes, text: str) -> None:
    assert refusal(body) == text


def test_a_missing_body_has_the_words_of_its_dialect() -> None:
    assert refusal(b" ", empty="EOF") == "EOF"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1}garbage', Object([("a", "1")])),
        (b' \n{"a":1} {"b":2}', Object([("a", "1")])),
        (b'{"a":1,"a":2}', Object([("a", "1"), ("a", "2")])),
        (b'{"a":{},"b":[],"c":null,"d":true}', Object([("a", Object()), ("b", []), ("c", None), ("d", True)])),
        (b"null", None),
        (b"nullx", None),
        (b"[1.50, -2e3]", [Number("1.50"), Number("-2e3")]),
        (b'"text"', "text"),
        (b"12x", Number("12")),
    ],
)
def test_only_the_first_value_counts(body: bytes, value: object) -> None:
    assert first_value(body) == value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"a\xffb"', "a\ufffdb"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\uD83D\uDE00 \ud83d \ude00"', "😀 \ufffd \ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (rb'"\\ud800"', "\\ud800"),
        (rb'"\\\ud800"', "\\\ufffd"),
        ('"\u2028\u0085e\u0301"'.encode(), "\u2028\u0085e\u0301"),
    ],
)
def test_broken_characters_become_the_replacement_character(body: bytes, text: str) -> None:
    assert first_value(body) == text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 5000 + b"]" * 5000])
def test_deep_nesting_is_a_clear_refusal(body: bytes) -> None:
    assert refusal(body) == "the JSON of the request is nested too deeply"


def test_the_scanner_bounds_nesting_as_go_does() -> None:
    assert complaint(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is None
    assert complaint(b"[" * (MAX_DEPTH + 1)) == "invalid character '[' exceeded max depth"


def test_a_number_of_any_length_is_kept_as_written() -> None:
    assert first_value(b"9" * 100_000) == "9" * 100_000


@pytest.mark.parametrize("body", [b'{"a":[1,{"b":null}],"c":"x\\"y","d":true}', b"[]", b'"\xc3\xa9"', b"1.50"])
def test_a_value_can_be_written_as_it_was(body: bytes) -> None:
    assert written(first_value(body)).encode() == body


def test_a_deep_value_is_written_short() -> None:
    assert written(first_value(b"[" * 700 + b"]" * 700)) == "[...]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"null", None),
        (b"true", True),
        (b'"1"', "1"),
        (b"-12", -12),
        (b"1.0", 1),
        (b"-2.50e1", -25),
        (b"1.5", 1.5),
        (b"-0.0", 0),
        (b"9007199254740993", 9007199254740993),
        (b"1" + b"0" * 300, 10**300),
        (b"0." + b"0" * 100_000, 0),
        (b'{"a":1,"b":[{}],"a":[]}', {"a": [], "b": [{}]}),
    ],
)
def test_a_plain_value_has_types_of_python(text: bytes, value: object) -> None:
    got = plain(first_value(text))
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"[1e999]", "the JSON of the request has a number that is too large"),
        (b"[-" + b"9" * 5000 + b"]", "the JSON of the request has a number that is too large"),
        (b"[" * 101 + b"]" * 101, "the JSON of the request is nested too deeply"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "the JSON of the request is nested too deeply"),
    ],
)
def test_what_is_no_plain_value_is_refused(text: bytes, fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plain(first_value(text))
    assert caught.value.message == fault


def test_a_plain_value_may_be_nested() -> None:
    value = plain(first_value(b"[" * MAX_PLAIN_DEPTH + b"1" + b"]" * MAX_PLAIN_DEPTH))
    for _ in range(MAX_PLAIN_DEPTH):
        (value,) = value
    assert value == 1
