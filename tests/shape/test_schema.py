import json
import socket
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.shape.schema import MAX_DEPTH, Validator, instruction, openings
from tests.shape.schemas import EXPRESSIBLE, INEXPRESSIBLE, PERSON, ZOD, Schema, Tree

REAL = [*EXPRESSIBLE, *INEXPRESSIBLE]


@pytest.mark.parametrize(("schema", "right", "wrong"), REAL)
def test_an_answer_is_held_against_the_clients_schema(schema: Schema, right: list[Any], wrong: list[Any]) -> None:
    validator = Validator(schema)
    for value in right:
        assert validator.check(json.dumps(value)) is None
        assert validator.check(f" \n{json.dumps(value, indent=2)}\n") is None
    for value in wrong:
        assert validator.check(json.dumps(value)) is not None


DEEPEST = "[" * MAX_DEPTH + "0" + "]" * MAX_DEPTH


@pytest.mark.parametrize(
    "text", ["{}", f'{{"a": {DEEPEST[1:-1]}}}', ' {"a": [1, 2.5e3, null]}\n', '{"a": 1, "a": 2}', '{"\\ud800": 1}']
)
def test_without_a_schema_any_object_will_do(text: str) -> None:
    assert Validator(None).check(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the answer is not JSON: Expecting value at line 1, column 1"),
        ('{"a":\n}', "the answer is not JSON: Expecting value at line 2, column 1"),
        ("{} {}", "the answer is not JSON: Extra data at line 1, column 4"),
        ("\ufeff{}", "the answer is not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1, column 1"),
        ("[NaN]", "the answer is not JSON: NaN is no JSON number"),
        ("[-Infinity]", "the answer is not JSON: -Infinity is no JSON number"),
        ("5", "the answer is not a JSON object"),
        ('"text"', "the answer is not a JSON object"),
        ("[]", "the answer is not a JSON object"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "the answer is more than 200 levels deep"),
        ("[" * 100_000, "the answer is more than 200 levels deep"),
    ],
)
def test_what_is_no_json_answer_is_named(text: str, reason: str) -> None:
    assert Validator(None).check(text) == reason


@pytest.mark.parametrize(
    ("schema", "brackets"),
    [
        (None, "{"),
        ({"type": "object"}, "{"),
        ({"properties": {}}, "{"),
        ({"type": "array"}, "["),
        ({"type": ["object", "array"]}, "{["),
        ({"anyOf": [{"type": "object"}, {"type": "array"}]}, "{["),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}, "{["),
        ({}, "{["),
        ({"type": "string"}, ""),
        ({"type": ["object", "null"]}, ""),
        ({"enum": ["yes", "no"]}, ""),
        ({"const": 5}, ""),
    ],
)
def test_what_a_value_may_begin_with_follows_from_its_schema(schema: Schema | None, brackets: str) -> None:
    assert openings(schema) == brackets


PEOPLE: Schema = {
    "type": "object",
    "properties": {
        "people": {
            "type": "array",
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {"age": {"type": "integer"}, "e mail": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                "required": ["age"],
                "additionalProperties": False,
            },
        }
    },
}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], 'the value is not of type "object" at $'),
        ({"people": [{"age": 1}, {"age": "secret"}]}, 'the value is not of type "integer" at $.people[1].age'),
        ({"people": [{}]}, '"age" is a required property at $.people[0]'),
        (
            {"people": [{"age": 1, "e mail": 5}]},
            "the value is not valid under any of the schemas listed in the 'anyOf' keyword at $.people[0][\"e mail\"]",
        ),
        (
            {"people": [{"age": 1, "more": 5}]},
            "Additional properties are not allowed ('more' was unexpected) at $.people[0]",
        ),
        ({"people": [{"age": 1}] * 4}, "the value has more than 3 items at $.people"),
    ],
)
def test_the_reason_says_what_is_wrong_and_where(value: object, reason: str) -> None:
    assert Validator(PEOPLE).check(json.dumps(value)) == reason


def test_a_reason_is_one_short_line() -> None:
    name = "long\nname " * 1000
    schema = {"additionalProperties": {"enum": ["a" * 5000]}}
    for reason in (
        Validator(schema).check(json.dumps({name: 5})),
        Validator({"additionalProperties": False}).check(json.dumps({name: 5})),
        Validator(None).check("[" + "1" * 5000 + "]"),
    ):
        assert reason is not None
        assert len(reason) <= 300
        assert reason.isprintable()


@pytest.mark.parametrize(
    ("schema", "text", "satisfied"),
    [
        ({"properties": {"a": {"type": "integer"}}}, '{"a": 123456789012345678901234567890}', True),
        ({"properties": {"a": {"maximum": 10}}}, '{"a": 123456789012345678901234567890}', False),
        ({"properties": {"a": {"const": 123456789012345678901}}}, '{"a": 123456789012345678901}', True),
        ({"properties": {"a": {"type": "string"}}}, '{"a": 1e999}', False),
        ({"properties": {"a": {"type": "string"}}}, '{"a": "\\ud800"}', True),
        ({"properties": {"a": {"pattern": "^x"}}}, '{"a": "\\ud800"}', False),
        ({"properties": {"a": {}}}, '{"\\udfff": 1}', False),
        ({"type": "array"}, '{"\\udfff": 1}', False),
        ({"properties": {"a": {"const": 2}}}, '{"a": 1, "a": 2}', True),
        ({"type": "array", "items": {"type": "integer"}}, "[1.0, 1e3]", True),
        ({"properties": {"a": {"format": "date"}}}, '{"a": "tomorrow"}', True),
    ],
)
def test_unusual_values_are_measured_all_the_same(schema: Schema, text: str, satisfied: bool) -> None:
    assert (Validator(schema).check(text) is None) == satisfied


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "strin"}, "not a valid JSON Schema: .* at \\$.type"),
        ({"properties": {"a": {"required": "a"}}}, "at \\$.properties.a.required"),
        ({"properties": []}, "not a valid JSON Schema"),
        ({"$schema": "http://example.com/own", "type": "object"}, "Unknown meta-schema"),
        ({"$schema": 5}, "not a valid JSON Schema"),
        ({"const": "\ud800"}, "not a valid JSON Schema"),
        ({"not": {"pattern": "(?=a)"}}, "regex"),
        ({"patternProperties": {"(?=a)": {}}}, "regex"),
        ({"$ref": "#/$defs/Missing"}, "cannot be used: #/\\$defs/Missing names nothing"),
    ],
)
def test_a_schema_that_is_none_is_the_clients_fault(schema: Schema, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text) as caught:
        Validator(schema)
    assert caught.value.status == 400
    assert len(caught.value.message) <= 300
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("draft", "satisfied"),
    [
        ({}, False),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, True),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, True),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, False),
    ],
)
def test_the_draft_is_the_one_that_the_schema_names(draft: Schema, satisfied: bool) -> None:
    # Until 2019 what stands beside a reference does not count.
    schema = {**draft, "properties": {"a": {"$ref": "#/properties/b", "type": "string"}, "b": {}}}
    assert (Validator(schema).check('{"a": 5}') is None) == satisfied


def test_nothing_is_fetched_whatever_a_schema_refers_to(tmp_path: Any) -> None:
    file = tmp_path / "schema.json"
    file.write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        for reference in (url, f"{url}#/a", file.as_uri(), str(file), "schema.json", "//127.0.0.1/a", "urn:a:b"):
            for schema in ({"$ref": reference}, {"$id": url, "$ref": reference}, {"$dynamicRef": reference}):
                with pytest.raises(InvalidRequest):
                    Validator(schema)
            with pytest.raises(InvalidRequest, match="not a valid JSON Schema"):
                Validator({"$schema": reference})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_pattern_cannot_take_exponential_time() -> None:
    validator = Validator({"items": {"pattern": "^(a+)+$"}})
    assert validator.check(json.dumps(["a" * 100_000])) is None
    assert validator.check(json.dumps(["a" * 100_000 + "!"])) is not None


@pytest.mark.parametrize("pattern", ["^(?=.*[0-9]).*$", "(a)\\1", "((a{1000}){1000}){1000}", "["])
def test_a_pattern_that_cannot_be_run_in_linear_time_is_not_checked(pattern: str) -> None:
    schema = {"properties": {"a": {"pattern": pattern}, "b": {"pattern": "^x"}, "pattern": {"type": "string"}}}
    validator = Validator(schema)
    assert validator.check('{"a": "!", "b": "x", "pattern": ""}') is None
    assert validator.check('{"a": "!", "b": "y"}') is not None
    assert validator.check('{"pattern": 5}') is not None


def test_a_schema_that_multiplies_is_refused() -> None:
    steps = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    with pytest.raises(InvalidRequest, match="parts, references followed"):
        Validator({"$ref": "#/$defs/d0", "$defs": {**steps, "d60": {"type": "string"}}})


def test_a_recursive_schema_is_checked_without_multiplying() -> None:
    schema = {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]}}
    validator = Validator(schema)
    assert validator.check("[" * 150 + "null" + "]" * 150) is None
    assert validator.check("[" * 150 + "5" + "]" * 150) == "the answer does not satisfy the schema"
    assert Validator(Tree.model_json_schema()).check('{"name": "a", "children": [{"name": "b"}]}') is None


def test_a_long_answer_to_a_large_schema_is_not_explained_at_length() -> None:
    schema = {"type": "array", "items": {"anyOf": [{"const": n} for n in range(500)]}}
    validator = Validator(schema)
    assert validator.check("[5, 500]") is not None
    assert validator.check(json.dumps([5] * 50_000)) is None
    assert validator.check(json.dumps([5] * 50_000 + [500])) == "the answer does not satisfy the schema"


def test_the_instruction_asks_for_json_alone() -> None:
    assert instruction(None) == "Answer with one JSON object and nothing else: no words around it, no Markdown."
    assert instruction({"type": "object", "description": "é\n"}) == (
        "Answer with one JSON value and nothing else: no words around it, no Markdown. "
        'It has to satisfy this JSON Schema:\n{"type":"object","description":"é\\n"}'
    )


@pytest.mark.parametrize("schema", [PERSON, ZOD])
def test_the_instruction_carries_the_schema_unchanged(schema: Schema) -> None:
    assert json.loads(instruction(schema).partition("\n")[2]) == schema
    assert instruction(schema) == instruction(json.loads(json.dumps(schema)))


def test_a_schema_that_is_too_deep_to_be_written_down_is_refused() -> None:
    schema: Schema = {}
    for _ in range(50_000):
        schema = {"items": schema}
    with pytest.raises(InvalidRequest, match="too deep"):
        instruction(schema)
    with pytest.raises(InvalidRequest, match="deep"):
        Validator(schema)
