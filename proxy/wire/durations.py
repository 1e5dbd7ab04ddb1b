"""`keep_alive`: how long a model stays, as a number of seconds or one of Go's durations (``5m``, ``1h30m``)."""

import math
import re
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.wire.body import Number
from proxy.wire.fields import Place, taking
from proxy.wire.gotext import type_name

FOREVER = math.inf

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
# Go keeps durations in 64 bits of nanoseconds; more than that is an invalid duration.
_LIMIT = 2**63
_LIMIT_DIGITS = 19
_DURATION = r"^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$"
# As it is described; zero needs no unit, and more is taken for one than this.
_PIECE = re.compile(r"(?=[0-9.])([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


@taking({"anyOf": [{"type": "number"}, {"type": "string", "pattern": _DURATION}]})
def keep_alive(value: Any, at: Place) -> float:
    """A reader: seconds, `FOREVER` for anything negative. What it cannot read it raises at once, as Ollama does."""
    if type(value) is Number:
        seconds = float(value)
    elif type(value) is str:
        seconds = parse_duration(value)
    else:
        raise InvalidRequest(f"Unsupported type: '{type_name(value)}'")
    return FOREVER if seconds < 0 else seconds


def parse_duration(text: str) -> float:
    """The seconds of a Go duration. Raises `InvalidRequest` with Go's text."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise _invalid(text)
    total, at = 0, 0
    while at < len(rest):
        piece = _PIECE.match(rest, at)
        if piece is None:
            raise _invalid(text)
        total += _nanoseconds(text, piece)
        at = piece.end()
        if total > _LIMIT:
            raise _invalid(text)
    return sign * total / 1_000_000_000


def _nanoseconds(text: str, piece: re.Match[str]) -> int:
    unit = str(piece[3])
    if not (piece[1] or piece[2]):
        raise _invalid(text)
    whole, fraction = str(piece[1]).lstrip("0"), str(piece[2] or "")[:_LIMIT_DIGITS]
    if len(whole) > _LIMIT_DIGITS:
        raise _invalid(text)
    if not unit:
        raise InvalidRequest(f"time: missing unit in duration {_quote(text)}")
    if unit not in _NANOSECONDS:
        raise InvalidRequest(f"time: unknown unit {_quote(unit)} in duration {_quote(text)}")
    scale = _NANOSECONDS[unit]
    parts: int = 10 ** len(fraction)
    return int(whole or "0") * scale + int(fraction or "0") * scale // parts


def _invalid(text: str) -> InvalidRequest:
    return InvalidRequest(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """Quotes as Go's package time does: every byte that is not printable ASCII in hexadecimal."""
    shown = []
    for byte in text.encode("utf-8"):
        if byte < ord(" ") or byte >= 0x80:
            shown.append(f"\\x{byte:02x}")
        else:
            shown.append(f"\\{chr(byte)}" if chr(byte) in '"\\' else chr(byte))
    return f'"{"".join(shown)}"'
