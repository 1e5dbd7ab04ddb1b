"""What is wrong with a JSON text, in the words of Go's decoder.

Only texts that Python's decoder refused come here, so this scanner is written to be read, not to be fast. It takes
bytes, looks at the first value only and does not recurse: each step returns the next step, None at the value's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.wire.gotext import quote_byte

EOF = "EOF"
UNEXPECTED_EOF = "unexpected EOF"
# Go's own bound on nesting.
MAX_DEPTH = 10_000

_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]*")
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}

_Step = Callable[[], "_Step | None"]


def complaint(data: bytes) -> str | None:
    """Go's error text for the first JSON value of `data`; None when Go would take it."""
    if not data.strip(b" \t\r\n"):
        return EOF
    try:
        _Scanner(data).scan()
    except _Fault as fault:
        return str(fault)
    return None


class _Fault(Exception):
    """Carries the text of the first fault out of the scanner."""


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._closers: list[int] = []

    def scan(self) -> None:
        step: _Step | None = self._value
        while step is not None:
            step = step()

    def _value(self) -> _Step | None:
        return self._value_from(self._take())

    def _value_from(self, byte: int) -> _Step | None:
        match chr(byte):
            case "{":
                return self._enter(byte, "}", self._first_key)
            case "[":
                return self._enter(byte, "]", self._first_element)
            case '"':
                self._string()
            case "t" | "f" | "n":
                self._literal(_LITERALS[byte])
            case "-" | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9":
                self._number(byte)
            case _:
                raise _unexpected(byte, "looking for beginning of value")
        return self._after

    def _enter(self, byte: int, closer: str, step: _Step) -> _Step:
        if len(self._closers) >= MAX_DEPTH:
            raise _unexpected(byte, "exceeded max depth")
        self._closers.append(ord(closer))
        return step

    def _leave(self) -> _Step:
        self._closers.pop()
        return self._after

    def _first_element(self) -> _Step | None:
        byte = self._take()
        return self._leave() if byte == ord("]") else self._value_from(byte)

    def _first_key(self) -> _Step:
        byte = self._take()
        return self._leave() if byte == ord("}") else self._key_from(byte)

    def _key(self) -> _Step:
        return self._key_from(self._take())

    def _key_from(self, byte: int) -> _Step:
        if byte != ord('"'):
            raise _unexpected(byte, "looking for beginning of object key string")
        self._string()
        return self._colon

    def _colon(self) -> _Step:
        byte = self._take()
        if byte != ord(":"):
            raise _unexpected(byte, "after object key")
        return self._value

    def _after(self) -> _Step | None:
        if not self._closers:
            return None
        byte, closer = self._take(), self._closers[-1]
        if byte == closer:
            return self._leave()
        in_object = closer == ord("}")
        if byte != ord(","):
            raise _unexpected(byte, "after object key:value pair" if in_object else "after array element")
        return self._key if in_object else self._value

    def _string(self) -> None:
        while True:
            self._skip(_PLAIN)
            byte = self._take_raw()
            if byte == ord('"'):
                return
            if byte != ord("\\"):
                raise _unexpected(byte, "in string literal")
            escape = self._take_raw()
            if escape == ord("u"):
                self._hexadecimal()
            elif escape not in b'bfnrt\\/"':
                raise _unexpected(escape, "in string escape code")

    def _hexadecimal(self) -> None:
        for _ in range(4):
            byte = self._take_raw()
            if byte not in b"0123456789abcdefABCDEF":
                raise _unexpected(byte, "in \\u hexadecimal character escape")

    def _number(self, first: int) -> None:
        if first == ord("-"):
            first = self._digit("in numeric literal")
        if first != ord("0"):
            self._skip(_DIGITS)
        if self._peek() == b".":
            self._at += 1
            self._digit("after decimal point in numeric literal")
            self._skip(_DIGITS)
        if self._peek() in (b"e", b"E"):
            self._at += 1
            if self._peek() in (b"+", b"-"):
                self._at += 1
            self._digit("in exponent of numeric literal")
            self._skip(_DIGITS)

    def _digit(self, where: str) -> int:
        byte = self._take_raw()
        if byte not in b"0123456789":
            raise _unexpected(byte, where)
        return byte

    def _literal(self, literal: bytes) -> None:
        for expected in literal[1:]:
            byte = self._take_raw()
            if byte != expected:
                raise _unexpected(byte, f"in literal {literal.decode()} (expecting {quote_byte(expected)})")

    def _take(self) -> int:
        self._skip(_SPACE)
        return self._take_raw()

    def _take_raw(self) -> int:
        if self._at == len(self._data):
            raise _Fault(UNEXPECTED_EOF)
        self._at += 1
        return self._data[self._at - 1]

    def _peek(self) -> bytes:
        return self._data[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[bytes]) -> None:
        found = pattern.match(self._data, self._at)
        if found is not None:
            self._at = found.end()


def _unexpected(byte: int, where: str) -> _Fault:
    return _Fault(f"invalid character {quote_byte(byte)} {where}")
