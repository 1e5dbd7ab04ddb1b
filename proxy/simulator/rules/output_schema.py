"""output_config.format: what a schema may not hold, since no answer can be held to it."""

from collections.abc import Iterator
from typing import Any

from proxy.simulator.errors import ApiError, invalid
from proxy.simulator.schema import resolve

_NUMBER_LIMITS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_STRING_LIMITS = ("maxLength", "minLength")

Schema = dict[str, Any]


def check_output_schema(schema: Schema) -> None:
    """A whole schema, at any depth."""
    for part in _parts(schema):
        _check_part(part)
    _check_references(schema, schema, (), set())


def _check_part(schema: Schema) -> None:
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise _refused("For 'object' type, 'additionalProperties' must be explicitly set to false")
    limits = _STRING_LIMITS if kind == "string" else _NUMBER_LIMITS if kind in ("integer", "number") else ()
    if found := [name for name in limits if name in schema]:
        raise _refused(f"For '{kind}' type, properties {', '.join(found)} are not supported")
    if kind == "array" and schema.get("minItems", 0) not in (0, 1):
        raise _refused("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if any(isinstance(part, dict) and "$ref" in part for part in schema.get("allOf", ())):
        raise _refused("'allOf' with '$ref' is not supported")


def _parts(schema: object) -> Iterator[Schema]:
    """The schema and every schema inside it."""
    if isinstance(schema, list):
        for part in schema:
            yield from _parts(part)
    if not isinstance(schema, dict):
        return
    yield schema
    for name, part in schema.items():
        if name in ("properties", "$defs", "definitions") and isinstance(part, dict):
            yield from _parts(list(part.values()))
        elif name in ("items", "anyOf", "allOf"):
            yield from _parts(part)


def _check_references(schema: object, root: Schema, path: tuple[str, ...], checked: set[str]) -> None:
    """Refuse a `$ref` that leads out of the schema, to nothing, or back to itself; `path` is the way here."""
    for part in _parts(schema):
        reference = part.get("$ref")
        if not isinstance(reference, str) or reference in checked:
            continue
        if reference in path:
            names = (_name(step) for step in (*path[path.index(reference) :], reference))
            raise _refused(
                f"Circular reference detected in schema definitions: {' -> '.join(names)}. "
                "Self-referencing or mutually-referencing definitions are not supported."
            )
        if not reference.startswith("#"):
            raise _refused(f"external references are not supported: {reference}")
        if not isinstance(target := resolve(reference, root), dict):
            raise _refused(f"the reference {reference} leads to no definition")
        _check_references(target, root, (*path, reference), checked)
        checked.add(reference)


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _refused(message: str) -> ApiError:
    return invalid(f"output_config.format.schema: {message}")
