"""How many values a JSON text has, told before it is read: each takes far more time and memory than its bytes."""

import re

from proxy.core.errors import InvalidRequest

MOST_VALUES = 400_000
"""Values, and names of members, that a text may have: the longest `context` of /api/generate has 333,336. A
conversation of ten thousand turns has 50,000."""

_MARKS = (",", ":", "[", "{")
# One of these stands before every value and every name, but for the first value.

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
# Also one without an end: what follows its quote must not be searched again and again.


def check_census(text: str) -> None:
    """Raise `InvalidRequest` with status 413 for a text of more than `MOST_VALUES`."""
    # Nearly every text has few enough even with the marks within its strings.
    if _marks(text, 0, len(text)) <= MOST_VALUES:
        return
    count = at = 0
    for string in _STRING.finditer(text):
        count += _marks(text, at, string.start())
        at = string.end()
        if count > MOST_VALUES:
            break
    if count + _marks(text, at, len(text)) > MOST_VALUES:
        raise InvalidRequest(f"the JSON of the request has more than {MOST_VALUES} values", status=413)


def _marks(text: str, start: int, end: int) -> int:
    return sum(text.count(mark, start, end) for mark in _MARKS)
