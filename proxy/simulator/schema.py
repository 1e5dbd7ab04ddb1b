"""The smallest JSON that a schema allows."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MAX_DEPTH = 16

_FORMATS: Mapping[str, str] = {
    "date-time": "2025-01-01T00:00:00Z",
    "date": "2025-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def minimal_value(schema: object, root: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
    """A value that `schema` accepts: its required properties only, strings that say "simulated"."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    root = schema if root is None else root
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return minimal_value(resolve(str(schema["$ref"]), root), root, depth + 1)
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            return minimal_value(schema[word][0], root, depth + 1)
    if schema.get("allOf"):
        return minimal_value(_merged(schema["allOf"], root), root, depth + 1)
    return _by_type(schema, root, depth)


def _by_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties", {})
            return {
                name: minimal_value(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())
            }
        case "array":
            return [minimal_value(schema.get("items", {}), root, depth + 1) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return _FORMATS.get(schema.get("format", ""), "simulated").ljust(schema.get("minLength", 0), ".")


def resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference inside a schema, such as ``#/$defs/Person``, names in `root`; None for nothing."""
    at: Any = root
    for name in filter(None, unquote(reference).removeprefix("#").split("/")):
        at = at.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
    return at


def _merged(schemas: list[Any], root: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for part in schemas:
        schema = resolve(str(part["$ref"]), root) if "$ref" in part else part
        merged["properties"] |= schema.get("properties", {})
        merged["required"] += schema.get("required", [])
        merged["type"] = schema.get("type", merged["type"])
    return merged
