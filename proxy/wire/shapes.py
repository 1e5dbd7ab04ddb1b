"""What readers take, as JSON Schema of the dialect that OpenAPI 3.1 has."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.fields import Shape, Struct, shape_of

Schema = dict[str, Any]

_NULL = {"type": "null"}


def body_schema(struct: Struct) -> Schema:
    """The schema of a body that `struct` reads."""
    return {"title": struct.name, **_schema(struct)}


def _schema(shape: Shape) -> Schema:
    if isinstance(shape, Struct):
        members = {name: _schema(reader) for name, reader in shape.readers.items()}
        properties = {
            name: _not_empty(schema) if name in shape.needed else _or_null(schema) for name, schema in members.items()
        }
        return {
            "type": "object",
            "properties": properties,
            **({"required": list(shape.needed)} if shape.needed else {}),
        }
    if isinstance(shape, Mapping):
        return {key: _filled(value) for key, value in shape.items()}
    return _schema(shape_of(shape))


def _filled(value: Any) -> Any:
    """A part of a shape, with schemas in the place of readers."""
    if callable(value):
        return _schema(value)
    if isinstance(value, Mapping):
        return {key: _filled(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(member) for member in value]
    return value


def _not_empty(schema: Schema) -> Schema:
    """A field that is needed is refused when it is empty, as when it is not there."""
    match schema:
        case {"anyOf": [*choices]}:
            return {**schema, "anyOf": [_not_empty(choice) for choice in choices]}
        case {"type": "string"}:
            return {**schema, "minLength": 1}
        case {"type": "array"}:
            return {**schema, "minItems": 1}
    return schema


def _or_null(schema: Schema) -> Schema:
    """A null leaves a field unset."""
    match schema:
        case {"anyOf": [*choices]}:
            return {**schema, "anyOf": [*choices, _NULL]}
        case {"type": str(kind)} if kind != "null":
            return {**schema, "type": [kind, "null"]}
        case {"type": [*kinds]}:
            return {**schema, "type": [*kinds, "null"]}
        case {"enum": _} | {"const": _}:
            return {"anyOf": [schema, _NULL]}
    return schema
