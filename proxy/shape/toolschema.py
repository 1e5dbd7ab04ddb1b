"""A client's tools as the Messages API and the CLI take them.

The CLI drops every tool, without a word, when the schema of one is not to its liking; the API refuses the request. So
what clients are known to send is put right, and what cannot be is refused here, with the name of the tool.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from proxy.core.errors import InvalidRequest
from proxy.core.request import Message, Tool, ToolCall
from proxy.shape.drafts import modern
from proxy.shape.references import measure, unescaped

MAX_NAME = 256
MAX_TOOLS = 1000

MAX_SIZE = 30_000
"""Of all tools together, as `references.measure` counts: a tenth of a second or two. A hundred real ones have some
thousands."""

_SETS_KEPT = 32
_LARGEST_KEPT = 1 << 20  # in bytes of JSON

_COMBINED = ("allOf", "anyOf", "oneOf")
_MOST_PARTS = 100
_MOST_NAMES = 10_000
# Of a combination that is merged: references to one large definition may stand in each of its parts.

_LONGEST_TOLD = 2000
_LONGEST_REASON = 300
_LONGEST_NAMED = 100

_DEFINITION = re.compile(r"#/(\$defs|definitions)/([^/]+)")
_PROPERTY = re.compile(r"(?!__proto__\Z)[a-zA-Z0-9_.-]{1,64}")

Schema = dict[str, Any]
Merged = tuple[Schema, list[str]]
"""Properties, and the names of those that are required."""


def declarable(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    """The tools, sorted by name, each with a schema made anew that the API and the CLI take. The names are kept.

    Equal sets become equal bytes, in whatever order they come. Raises `InvalidRequest`, which names the tool.
    """
    try:
        text = orjson.dumps(tools)
    except TypeError:
        # Too deep, or with an integer of more than 64 bits: rare, so it is not worth a second way to remember it.
        return _declared(tools)
    if len(text) > _LARGEST_KEPT:
        return _declared(tools)
    return _remembered(_Given(hashlib.blake2b(text, digest_size=32).digest(), tools))


def stubs(messages: Iterable[Message]) -> tuple[Tool, ...]:
    """The tools that the conversation's calls name, sorted, with nothing known of them but that.

    Raises `InvalidRequest` when there are more than anybody offers.
    """
    calls = (part for message in messages if message.role == "assistant" for part in message.parts)
    names = {part.name for part in calls if isinstance(part, ToolCall)}
    if len(names) > MAX_TOOLS:
        raise InvalidRequest(f"the conversation calls {len(names)} different tools; {MAX_TOOLS} are allowed")
    return tuple(Tool(name, schema={"type": "object", "properties": {}}) for name in sorted(names))


@dataclass(frozen=True, slots=True)
class _Given:
    """Tools as they came, known by the digest of their JSON."""

    digest: bytes
    tools: tuple[Tool, ...] = field(compare=False)


@lru_cache(_SETS_KEPT)
def _remembered(given: _Given) -> tuple[Tool, ...]:
    return _declared(given.tools)


def _declared(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"there are {len(tools)} tools; {MAX_TOOLS} are allowed")
    declared: dict[str, Tool] = {}
    room = MAX_SIZE
    for tool in tools:
        try:
            room = _declare(tool, declared, room)
        except ValueError as error:
            name = _line(tool.name, _LONGEST_NAMED)
            raise InvalidRequest(_line(f'tool "{name}": {error}', _LONGEST_REASON)) from None
    return tuple(declared[name] for name in sorted(declared))


def _declare(tool: Tool, declared: dict[str, Tool], room: int) -> int:
    """Adds a tool to those that are `declared`; returns how large the next ones may be."""
    room -= measure(tool.schema).size
    if room < 0:
        raise ValueError(f"the schemas up to here have more than {MAX_SIZE} parts together")
    made = _made(tool)
    if declared.setdefault(tool.name, made) != made:
        raise ValueError("there is another one of this name")
    return room


def _made(tool: Tool) -> Tool:
    if not tool.name:
        raise ValueError("it has no name")
    if len(tool.name) > MAX_NAME:
        raise ValueError(f"its name is longer than {MAX_NAME} characters")
    schema = modern(tool.schema)
    _check_valid(schema)
    schema = _object(_flat(_resolved(schema, schema)))
    # What was merged into one cannot be referred to by where it stood.
    measure(schema)
    return Tool(tool.name, tool.description, schema)


def _check_valid(schema: Schema) -> None:
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(("#", *map(str, error.instance_path)))
        raise ValueError(f"its schema is not valid at {place}: {error.message}") from None


def _resolved(root: Schema, schema: Schema) -> Schema:
    """`schema` with the definition merged in that it is a reference to; what stands beside the reference wins."""
    seen = set()
    while (reference := schema.get("$ref")) is not None:
        found = _DEFINITION.fullmatch(reference)
        target = root.get(found[1], {}).get(unescaped(found[2])) if found else None
        if reference in seen or not isinstance(target, dict):
            raise ValueError(f"{reference} does not lead to a definition of an object")
        seen.add(reference)
        beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        schema = target | beside
        if "properties" in beside and "properties" in target:
            schema["properties"] = target["properties"] | beside["properties"]
        if "required" in beside and "required" in target:
            schema["required"] = list(dict.fromkeys((*beside["required"], *target["required"])))
    return schema


def _flat(schema: Schema) -> Schema:
    """`schema` without combinations at its top, which the API refuses: what they say of properties is merged into it.

    That lets through more than before. What got lost is told in the description.
    """
    combined = [keyword for keyword in _COMBINED if keyword in schema]
    if not combined:
        return schema
    flat = {keyword: value for keyword, value in schema.items() if keyword not in _COMBINED}
    properties = dict(flat.get("properties", {}))
    required = dict.fromkeys(flat.get("required", ()))
    for keyword in combined:
        parts = _parts(schema, keyword)
        merged, needed = _all(parts) if keyword == "allOf" else _any(parts)
        for name, part in merged.items():
            properties.setdefault(name, part)
        required |= dict.fromkeys(needed)
        flat = _told(flat, keyword, schema[keyword])
    flat["properties"] = properties
    if required:
        flat["required"] = list(required)
    return flat


def _parts(schema: Schema, keyword: str) -> list[Schema]:
    if len(schema[keyword]) > _MOST_PARTS:
        raise ValueError(f"its {keyword} has more than {_MOST_PARTS} schemas")
    parts = [_resolved(schema, part) for part in schema[keyword] if isinstance(part, dict) and _may_be_object(part)]
    if len(parts) < len(schema[keyword]) or not all(map(_may_be_object, parts)):
        raise ValueError(f"a schema in its {keyword} is not one of an object")
    if sum(len(part.get("properties", ())) + len(part.get("required", ())) for part in parts) > _MOST_NAMES:
        raise ValueError(f"its {keyword} names more than {_MOST_NAMES} properties")
    return parts


def _all(parts: list[Schema]) -> Merged:
    """What all parts say; of two schemas for a property the first, which alone lets through more than both."""
    properties: Schema = {}
    for part in parts:
        for name, schema in part.get("properties", {}).items():
            properties.setdefault(name, schema)
    return properties, [name for part in parts for name in part.get("required", ())]


def _any(parts: list[Schema]) -> Merged:
    """What any part says: for a property every schema, since such as its kind differs from part to part."""
    texts: dict[int, str] = {}  # by identity, since many parts may refer to the same large definition
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for name, schema in part.get("properties", {}).items():
            if id(schema) not in texts:
                texts[id(schema)] = _compact(schema)
            found.setdefault(name, {}).setdefault(texts[id(schema)], schema)
    properties = {name: _union(list(schemas.values())) for name, schemas in found.items()}
    common = set.intersection(*(set(part.get("required", ())) for part in parts))
    return properties, [name for name in parts[0].get("required", ()) if name in common]


def _union(schemas: list[Any]) -> Any:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _told(schema: Schema, keyword: str, parts: list[Any]) -> Schema:
    text = _compact(parts)
    told = text if len(text) <= _LONGEST_TOLD else f"{len(parts)} schemas that are too long to be told here"
    sentence = f"The arguments have to satisfy {keyword} of {told}."
    words = [schema["description"], sentence] if schema.get("description") else [sentence]
    return schema | {"description": "\n\n".join(words)}


def _object(schema: Schema) -> Schema:
    """`schema` as one of an object; its properties are objects, too, for the CLI takes no true or false there."""
    if not _may_be_object(schema):
        raise ValueError(f'its schema has the type {_compact(schema["type"])}, it has to be "object"')
    properties = schema.get("properties", {})
    for name in properties:
        if not _PROPERTY.fullmatch(name):
            raise ValueError(f'a property may not be called {_compact(name)}: "[a-zA-Z0-9_.-]{{1,64}}" is allowed')
    made: Schema = schema | {"type": "object"} if "type" in schema else {"type": "object"} | schema
    if "properties" in schema:
        made["properties"] = {name: _as_object(part) for name, part in properties.items()}
    return made


def _as_object(schema: Any) -> Schema:
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"not": {}}


def _may_be_object(schema: Schema) -> bool:
    kinds = schema.get("type", "object")
    return kinds == "object" or (isinstance(kinds, list) and "object" in kinds and {*kinds} <= {"object", "null"})


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _line(text: str, longest: int) -> str:
    """One line of at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
