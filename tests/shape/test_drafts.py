from typing import Any

import pytest

from proxy.shape.drafts import CURRENT, MAX_DEPTH, modern

STRING = {"type": "string"}


def test_a_schema_of_today_is_kept_with_its_order() -> None:
    schema = {
        "title": "Find",
        "type": "object",
        "required": ["b", "a"],
        "additionalProperties": False,
        "properties": {
            "b": {"type": ["string", "null"], "default": None, "format": "uri", "pattern": "^h"},
            "a": {"enum": [1, None, {"type": None}], "exclusiveMinimum": 3, "x-unknown": {"a": None}},
            "c": {"prefixItems": [STRING], "items": False, "$ref": "#/$defs/C"},
            "any": True,
        },
        "$defs": {"C": {"type": "array", "contains": {"not": STRING}}},
        "$schema": CURRENT,
    }
    converted = modern(schema)
    assert repr(converted) == repr(schema)
    assert converted is not schema
    assert converted["properties"]["b"] is not schema["properties"]["b"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": None, "description": None, "items": None}, {}),
        ({"enum": None, "examples": None, "required": None}, {}),
        ({"default": None, "const": None}, {"default": None, "const": None}),
        ({"enum": [None, {"a": None}]}, {"enum": [None, {"a": None}]}),
        ({"default": {"type": None, "nullable": True}}, {"default": {"type": None, "nullable": True}}),
        ({"const": {"required": True}}, {"const": {"required": True}}),
        ({"examples": [{"type": "str"}]}, {"examples": [{"type": "str"}]}),
        ({"properties": {"a": None}}, {"properties": {"a": {}}}),
        ({"properties": None}, {}),
    ],
)
def test_what_is_null_goes_unless_it_is_a_value(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("str", "string"),
        ("int", "integer"),
        ("float", "number"),
        ("bool", "boolean"),
        ("dict", "object"),
        ("list", "array"),
        ("tuple", "array"),
        ("None", "null"),
        ("STRING", "string"),
        ("Object", "object"),
        ("Point", "Point"),
        ("any", None),
        ("Any", None),
        ("", None),
        ([], None),
        (["str", None], ["string", "null"]),
        (["string", "str", "integer"], ["string", "integer"]),
        (["string", "any"], None),
        (["string", {"type": "null"}], ["string", {"type": "null"}]),
        ({"type": "string"}, {"type": "string"}),
    ],
)
def test_types_go_by_the_names_of_json_schema(given: Any, expected: Any) -> None:
    assert modern({"type": given, "title": "T"}) == ({"type": expected} if expected else {}) | {"title": "T"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "str", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "null", "nullable": True}, {"type": "null"}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"type": ["string", "integer"], "nullable": True}, {"type": ["string", "integer"]}),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a"]}),
        ({"type": "any", "nullable": True}, {}),
    ],
)
def test_nullable_is_a_matter_of_the_type(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"maximum": 2.5, "exclusiveMaximum": True}, {"exclusiveMaximum": 2.5}),
        ({"minimum": 1, "exclusiveMinimum": False}, {"minimum": 1}),
        ({"exclusiveMaximum": True}, {}),
        ({"minimum": "1", "exclusiveMinimum": True}, {"minimum": "1"}),
        ({"minimum": 0, "exclusiveMinimum": 1}, {"minimum": 0, "exclusiveMinimum": 1}),
    ],
)
def test_exclusive_bounds_are_numbers(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"properties": {"a": {"required": True}, "b": {"required": False}, "c": {"required": True}}},
            {"properties": {"a": {}, "b": {}, "c": {}}, "required": ["a", "c"]},
        ),
        (
            {"required": ["c", "a"], "properties": {"a": {"required": True}, "b": {"required": True}}},
            {"required": ["c", "a", "b"], "properties": {"a": {}, "b": {}}},
        ),
        (
            {"properties": {"a": {"required": True, "properties": {"b": {"required": True}}}}},
            {"properties": {"a": {"properties": {"b": {}}, "required": ["b"]}}, "required": ["a"]},
        ),
        ({"items": {"required": True}}, {"items": {}}),
        ({"required": True}, {}),
        ({"required": "a", "properties": {"a": {"required": True}}}, {"required": "a", "properties": {"a": {}}}),
        ({"properties": {"required": {"type": "boolean"}}}, {"properties": {"required": {"type": "boolean"}}}),
    ],
)
def test_a_property_that_says_that_it_is_required_is_listed(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"items": [{"type": "str"}]}, {"prefixItems": [STRING]}),
        (
            {"items": [STRING], "additionalItems": {"type": "int"}},
            {"prefixItems": [STRING], "items": {"type": "integer"}},
        ),
        ({"items": [STRING], "additionalItems": False}, {"prefixItems": [STRING], "items": False}),
        ({"items": []}, {}),
        ({"items": [], "additionalItems": STRING}, {"items": STRING}),
    ],
)
def test_a_list_of_items_has_a_name_of_its_own(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(given) == expected


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        (CURRENT, True),
        (f"{CURRENT}#", True),
        ("http://json-schema.org/draft-07/schema#", False),
        ("", False),
        (7, False),
    ],
)
def test_only_the_draft_of_today_is_named_and_only_at_the_top(draft: object, kept: bool) -> None:
    given = {"$schema": draft, "items": {"$schema": draft}}
    assert modern(given) == ({"$schema": draft} if kept else {}) | {"items": {}}


OLD, NEW = {"type": "str", "title": None}, {"type": "string"}


@pytest.mark.parametrize(
    "keyword",
    [
        *("items", "additionalItems", "unevaluatedItems", "contains", "not", "if", "then", "else", "contentSchema"),
        *("additionalProperties", "unevaluatedProperties", "propertyNames"),
    ],
)
def test_a_schema_below_a_keyword_is_converted(keyword: str) -> None:
    assert modern({keyword: OLD}) == {keyword: NEW}
    assert modern({keyword: False}) == {keyword: False}


@pytest.mark.parametrize("keyword", ["anyOf", "allOf", "oneOf", "prefixItems"])
def test_schemas_in_a_list_are_converted(keyword: str) -> None:
    assert modern({keyword: [OLD, True, None]}) == {keyword: [NEW, True, None]}
    assert modern({keyword: "none"}) == {keyword: "none"}


@pytest.mark.parametrize(
    "keyword", ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"]
)
def test_schemas_with_names_are_converted_whatever_they_are_called(keyword: str) -> None:
    names = ("type", "default", "enum", "nullable", "required", "items", "$schema", "const")
    assert modern({keyword: dict.fromkeys(names, OLD)}) == {keyword: dict.fromkeys(names, NEW)}
    assert modern({keyword: {"a": ["b"]}}) == {keyword: {"a": ["b"]}}
    assert modern({keyword: []}) == {keyword: []}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_what_is_too_deep_is_refused() -> None:
    assert modern(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    for levels in (MAX_DEPTH + 1, 5000):
        with pytest.raises(ValueError, match="it is more than 100 levels deep"):
            modern(nested(levels))
