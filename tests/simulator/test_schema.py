"""The smallest JSON of a schema."""

from typing import Any

import pytest

from proxy.simulator.schema import minimal_value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "minLength": 11}, "simulated.."),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"type": "integer"}, 1),
        ({"type": "number", "minimum": 2.5}, 2.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "string"]}, None),
        ({"const": 7}, 7),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "array"}, []),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 1}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"const": 3}}}]}, {"a": 3}),
        ({"$ref": "#/$defs/x~1y", "$defs": {"x/y": {"const": 5}}}, 5),
        (
            {"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": {"properties": {"a": {}}, "required": ["a"]}}},
            {"a": "simulated"},
        ),
        ({}, "simulated"),
        (True, None),
    ],
)
def test_the_smallest_value_of(schema: Any, value: Any) -> None:
    assert minimal_value(schema) == value


def test_a_schema_that_holds_itself_ends() -> None:
    schema = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "required": ["n"]}},
    }
    assert "n" in minimal_value(schema)
