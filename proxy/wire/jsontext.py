"""JSON out. Everything is ASCII: ollama-python cuts lines at U+2028, U+2029 and U+0085 (str.splitlines)."""

import json
from json.encoder import encode_basestring_ascii as escape
from typing import Any

__all__ = ["compact", "dump", "escape"]


def compact(value: Any) -> str:
    """JSON without blanks; keys in the order given, lone surrogates as escapes."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def dump(value: Any) -> bytes:
    """A JSON document, `compact`."""
    return compact(value).encode("ascii")
