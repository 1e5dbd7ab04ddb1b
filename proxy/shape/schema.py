"""A client's JSON Schema: as the API takes it, in words, and as the measure of an answer."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs

from proxy.core.errors import InvalidRequest
from proxy.shape.native import Inexpressible, native_schema
from proxy.shape.references import Measure, Unmeasurable, measure

MAX_DEPTH = 200
"""Of objects and arrays in an answer: well within every recursion below us."""

_LONGEST_REASON = 300
_LONGEST_PLACE = 100

_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20)
# Linear in the text, unlike the default. The limit is in bytes of a compiled expression: some milliseconds.

_MAX_EXPLAINED = 1_000_000
# The size of the schema times the length of the answer: a second at the very worst. Finding the place of an error may
# take far longer than finding that there is one, since each branch of a union is looked into.

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def api_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """`schema` as the API's structured output takes it, made anew; None when that cannot express it."""
    try:
        return native_schema(schema)
    except Inexpressible:
        return None


def check_size(schema: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` for a schema that is too large, or refers to something outside itself."""
    _measured(schema)


def _measured(schema: Mapping[str, Any]) -> Measure:
    try:
        return measure(schema)
    except Unmeasurable as error:
        raise InvalidRequest(_line(f"the schema cannot be used: {error}")) from None


def instruction(schema: Mapping[str, Any] | None) -> str:
    """The words, for the system prompt, that ask for JSON where the model's decoder cannot be held to it.

    Raises `InvalidRequest` for a schema that is too deep to be written down.
    """
    if schema is None:
        return "Answer with one JSON object and nothing else: no words around it, no Markdown."
    try:
        compact = json.dumps(dict(schema), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise InvalidRequest("the schema cannot be used: it is too deep") from None
    return (
        "Answer with one JSON value and nothing else: no words around it, no Markdown. "
        f"It has to satisfy this JSON Schema:\n{compact}"
    )


def openings(schema: Mapping[str, Any] | None) -> str:
    """The brackets that a value of `schema` may begin with; empty when it may be no object and no array at all."""
    if schema is None:
        return "{"
    kind = schema.get("type")
    if kind is None and not {"enum", "const"} & schema.keys():
        return "{" if "properties" in schema else "{["
    kinds = kind if isinstance(kind, list) else [kind]
    found = "".join(bracket for name, bracket in (("object", "{"), ("array", "[")) if name in kinds)
    return found if len(found) == len(kinds) else ""


class Validator:
    """Holds an answer against `schema`, or with None against being any JSON object.

    The draft is the one that ``$schema`` names, else 2020-12. Formats are not checked, they are annotations. Nor is a
    ``pattern`` that is beyond regular expressions of linear time, such as one that looks ahead. Nothing outside the
    schema is ever fetched.

    Raises `InvalidRequest` for a schema that is none, is too large, or refers to something outside itself.
    """

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self._measure = Measure(0, recursive=False)
        self._validator: jsonschema_rs.Validator | None = None
        if schema is None:
            return
        self._measure = _measured(schema)
        try:
            self._validator = _compiled(dict(schema))
        except jsonschema_rs.ValidationError as error:
            reason = f"{error.message} at {_place(error.instance_path)}"
            raise InvalidRequest(_line(f"the schema is not a valid JSON Schema: {reason}")) from None
        except ValueError as error:
            raise InvalidRequest(_line(f"the schema is not a valid JSON Schema: {error}")) from None

    def check(self, text: str) -> str | None:
        """None when `text` is one JSON value as asked for, else what is wrong: one line of at most 300 characters."""
        try:
            value = json.loads(text, parse_constant=_refuse)
        except RecursionError:
            return _TOO_DEEP
        except json.JSONDecodeError as error:
            return f"the answer is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        except ValueError as error:
            return _line(f"the answer is not JSON: {error}")
        if _too_deep(value):
            return _TOO_DEEP
        if self._validator is None:
            return None if isinstance(value, dict) else "the answer is not a JSON object"
        try:
            if self._validator.is_valid(value):
                return None
            if not self._measure.recursive and self._measure.size * len(text) <= _MAX_EXPLAINED:
                self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            place = _place(error.instance_path)
            return f"{_line(error.message, _LONGEST_REASON - len(place) - 4)} at {place}"
        except UnicodeEncodeError:
            return "the answer holds half of a surrogate pair"
        return "the answer does not satisfy the schema"


_TOO_DEEP = f"the answer is more than {MAX_DEPTH} levels deep"


def _compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """Raises ValueError, of which `jsonschema_rs.ValidationError` is one."""
    try:
        return _validator_for(schema)
    except jsonschema_rs.ValidationError:
        return _validator_for(_without_hard_patterns(schema))


def _validator_for(schema: Any) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        schema, offline=True, pattern_options=_PATTERNS, validate_formats=False, mask="the value"
    )


def _without_hard_patterns(node: Any) -> Any:
    """A schema without the patterns that cannot be run: its values are the same and some more.

    What a schema excludes is left alone, since more values there would be fewer in all.
    """
    if isinstance(node, list):
        return [_without_hard_patterns(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        keyword: part if keyword in ("not", "if") else _without_hard_patterns(part)
        for keyword, part in node.items()
        if keyword != "pattern" or not isinstance(part, str) or _runs(part)
    }


def _runs(pattern: str) -> bool:
    try:
        _validator_for({"pattern": pattern})
    except ValueError:
        return False
    return True


def _too_deep(value: Any) -> bool:
    """Level by level, since a recursion is what this is to prevent."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        nodes = [node for node in level if isinstance(node, dict | list)]
        if not nodes:
            return False
        level = [child for node in nodes for child in (node.values() if isinstance(node, dict) else node)]
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _place(path: list[str | int]) -> str:
    """A JSONPath such as ``$.people[2].age``."""
    steps = (
        f".{step}" if isinstance(step, str) and _PLAIN.fullmatch(step) else f"[{json.dumps(step)}]" for step in path
    )
    return _line("$" + "".join(steps), _LONGEST_PLACE)


def _line(text: str, longest: int = _LONGEST_REASON) -> str:
    """One line of at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
