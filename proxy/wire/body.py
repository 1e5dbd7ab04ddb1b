"""A request body as its first JSON value, by the rules of Go's decoder.

Trailing garbage is ignored, a byte order mark and NaN are refused, invalid UTF-8 and lone surrogates become U+FFFD. An
object keeps its members as pairs, in the order and number they came, because the first type mismatch in document
order is the one that is reported.
"""

import codecs
import json
import re
from typing import Any, NoReturn

from proxy.core import numbers
from proxy.core.errors import InvalidRequest
from proxy.wire.census import check_census
from proxy.wire.syntax import EOF, complaint

MISSING_BODY = "missing request body"
# Far deeper than any schema, and shallow enough for whoever walks one by recursion.
MAX_PLAIN_DEPTH = 100
_TOO_DEEP = "the JSON of the request is nested too deeply"
# A backslash escape: a surrogate pair, a lone surrogate (group 1), or any other.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class Number(str):
    """A JSON number, as it was written: 1e999 and a thousand digits are no trouble until someone wants a value."""

    __slots__ = ()


class Object(tuple[tuple[str, Any], ...]):
    """A JSON object: its members, duplicates included. Arrays are lists, strings str, numbers `Number`."""

    __slots__ = ()


def first_value(body: bytes, *, empty: str = MISSING_BODY) -> Any:
    """The first JSON value of `body`. Raises `InvalidRequest` with Go's text; `empty` is the one for no value.

    Safe in a thread beside the event loop: what is read at a stretch is bounded.
    """
    text = body.decode("utf-8", "one-u-fffd-per-byte").lstrip(" \t\r\n")
    check_census(text)
    try:
        value, _ = _DECODER.raw_decode(_well_formed(text))
    except ValueError:
        raise InvalidRequest(_go_text(body, empty)) from None
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None
    if not isinstance(value, Object):
        # Python reads `1.` as 1 and stops; Go does not.
        text_of_fault = complaint(body)
        if text_of_fault is not None:
            raise InvalidRequest(text_of_fault)
    return value


def object_in(text: str) -> Object | None:
    """The JSON object that `text` is, None if it is anything else. Raises `InvalidRequest` for one that is too deep
    or has too many values."""
    check_census(text)
    try:
        value = _DECODER.decode(_well_formed(text))
    except ValueError:
        return None
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None
    return value if isinstance(value, Object) else None


def plain(value: Any, depth: int = MAX_PLAIN_DEPTH) -> Any:
    """`value` in Python's own types; numbers are int where they are integral, of duplicate keys the last counts.

    Raises `InvalidRequest` for what is nested deeper than `depth`, and for a number that no float can hold.
    """
    if type(value) is Number:
        return _plain_number(value)
    if type(value) not in (Object, list):
        return value
    if depth == 0:
        raise InvalidRequest(_TOO_DEEP)
    if type(value) is Object:
        return {name: plain(member, depth - 1) for name, member in value}
    return [plain(element, depth - 1) for element in value]


def written(value: Any) -> str:
    """The JSON that `value` was read from, without its blanks; for error texts."""
    try:
        return _written(value)
    except RecursionError:
        return "[...]"


def _plain_number(number: Number) -> int | float:
    try:
        value = numbers.plain(float(number))
    except ValueError:
        raise InvalidRequest("the JSON of the request has a number that is too large") from None
    return int(number) if number.removeprefix("-").isdigit() else value


def _written(value: Any) -> str:
    if type(value) is Number:
        return value
    if type(value) is Object:
        return f"{{{','.join(f'{_written(name)}:{_written(member)}' for name, member in value)}}}"
    if type(value) is list:
        return f"[{','.join(map(_written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _go_text(body: bytes, empty: str) -> str:
    found = complaint(body)
    if found == EOF:
        return empty
    return found or "invalid JSON"


def _well_formed(text: str) -> str:
    """A JSON text without escapes that stand for half a character."""
    if "\\u" in text and ("\\ud" in text or "\\uD" in text):
        return _ESCAPE.sub(_without_lone_surrogate, text)
    return text


def _without_lone_surrogate(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape[1] else escape[0]


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


codecs.register_error("one-u-fffd-per-byte", _replace_each_byte)
# Functions of our own and not the types: at their calls the interpreter lets other threads have their turn.
_DECODER = json.JSONDecoder(
    object_pairs_hook=lambda members: Object(members),
    parse_int=lambda digits: Number(digits),
    parse_float=lambda digits: Number(digits),
    parse_constant=_refuse_constant,
)
