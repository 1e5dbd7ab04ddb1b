from typing import Any

import pytest

from proxy.shape.references import MAX_DEPTH, MAX_SIZE, Measure, Unmeasurable, measure, resolve
from tests.shape.schemas import EXPRESSIBLE, PERSON, Schema, Tree

DOCUMENT: Any = {"$defs": {"a/b": {"x": [1, {"y": 2}]}, "c~d": 3, "e f": 4}}


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#", DOCUMENT),
        ("#/$defs/a~1b/x/1/y", 2),
        ("#/$defs/c~0d", 3),
        ("#/$defs/e%20f", 4),
    ],
)
def test_a_pointer_names_a_part(reference: str, target: object) -> None:
    assert resolve(DOCUMENT, reference) == target


def doubling(steps: int) -> Schema:
    """A small schema that is 2^steps large, references followed."""
    names = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(steps)}
    return {"$ref": "#/$defs/d0", "$defs": {**names, f"d{steps}": {"type": "string"}}}


def nested(levels: int) -> Schema:
    schema: Schema = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, Measure(1, recursive=False)),
        ({"enum": ["a", "b"]}, Measure(2, recursive=False)),
        ({"anyOf": [{"$ref": "#/$defs/A"}] * 2, "$defs": {"A": {"items": {}}}}, Measure(11, recursive=False)),
        ({"items": {"$ref": "#"}}, Measure(2, recursive=True)),
        ({"properties": {"$ref": {"type": "string"}}}, Measure(3, recursive=False)),
    ],
)
def test_a_schema_is_as_large_as_what_it_refers_to(schema: Schema, expected: Measure) -> None:
    assert measure(schema) == expected


def test_real_schemas_are_small() -> None:
    for schema, _right, _wrong in EXPRESSIBLE:
        assert measure(schema).size < MAX_SIZE / 50
    assert not measure(PERSON).recursive
    assert measure(Tree.model_json_schema()).recursive


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (doubling(40), "more than 10000 parts"),
        (doubling(5000), "levels deep"),
        (nested(MAX_DEPTH + 1), "levels deep"),
        (nested(50_000), "levels deep"),
        ({"allOf": [{"pattern": "a"}] * 600}, "parts"),
        ({"patternProperties": {str(n): {} for n in range(600)}}, "parts"),
        ({"$ref": "http://127.0.0.1/a.json"}, "not http"),
        ({"$ref": "file:///etc/hosts"}, "not file"),
        ({"$ref": "a.json"}, "not a.json"),
        ({"$ref": "#anchor"}, "not #anchor"),
        ({"$dynamicRef": "#node"}, "not #node"),
        ({"$ref": "#/$defs/A"}, "names nothing"),
        ({"$ref": "#/$defs/A/0", "$defs": {"A": ["x"]}, "items": {"$ref": "#/$defs/A/one"}}, "names nothing"),
        ({"$ref": "#/title/x", "title": "T"}, "names nothing"),
        ({"items": {"$id": "urn:a", "$ref": "#/$defs/A"}}, "an \\$id inside"),
    ],
)
def test_what_cannot_be_followed_within_bounds_is_refused(schema: Schema, reason: str) -> None:
    with pytest.raises(Unmeasurable, match=reason):
        measure(schema)


def test_the_deepest_schema_can_be_measured() -> None:
    assert measure(nested(MAX_DEPTH)).size == MAX_DEPTH + 1
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(130)}
    assert measure({"$ref": "#/$defs/d0", "$defs": {**chain, "d130": {}}}).size > 130


def test_an_enumeration_counts_by_its_length() -> None:
    assert measure({"enum": list(range(40_000))}).size == 2
    with pytest.raises(Unmeasurable, match="more than 50000 entries"):
        measure({"anyOf": [{"enum": list(range(30_000))}, {"enum": list(range(30_000))}]})
