"""A JSON Schema in the part of the language that the API's structured output takes.

What the API's decoder cannot be held to, but a model can be told, goes into the descriptions. Of several alternatives
more than one may hold, and objects get no properties but those named.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from proxy.shape.references import unescaped

MAX_DEPTH = 100

MAX_OPTIONAL = 24
MAX_UNIONS = 16
# The API refuses a schema with more properties that may be missing, or more places with several types ("Schemas
# contains too many optional parameters"). References count as often as they are used.

_TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean", "null"))
_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"),
)
_TOLD = frozenset(
    (
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"),
        *("minItems", "maxItems", "uniqueItems"),
        *("minProperties", "maxProperties"),
    )
)
_INEXPRESSIBLE = frozenset(
    (
        *("not", "if", "then", "else"),
        *("prefixItems", "additionalItems", "contains", "minContains", "maxContains", "unevaluatedItems"),
        *("patternProperties", "propertyNames", "unevaluatedProperties"),
        *("dependencies", "dependentRequired", "dependentSchemas"),
        *("$dynamicRef", "$recursiveRef"),
    )
)
_SHAPES = frozenset(("type", "enum", "const", "properties", "required", "additionalProperties", "items"))
_COMBINED = frozenset(("$ref", "anyOf", "oneOf", "allOf"))
_WORDS = frozenset(("title", "description", "default", "examples"))

_DEFINITION = re.compile(r"#/(\$defs|definitions)/([^/]+)")

Schema = Mapping[str, Any]


class Inexpressible(ValueError):
    """The API's structured output cannot be held to this schema."""


def native_schema(schema: Schema) -> dict[str, Any]:
    """`schema` as the API takes it, made anew. Raises `Inexpressible`."""
    return _Conversion(schema).whole()


class _Conversion:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._definitions: dict[tuple[str, str], dict[str, Any]] = {}
        self._loads: dict[tuple[str, str], Counter[str] | None] = {}
        """By definition, what it adds to `_load`; None while it is being converted."""
        self._load: Counter[str] = Counter()

    def whole(self) -> dict[str, Any]:
        converted = self._node(self._root, 0)
        if self._load["optional"] > MAX_OPTIONAL or self._load["unions"] > MAX_UNIONS:
            raise Inexpressible("too many optional properties or unions")
        if not self._is_object(converted):
            raise Inexpressible("the answer need not be an object")
        for keyword in ("$defs", "definitions"):
            used = {name for word, name in self._definitions if word == keyword}
            if used:
                converted[keyword] = {n: self._definitions[keyword, n] for n in self._root[keyword] if n in used}
        return converted

    def _node(self, schema: object, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH or not isinstance(schema, Mapping) or schema.keys() & _INEXPRESSIBLE:
            raise Inexpressible
        combined = schema.keys() & _COMBINED
        if not combined:
            return self._shape(schema, depth) | _words(schema)
        if len(combined) > 1:
            raise Inexpressible("two combinations in one place")
        if combined == {"allOf"}:
            return self._node(_only(schema), depth + 1)
        if schema.keys() & _SHAPES - {"type"}:
            raise Inexpressible("a combination and a shape in one place")
        if combined == {"$ref"}:
            return self._reference(schema, depth)
        (union,) = combined
        return {"anyOf": self._union(schema, union, depth)} | _words(schema)

    def _union(self, schema: Schema, union: str, depth: int) -> list[dict[str, Any]]:
        """The alternatives. A type beside them is left out, which changes nothing where it is theirs."""
        self._load["unions"] += 1
        parts = [self._node(part, depth + 1) for part in _nonempty(schema[union])]
        if "type" in schema and not all(part.get("type") in _kinds(schema) for part in parts):
            raise Inexpressible("a union and a type in one place")
        return parts

    def _reference(self, schema: Schema, depth: int) -> dict[str, Any]:
        """A reference stands alone in the API's schemas; with words it becomes a union of one."""
        found = _DEFINITION.fullmatch(schema["$ref"]) if isinstance(schema["$ref"], str) else None
        if found is None or "type" in schema:
            raise Inexpressible("not a plain reference to a definition")
        self._define(found[1], unescaped(found[2]), depth)
        words = _words(schema)
        reference = {"$ref": schema["$ref"]}
        return {"anyOf": [reference], **words} if "description" in words else reference

    def _define(self, keyword: str, name: str, depth: int) -> None:
        key = keyword, name
        if key not in self._loads:
            self._loads[key] = None
            definitions = self._root.get(keyword)
            if not isinstance(definitions, Mapping) or name not in definitions:
                raise Inexpressible("a reference to nothing")
            before = self._load.copy()
            self._definitions[key] = self._node(definitions[name], depth + 1)
            self._loads[key] = self._load - before
            return
        load = self._loads[key]
        if load is None:
            raise Inexpressible("a recursive reference")
        self._load += load

    def _shape(self, schema: Schema, depth: int) -> dict[str, Any]:
        """What is no combination: a type, or a choice of values."""
        shape: dict[str, Any] = {}
        kinds = _kinds(schema)
        if kinds:
            shape["type"] = kinds[0] if isinstance(schema.get("type", ""), str) else kinds
            self._load["unions"] += len(kinds) > 1
        if "enum" in schema:
            shape["enum"] = [_scalar(value) for value in _nonempty(schema["enum"])]
        if "const" in schema:
            shape["const"] = _scalar(schema["const"])
        if "object" in kinds:
            shape |= self._object(schema, depth)
        if "array" in kinds:
            shape["items"] = self._node(schema.get("items"), depth + 1)
            if _keeps_min_items(schema):
                shape["minItems"] = schema["minItems"]
        if _keeps_format(schema):
            shape["format"] = schema["format"]
        return shape

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        closed = "additionalProperties" in schema
        if closed and schema["additionalProperties"] is not False:
            raise Inexpressible("an object with other properties")
        properties = schema.get("properties", {})
        if not isinstance(properties, Mapping) or not (properties or closed):
            raise Inexpressible("any object")
        required = schema.get("required", [])
        if not isinstance(required, list | tuple) or not all(
            isinstance(name, str) and name in properties for name in required
        ):
            raise Inexpressible("a required property that is none")
        self._load["optional"] += len(properties.keys() - set(required))
        converted = {name: self._node(part, depth + 1) for name, part in properties.items()}
        needed = {"required": list(required)} if required else {}
        return {"properties": converted, **needed, "additionalProperties": False}

    def _is_object(self, converted: Schema) -> bool:
        if "anyOf" in converted:
            return all(self._is_object(part) for part in converted["anyOf"])
        if "$ref" in converted:
            found = _DEFINITION.fullmatch(converted["$ref"])
            return found is not None and self._is_object(self._definitions[found[1], unescaped(found[2])])
        return converted.get("type") == "object"


def _only(schema: Schema) -> dict[str, Any]:
    """A schema with an ``allOf`` of one, as older pydantic wraps references, without it.

    Of several no one object could satisfy all, each being closed against the properties of the others.
    """
    parts = _nonempty(schema["allOf"])
    rest = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    if len(parts) > 1 or not isinstance(parts[0], Mapping) or parts[0].keys() & rest.keys() - _WORDS:
        raise Inexpressible("a conjunction")
    return {**parts[0], **rest}


def _kinds(schema: Schema) -> list[str]:
    """The types of `schema`, none where its values are named."""
    kinds = schema.get("type")
    if kinds is None:
        if "properties" in schema:
            return ["object"]
        if "items" in schema:
            return ["array"]
        if "enum" in schema or "const" in schema:
            return []
    kinds = [kinds] if isinstance(kinds, str) else _nonempty(kinds)
    if not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
        raise Inexpressible("a type that is none")
    return kinds


def _nonempty(value: object) -> list[Any]:
    if not isinstance(value, list | tuple) or not value:
        raise Inexpressible("not a list, or an empty one")
    return list(value)


def _scalar(value: object) -> object:
    if value is not None and not isinstance(value, str | int | float):
        raise Inexpressible("a choice of objects or arrays")
    return value


def _keeps_min_items(schema: Schema) -> bool:
    return "array" in _kinds(schema) and type(schema.get("minItems")) is int and schema["minItems"] in (0, 1)


def _keeps_format(schema: Schema) -> bool:
    known = isinstance(schema.get("format"), str) and schema["format"] in _FORMATS
    return known and "string" in _kinds(schema)


def _words(schema: Schema) -> dict[str, Any]:
    """The title, and the description with what the model can only be told."""
    kept = {"minItems": _keeps_min_items, "format": _keeps_format}
    combined = bool(schema.keys() & _COMBINED)
    told = [
        f"{keyword}: {json.dumps(value, ensure_ascii=False)}"
        for keyword, value in schema.items()
        if keyword in _TOLD
        and isinstance(value, str | int | float)
        and (combined or keyword not in kept or not kept[keyword](schema))
    ]
    description = schema.get("description")
    texts = [description] if isinstance(description, str) and description else []
    if told:
        texts.append(f"{{{', '.join(told)}}}")
    title = schema.get("title")
    words = {"title": title} if isinstance(title, str) else {}
    return words | ({"description": "\n\n".join(texts)} if texts else {})
