"""A JSON Schema of an older draft, or in looser words, put into those of 2020-12.

It means the same afterwards. Only what stands where a schema may stand is looked at: never a default, a constant, an
enumeration or an example, nor the name of a property. What is not known here is kept as it is, order included.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 100
"""Of schemas in each other."""

CURRENT = "https://json-schema.org/draft/2020-12/schema"

_ONE = frozenset(
    (
        *("items", "additionalItems", "unevaluatedItems", "contains"),
        *("additionalProperties", "unevaluatedProperties", "propertyNames"),
        *("not", "if", "then", "else", "contentSchema"),
    )
)
_SEVERAL = frozenset(("anyOf", "allOf", "oneOf", "prefixItems"))
_NAMED = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"),
)
_NULL_IS_A_VALUE = frozenset(("default", "const"))

_TYPES = {name: name for name in ("object", "array", "string", "integer", "number", "boolean", "null")}
_TYPES |= {"dict": "object", "list": "array", "tuple": "array", "str": "string"}
_TYPES |= {"int": "integer", "float": "number", "bool": "boolean", "none": "null"}
_ANY = ("any", "")

_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def modern(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` in the words of 2020-12, made anew; whether it is a valid one is for others to say.

    Raises ValueError for more than `MAX_DEPTH` schemas in each other.
    """
    return _schema(schema, 0)


def _node(node: Any, depth: int) -> Any:
    """What stands where a schema may stand: one, true or false, or what has no business there."""
    return _schema(node, depth) if isinstance(node, Mapping) else node


def _schema(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is more than {MAX_DEPTH} levels deep")
    converted = {
        keyword: _value(keyword, value, depth + 1) for keyword, value in _with_tuples(schema) if _kept(keyword, value)
    }
    if depth and "$schema" in converted:
        del converted["$schema"]
    _convert_type(converted)
    _convert_bounds(converted)
    _lift_required(converted, schema.get("properties"))
    return converted


def _kept(keyword: str, value: Any) -> bool:
    match keyword, value:
        case _, None:
            return keyword in _NULL_IS_A_VALUE
        case "required", bool():
            return False
        case "$schema", _:
            return isinstance(value, str) and value.removesuffix("#") == CURRENT
    return True


def _value(keyword: str, value: Any, depth: int) -> Any:
    if keyword in _ONE:
        return _node(value, depth)
    if keyword in _SEVERAL and isinstance(value, list):
        return [_node(part, depth) for part in value]
    if keyword in _NAMED and isinstance(value, Mapping):
        # A name without a schema is still a name that the model has to know.
        return {name: {} if part is None else _node(part, depth) for name, part in value.items()}
    return value


def _with_tuples(schema: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The members, a list of ``items`` by its name since 2020-12, where it may not be empty."""
    if not isinstance(schema.get("items"), list):
        return schema.items()
    names = {"items": "prefixItems", "additionalItems": "items"}
    members = {names.get(keyword, keyword): value for keyword, value in schema.items()}
    if not schema["items"]:
        del members["prefixItems"]
    return members.items()


def _convert_type(schema: dict[str, Any]) -> None:
    nullable = schema.pop("nullable", False)
    kind = schema.get("type")
    if isinstance(kind, str):
        named = _TYPES.get(kind.lower(), kind)
        schema["type"] = [named, "null"] if nullable is True and named != "null" else named
        if kind.lower() in _ANY:
            del schema["type"]
    elif isinstance(kind, list):
        names = ["null" if one is None else one for one in kind]
        if all(isinstance(one, str) for one in names):
            lowered = [one.lower() for one in names]
            schema["type"] = list(dict.fromkeys(_TYPES.get(low, one) for low, one in zip(lowered, names, strict=True)))
            if not set(lowered).isdisjoint(_ANY) or not names:
                del schema["type"]


def _convert_bounds(schema: dict[str, Any]) -> None:
    for exclusive, bound in _BOUNDS:
        flag, limit = schema.get(exclusive), schema.get(bound)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and isinstance(limit, int | float):
                schema[exclusive] = schema.pop(bound)


def _lift_required(schema: dict[str, Any], properties: Any) -> None:
    """``required: true`` inside a property was draft 3's word for being listed beside the properties."""
    if not isinstance(properties, Mapping):
        return
    lifted = [name for name, part in properties.items() if isinstance(part, Mapping) and part.get("required") is True]
    if lifted and isinstance(listed := schema.get("required", []), list):
        known = {name for name in listed if isinstance(name, str)}
        schema["required"] = [*listed, *(name for name in lifted if name not in known)]
