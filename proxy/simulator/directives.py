"""Scripted behaviour, written into the prompt: ``[simulate: KIND value key=value {json} "text"]``.

The last directive in what the user wrote last counts. `KINDS` lists them all; an unknown kind or option is refused, so
that a misspelt test does not pass.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.simulator.errors import invalid

COMMON_OPTIONS = frozenset({"times", "deltas", "ttft", "rate", "think"})
KINDS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"type", "message", "retry_after", "reset", "claim"}),
    "error": frozenset({"after", "type", "message"}),
    "cut": frozenset({"after"}),
    "hang": frozenset({"after"}),
    "max_tokens": frozenset(),
    "refusal": frozenset({"after", "category"}),
    "tool": frozenset({"text", "broken"}),
    "think": frozenset(),
    "words": frozenset(),
    "text": frozenset(),
    "deltas": frozenset(),
    "slow": frozenset(),
    "duplicate_start": frozenset({"after"}),
    "no_stop": frozenset(),
    "no_delta": frozenset(),
    "garbage": frozenset({"after"}),
}

_OPENING = re.compile(r"\[simulate:\s*")
_ITEM = re.compile(r'\s*(?:(?P<end>\])|(?P<key>[a-z_]+)=|(?P<json>[{"])|(?P<word>[^\s\]{"]+))')
_WORD = re.compile(r"[^\s\]]+")
_decode = json.JSONDecoder(strict=False).raw_decode


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its `kind`, positional `values` (words, texts, JSON objects), `options`, and its `source` text."""

    kind: str
    values: tuple[Any, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def number(self, default: int) -> int:
        """The first value as a whole number."""
        return self._integer(self.values[0], self.kind) if self.values else default

    def option(self, name: str, default: int) -> int:
        """An option as a whole number."""
        return self._integer(self.options[name], name) if name in self.options else default

    def seconds(self, name: str) -> float | None:
        """An option as a number that need not be whole; None when it is not given."""
        if name not in self.options:
            return None
        try:
            return float(self.options[name])
        except ValueError:
            raise invalid(f"simulate: {name} must be a number: {self.source}") from None

    def without_effect(self) -> "Directive":
        """A directive of the same source that changes nothing."""
        return Directive("deltas", ("1",), {}, self.source)

    def _integer(self, value: object, name: str) -> int:
        try:
            return int(str(value))
        except ValueError:
            raise invalid(f"simulate: {name} must be a whole number: {self.source}") from None


def find_directive(text: str) -> Directive | None:
    """The last directive in `text`. Raises `ApiError` for one that makes no sense."""
    openings = list(_OPENING.finditer(text))
    if not openings:
        return None
    start = openings[-1]
    values, options, end = _scan(text, start.end())
    kind, values = _kind(values, options, text[start.start() : end])
    directive = Directive(kind, tuple(values), options, text[start.start() : end])
    if unknown := sorted(options.keys() - KINDS[kind] - COMMON_OPTIONS):
        raise invalid(f"simulate: {kind} has no option {unknown[0]}: {directive.source}")
    return directive


def without_directive(text: str, directive: Directive | None) -> str:
    """What else the user wrote."""
    return text if directive is None else text.replace(directive.source, "").strip()


def _kind(values: list[Any], options: dict[str, str], source: str) -> tuple[str, list[Any]]:
    """The directive's kind, and its values; ``status=529`` is the same as ``status 529``."""
    if not values and options:
        name = next(iter(options))
        kind, values = name, [options.pop(name)]
    elif values:
        kind, values = str(values[0]), values[1:]
    else:
        kind = ""
    if kind not in KINDS:
        raise invalid(f"simulate: unknown directive {kind!r}: {source}")
    return kind, values


def _scan(text: str, at: int) -> tuple[list[Any], dict[str, str], int]:
    values: list[Any] = []
    options: dict[str, str] = {}
    while (item := _ITEM.match(text, at)) is not None:
        at = item.end()
        if item["end"]:
            return values, options, at
        if item["key"]:
            value, at = _value(text, at)
            options[item["key"]] = str(value)
        elif item["json"]:
            value, at = _value(text, at - 1)
            values.append(value)
        else:
            values.append(item["word"])
    raise invalid("simulate: the directive has no end")


def _value(text: str, at: int) -> tuple[Any, int]:
    """A JSON text or object, or a plain word, at that place."""
    if text[at : at + 1] in ('"', "{"):
        try:
            return _decode(text, at)
        except ValueError as error:
            raise invalid(f"simulate: {error}") from None
    word = _WORD.match(text, at)
    return (word[0], word.end()) if word else ("", at)
