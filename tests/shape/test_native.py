import copy
import json
from typing import Any

import pytest

from proxy.shape.native import MAX_DEPTH, MAX_OPTIONAL, MAX_UNIONS
from proxy.shape.schema import Validator, api_schema
from proxy.simulator.rules.output_schema import check_output_schema
from proxy.simulator.schema import minimal_value
from tests.shape.schemas import EXPRESSIBLE, INEXPRESSIBLE, PERSON, ROOT_REFERENCE, UNION, ZOD, Schema


def of(schema: object) -> Schema:
    """An object with one property, which is required."""
    return {"type": "object", "properties": {"a": schema}, "required": ["a"]}


def converted(schema: object) -> Any:
    """What becomes of a property's schema, None when the whole cannot be expressed."""
    whole = api_schema(of(schema))
    if whole is None:
        return None
    check_output_schema(whole)
    assert whole == {**of(whole["properties"]["a"]), "additionalProperties": False}
    return whole["properties"]["a"]


def closed(**properties: object) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize("schema", [schema for schema, _right, _wrong in EXPRESSIBLE])
def test_the_api_takes_what_real_libraries_make(schema: Schema) -> None:
    before = copy.deepcopy(schema)
    found = api_schema(schema)
    assert found is not None
    check_output_schema(found)
    assert schema == before
    assert json.dumps(api_schema(schema)) == json.dumps(found)


@pytest.mark.parametrize("schema", [PERSON, ROOT_REFERENCE, UNION])
def test_what_the_api_is_held_to_satisfies_the_clients_schema(schema: Schema) -> None:
    value = minimal_value(api_schema(schema))
    assert Validator(schema).check(json.dumps(value)) is None


@pytest.mark.parametrize("schema", [schema for schema, _right, _wrong in INEXPRESSIBLE])
def test_what_cannot_be_expressed_is_none(schema: Schema) -> None:
    assert api_schema(schema) is None


def test_a_pydantic_model_keeps_its_words_and_its_order() -> None:
    found = api_schema(PERSON)
    assert found is not None
    assert list(found["properties"]) == ["name", "age", "home", "work", "colours", "kind"]
    assert found["properties"]["age"] == {
        "type": "integer",
        "title": "Age",
        "description": "{maximum: 150, minimum: 0}",
    }
    assert found["properties"]["name"]["description"] == "The full name\n\n{minLength: 1}"
    assert found["properties"]["home"] == {"anyOf": [{"$ref": "#/$defs/Address"}], "description": "The first one"}
    assert found["properties"]["work"] == {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}]}
    assert found["$defs"]["Address"]["description"] == "Where somebody lives."
    assert found["$defs"]["Colour"] == {"type": "string", "enum": ["red", "blue"], "title": "Colour"}


def test_a_zod_schema_becomes_a_union_of_its_variants() -> None:
    found = api_schema(ZOD)
    assert found is not None
    assert "$schema" not in found
    assert [part["properties"]["kind"]["const"] for part in found["properties"]["shape"]["anyOf"]] == ["circle", "dot"]
    assert found["properties"]["tags"]["minItems"] == 1
    assert found["properties"]["email"]["format"] == "email"
    assert found["properties"]["email"]["description"].startswith('{pattern: "^(?!')


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "boolean", "default": True, "examples": [True], "$comment": "c"}, {"type": "boolean"}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "number", "multipleOf": 0.5}, {"type": "number", "description": "{multipleOf: 0.5}"}),
        ({"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}),
        ({"type": "string", "format": "iri"}, {"type": "string", "description": '{format: "iri"}'}),
        ({"type": "integer", "format": "time"}, {"type": "integer", "description": '{format: "time"}'}),
        ({"enum": [1, "b", None]}, {"enum": [1, "b", None]}),
        ({"const": 5}, {"const": 5}),
        (
            {"type": "array", "items": {"type": "null"}, "minItems": 2, "uniqueItems": True},
            {"type": "array", "items": {"type": "null"}, "description": "{minItems: 2, uniqueItems: true}"},
        ),
        ({"items": {"type": "null"}, "minItems": 0}, {"type": "array", "items": {"type": "null"}, "minItems": 0}),
        ({"oneOf": [{"type": "null"}], "title": "T"}, {"anyOf": [{"type": "null"}], "title": "T"}),
        ({"type": "string", "anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
        ({"allOf": [{"type": "string", "title": "in"}], "title": "out"}, {"type": "string", "title": "out"}),
        (
            {"type": ["object", "null"], "properties": {"b": {"type": "null"}}},
            {**closed(b={"type": "null"}), "type": ["object", "null"]},
        ),
        ({"type": "object", "additionalProperties": False}, closed()),
    ],
)
def test_a_schema_becomes_what_the_api_takes(schema: Schema, expected: Schema) -> None:
    assert converted(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"description": "anything"},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"type": "array", "items": [{"type": "string"}]},
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {"type": "object", "properties": {"b": {"type": "null"}}, "additionalProperties": True},
        {"type": "object", "properties": {"b": {"type": "null"}}, "additionalProperties": {"type": "null"}},
        {"type": "object", "properties": {"b": {"type": "null"}}, "additionalProperties": 0},
        {"type": "object", "properties": {"b": {"type": "null"}}, "patternProperties": {}},
        {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["c"]},
        {"type": "object", "properties": {"b": {"type": "null"}}, "required": [[]]},
        {"type": "object", "properties": []},
        {"type": "strin"},
        {"type": []},
        {"type": 5},
        {"enum": []},
        {"enum": [{}]},
        {"const": []},
        {"not": {"type": "string"}},
        {"type": "string", "if": {}},
        {"anyOf": []},
        {"anyOf": [True]},
        {"anyOf": [{"type": "null"}], "oneOf": [{"type": "null"}]},
        {"anyOf": [{"required": ["b"]}], "properties": {"b": {"type": "null"}}},
        {"type": "string", "anyOf": [{"type": "string"}, {"type": "null"}]},
        {"allOf": [{"type": "string"}, {"type": "string"}]},
        {"allOf": [{"type": "string"}], "type": "string"},
        {"$ref": "#"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "#/properties/a"},
        {"$ref": "http://127.0.0.1/schema.json"},
        {"$ref": "other.json#/$defs/A"},
        {"$ref": 5},
        {"$dynamicRef": "#node"},
    ],
)
def test_a_property_that_the_api_cannot_hold_to_makes_the_whole_none(schema: object) -> None:
    assert converted(schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"enum": [1]},
        {"type": ["object", "null"], "properties": {"b": {"type": "null"}}},
        {"anyOf": [{"type": "object", "properties": {"b": {"type": "null"}}}, {"type": "null"}]},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"$ref": "#/$defs/A", "$defs": []},
    ],
)
def test_the_whole_has_to_be_an_object(schema: Schema) -> None:
    assert api_schema(schema) is None


def test_only_definitions_that_are_used_count() -> None:
    used = {"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x"]}
    found = api_schema({**of({"$ref": "#/$defs/Used"}), "$defs": {"Unused": {"not": {}}, "Used": used}})
    assert found is not None
    assert found["$defs"] == {"Used": {**used, "additionalProperties": False}}


def test_a_property_may_be_called_like_a_keyword() -> None:
    names = {name: {"type": "string"} for name in ("not", "$ref", "allOf", "pattern", "type", "minimum")}
    found = api_schema({"type": "object", "properties": names, "required": list(names)})
    assert found is not None
    assert found["properties"] == names


def optional(count: int) -> Schema:
    return {"type": "object", "properties": {f"p{n}": {"type": "null"} for n in range(count)}}


def test_more_optional_properties_or_unions_than_the_api_takes_are_none() -> None:
    assert api_schema(optional(MAX_OPTIONAL)) is not None
    assert api_schema(optional(MAX_OPTIONAL + 1)) is None
    for union in ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}):
        for count, taken in ((MAX_UNIONS, True), (MAX_UNIONS + 1, False)):
            names = [f"p{n}" for n in range(count)]
            schema = {"type": "object", "properties": dict.fromkeys(names, union), "required": names}
            assert (api_schema(schema) is not None) == taken


def test_references_count_as_often_as_they_are_used() -> None:
    half = {"$defs": {"Half": optional(MAX_OPTIONAL // 2)}}
    for count, taken in ((2, True), (3, False)):
        names = [f"p{n}" for n in range(count)]
        uses = {name: {"$ref": "#/$defs/Half"} for name in names}
        assert (api_schema({"type": "object", "properties": uses, "required": names, **half}) is not None) == taken


def test_unions_of_references_that_multiply_end_soon() -> None:
    steps = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    assert api_schema({"$ref": "#/$defs/d0", "$defs": {**steps, "d60": closed()}}) is None


@pytest.mark.parametrize("levels", [10, MAX_DEPTH - 2, MAX_DEPTH + 1, 50_000])
def test_a_schema_of_any_depth_is_taken_or_none(levels: int) -> None:
    schema: Schema = {"type": "null"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    assert converted(schema) is not None if levels < MAX_DEPTH else api_schema(of(schema)) is None
