import json
import random
from typing import Any

import jsonschema_rs
import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Message, Text, Tool, ToolCall
from proxy.shape.toolschema import declarable, stubs
from tests.shape.schemas import EXPRESSIBLE

Schema = dict[str, Any]

A, B = {"type": "string"}, {"type": "integer"}
PERSON = {"type": "object", "properties": {"a": A}, "required": ["a"]}


def declared(schema: Schema) -> Schema:
    """What becomes of a schema."""
    (tool,) = declarable((Tool("find", "Finds.", schema),))
    assert (tool.name, tool.description) == ("find", "Finds.")
    return dict(tool.schema)


def refusal(*tools: Tool) -> str:
    with pytest.raises(InvalidRequest) as caught:
        declarable(tools)
    assert caught.value.status == 400
    return caught.value.message


def reason(schema: Schema) -> str:
    return refusal(Tool("find", "", schema)).removeprefix('tool "find": ')


# Sets of tools


def test_the_tools_are_sorted_so_that_a_set_is_the_same_in_any_order() -> None:
    tools = [Tool(name, f"Does {name}.", PERSON) for name in ("b", "A", "a_long one", "ä", "_")]
    expected = declarable(tuple(tools))
    assert [tool.name for tool in expected] == ["A", "_", "a_long one", "b", "ä"]
    shuffled = random.Random(1)
    for _ in range(10):
        shuffled.shuffle(tools)
        assert repr(declarable(tuple(tools))) == repr(expected)


def test_no_tools_are_none() -> None:
    assert declarable(()) == ()


def test_a_set_that_comes_again_is_not_made_again_and_one_that_differs_is() -> None:
    def tools(description: str) -> tuple[Tool, ...]:
        return (Tool("find", "", {"properties": {"a": {"description": description}}}),)

    first = declarable(tools("one"))
    assert declarable(tools("one")) is first
    assert declarable(tools("two"))[0].schema["properties"]["a"]["description"] == "two"


def test_a_set_with_a_number_of_many_digits_is_declared_too() -> None:
    assert declared({"properties": {"a": {"maximum": 10**30}}})["properties"] == {"a": {"maximum": 10**30}}


def test_what_was_given_is_not_changed() -> None:
    given = {"properties": {"a": {"type": "str", "required": True}}, "anyOf": [{"required": ["a"]}]}
    before = json.dumps(given)
    declared(given)
    assert json.dumps(given) == before


def test_a_tool_that_comes_twice_is_declared_once() -> None:
    assert declarable((Tool("find", "", PERSON), Tool("find", "", dict(PERSON)))) == (Tool("find", "", PERSON),)


@pytest.mark.parametrize("other", [Tool("find", "Finds.", PERSON), Tool("find", "", {"type": "object"})])
def test_two_tools_of_one_name_are_refused(other: Tool) -> None:
    assert refusal(Tool("find", "", PERSON), other) == 'tool "find": there is another one of this name'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", 'tool "": it has no name'),
        ("x" * 257, f'tool "{"x" * 99}…": its name is longer than 256 characters'),
    ],
)
def test_a_name_has_a_length(name: str, text: str) -> None:
    assert refusal(Tool("a"), Tool(name)) == text


@pytest.mark.parametrize("name", ["x" * 256, "ünï cödé", "a.b/c:d", "mcp__client__find", " "])
def test_other_names_are_kept(name: str) -> None:
    assert declarable((Tool(name),)) == (Tool(name, "", {"type": "object"}),)


# Types


@pytest.mark.parametrize(
    "given", [{}, {"type": ""}, {"type": None}, {"type": "any"}, {"type": "dict"}, {"type": ["object", "null"]}]
)
def test_arguments_are_an_object(given: Schema) -> None:
    assert declared(given) == {"type": "object"}
    assert declared({**given, "properties": {"a": A}}) == {"type": "object", "properties": {"a": A}}


@pytest.mark.parametrize("kind", ["string", "null", "array", ["object", "string"], ["null"]])
def test_arguments_of_another_type_are_refused(kind: object) -> None:
    assert reason({"type": kind}) == (
        f'its schema has the type {json.dumps(kind, separators=(",", ":"))}, it has to be "object"'
    )


def test_a_schema_is_kept_with_its_order() -> None:
    schema = {
        "$defs": {"U": {"type": "string", "format": "uri"}},
        "additionalProperties": False,
        "type": "object",
        "title": "Find",
        "properties": {
            "z": {"anyOf": [{"$ref": "#/$defs/U"}, {"type": "null"}], "default": None},
            "a": {"type": "string", "enum": ["x", "y"], "pattern": "(?<=a)b"},
        },
        "required": ["z"],
        "examples": [{"z": None}],
    }
    assert repr(declared(schema)) == repr(schema)


@pytest.mark.parametrize("schema", [schema for schema, _right, _wrong in EXPRESSIBLE if schema.get("type") == "object"])
def test_what_common_libraries_write_is_kept(schema: Schema) -> None:
    assert repr(declared(schema)) == repr(schema)


def test_a_property_without_conditions_is_written_as_an_object() -> None:
    assert declared({"properties": {"a": True, "b": False, "c": None}})["properties"] == {
        "a": {},
        "b": {"not": {}},
        "c": {},
    }


# Names of properties


@pytest.mark.parametrize("name", ["", "a b", "ä", "$x", "a/b", "x" * 65, "__proto__", "a\n"])
def test_a_property_of_a_name_that_the_api_does_not_take_is_refused(name: str) -> None:
    written = json.dumps(name, ensure_ascii=False)
    text = f'a property may not be called {written}: "[a-zA-Z0-9_.-]{{1,64}}" is allowed'
    assert reason({"properties": {"a": A, name: A}}) == text
    assert reason({"anyOf": [{"properties": {name: A}}]}) == text


@pytest.mark.parametrize("name", ["x" * 64, "a.b-c_D9", "type", "default", "__proto", "$ref"[1:]])
def test_a_property_of_another_name_is_kept(name: str) -> None:
    assert declared({"properties": {name: A}})["properties"] == {name: A}


def test_below_the_top_properties_are_called_as_they_like() -> None:
    inner = {"type": "object", "properties": {"a b": A, "ä": A, "__proto__": A}}
    assert declared({"properties": {"a": inner}})["properties"] == {"a": inner}


# Validity


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": []}, "#/properties"),
        ({"properties": {"a": "string"}}, "#/properties/a"),
        ({"properties": {"a": {"type": "Point"}}}, "#/properties/a/type"),
        ({"properties": {"a": {"type": {"type": "string"}}}}, "#/properties/a/type"),
        ({"required": "a"}, "#/required"),
        ({"required": ["a", "a"]}, "#/required"),
        ({"properties": {"a": {"required": "yes"}}}, "#/properties/a/required"),
        ({"$defs": {"X": {"minLength": -1}}}, "#/$defs/X/minLength"),
        ({"anyOf": []}, "#/anyOf"),
        ({"description": 3}, "#/description"),
        ({"properties": {"a": {"enum": "x"}}}, "#/properties/a/enum"),
        ({"$ref": 3}, "#/$ref"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_the_place(schema: Schema, place: str) -> None:
    assert reason(schema).startswith(f"its schema is not valid at {place}: ")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"properties": {"a": {"$ref": "https://example.com/a"}}}, "only references like #/$defs/Name are supported"),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}}, "#/$defs/A names nothing"),
        ({"properties": {"a": {"$id": "x"}}}, "an $id inside of it is not supported"),
    ],
)
def test_a_reference_leads_into_the_schema_itself(schema: Schema, text: str) -> None:
    assert reason(schema).startswith(text)


def test_a_refusal_is_one_short_line() -> None:
    text = refusal(Tool("a\nb", "", {"properties": {"a": {"type": "x\n" * 10_000}}}))
    assert text.startswith('tool "a b": its schema is not valid at #/properties/a/type: "x')
    assert (len(text), "\n" in text) == (300, False)


# References at the top


@pytest.mark.parametrize("keyword", ["$defs", "definitions"])
def test_a_reference_at_the_top_is_followed(keyword: str) -> None:
    definitions = {"P": PERSON, "Alias": {"$ref": f"#/{keyword}/P"}, "a/b": PERSON}
    for name in ("P", "Alias", "a~1b"):
        schema = {
            "$ref": f"#/{keyword}/{name}",
            keyword: definitions,
            "$schema": "http://json-schema.org/draft-07/schema#",
        }
        assert declared(schema) == {**PERSON, keyword: definitions}


def test_what_stands_beside_a_reference_is_added_and_wins() -> None:
    definition = {"description": "P", "title": "P", "properties": {"a": A, "b": A}, "required": ["a"]}
    beside = {"description": "Mine", "properties": {"b": B, "c": B}, "required": ["c", "a"]}
    assert declared({"$ref": "#/$defs/P", **beside, "$defs": {"P": definition}}) == {
        "type": "object",
        "description": "Mine",
        "title": "P",
        "properties": {"a": A, "b": B, "c": B},
        "required": ["c", "a"],
        "$defs": {"P": definition},
    }


@pytest.mark.parametrize(
    ("reference", "definitions"),
    [
        ("#", {}),
        ("#/$defs/A", {"A": {"$ref": "#/$defs/A"}}),
        ("#/$defs/A", {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}),
        ("#/$defs/A", {"A": True}),
        ("#/$defs/A/items", {"A": {"items": {}}}),
    ],
)
def test_a_reference_at_the_top_that_leads_nowhere_is_refused(reference: str, definitions: Schema) -> None:
    assert "does not lead to a definition of an object" in reason({"$ref": reference, "$defs": definitions})


def test_a_schema_may_hold_itself() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "list": {"items": {"$ref": "#/properties/left"}}}}
    assert declared(tree) == tree


# Combinations at the top


def told(keyword: str, parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return f"The arguments have to satisfy {keyword} of {text}."


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_alternatives_become_one_object_that_requires_what_each_of_them_requires(keyword: str) -> None:
    parts = [
        {"type": "object", "properties": {"a": A, "b": A}, "required": ["b", "a"]},
        {"type": ["object", "null"], "properties": {"b": A, "c": B}, "required": ["c", "b"]},
    ]
    assert declared({"properties": {"z": A}, "required": ["z"], keyword: parts}) == {
        "type": "object",
        "properties": {"z": A, "a": A, "b": A, "c": B},
        "required": ["z", "b"],
        "description": told(keyword, parts),
    }


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_alternatives_that_differ_in_a_property_leave_it_the_choice(keyword: str) -> None:
    parts = [{"properties": {"kind": {"const": kind}}, "required": ["kind"]} for kind in ("a", "b", "a")]
    schema = declared({"type": "object", keyword: parts})
    assert schema["properties"] == {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}]}}
    assert schema["required"] == ["kind"]


def test_a_conjunction_becomes_one_object_that_requires_all() -> None:
    parts = [{"properties": {"a": A}, "required": ["a"]}, {"properties": {"a": B, "b": B}, "required": ["b", "z"]}]
    assert declared({"properties": {"z": A}, "required": ["z"], "allOf": parts}) == {
        "type": "object",
        "properties": {"z": A, "a": A, "b": B},
        "required": ["z", "a", "b"],
        "description": told("allOf", parts),
    }


def test_the_properties_of_the_schema_itself_come_first() -> None:
    schema = declared({"properties": {"a": A}, "anyOf": [{"properties": {"a": B, "b": B}}, {"required": ["a"]}]})
    assert schema["properties"] == {"a": A, "b": B}
    assert "required" not in schema


def test_combinations_are_told_after_the_description() -> None:
    one, two = [{"required": ["a"]}, {"required": ["b"]}], [{"properties": {"a": A}}]
    schema = declared({"description": "Finds.", "anyOf": one, "allOf": two})
    assert schema["description"] == "\n\n".join(["Finds.", told("allOf", two), told("anyOf", one)])


def test_a_long_combination_is_only_mentioned() -> None:
    parts = [{"properties": {f"p{n}": A for n in range(100)}}, {"required": ["p1"]}]
    schema = declared({"anyOf": parts})
    assert schema["description"] == (
        "The arguments have to satisfy anyOf of 2 schemas that are too long to be told here."
    )
    assert len(schema["properties"]) == 100


def test_the_parts_of_a_combination_may_be_references() -> None:
    definitions = {"P": PERSON, "Q": {"properties": {"q": B}, "required": ["a"]}}
    parts = [{"$ref": "#/$defs/P"}, {"$ref": "#/$defs/Q"}]
    assert declared({"oneOf": parts, "$defs": definitions}) == {
        "type": "object",
        "$defs": definitions,
        "properties": {"a": A, "q": B},
        "required": ["a"],
        "description": told("oneOf", parts),
    }


def test_a_reference_at_the_top_may_lead_to_a_combination() -> None:
    schema = declared({"$ref": "#/$defs/U", "$defs": {"U": {"anyOf": [PERSON, {"$ref": "#/$defs/P"}]}, "P": PERSON}})
    assert (schema["properties"], schema["required"]) == ({"a": A}, ["a"])
    assert not {"anyOf", "$ref"} & schema.keys()


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize(
    "part",
    [A, {"type": "null"}, {"type": ["object", "string"]}, True, {"$ref": "#/$defs/S"}],
    ids=["string", "null", "object or string", "true", "reference"],
)
def test_a_combination_of_other_than_objects_is_refused(keyword: str, part: object) -> None:
    text = reason({keyword: [PERSON, part], "$defs": {"S": A}})
    assert text == f"a schema in its {keyword} is not one of an object"


def test_what_was_merged_cannot_be_referred_to_by_its_old_place() -> None:
    parts = [{"properties": {"a": A}}, {"properties": {"b": {"$ref": "#/anyOf/0/properties/a"}}}]
    assert reason({"anyOf": parts}) == "#/anyOf/0/properties/a names nothing"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "any", "properties": {"a": {"type": "str", "required": True, "nullable": True}}},
        {"anyOf": [PERSON, {"properties": {"a": B}}], "allOf": [{"required": ["a"]}]},
        {"properties": {"a": {"items": [A, B], "minimum": 1, "exclusiveMinimum": True}}},
        {"$ref": "#/definitions/P", "definitions": {"P": PERSON}},
    ],
)
def test_what_is_declared_is_valid_and_is_declared_as_it_is(schema: Schema) -> None:
    made = declared(schema)
    jsonschema_rs.meta.validate(made)
    assert made["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & made.keys()
    assert declared(made) == made


# Hostile ones


def nested(levels: int) -> Schema:
    schema: Schema = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def names(count: int) -> list[str]:
    return [f"p{n}" for n in range(count)]


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (nested(150), "it is more than 100 levels deep"),
        (nested(900), "it is more than 200 levels deep"),
        ({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": DOUBLING}, "it has more than 10000 parts"),
        ({"properties": dict.fromkeys(names(20_000), A)}, "it has more than 10000 parts"),
        ({"properties": dict.fromkeys(names(40_000), True)}, "it has more than 10000 parts"),
        ({"properties": {"a": {"enum": names(60_000)}}}, "it has more than 50000 entries"),
        ({"anyOf": [{"$ref": "#/$defs/a"}] * 101, "$defs": {"a": {}}}, "its anyOf has more than 100 schemas"),
        (
            {"anyOf": [{"$ref": "#/$defs/a"}] * 100, "$defs": {"a": {"required": names(20_000)}}},
            "its anyOf names more than 10000 properties",
        ),
        (
            {
                "allOf": [{"$ref": "#/$defs/a"}] * 100,
                "$defs": {"a": {"properties": dict.fromkeys(names(20_000), True)}},
            },
            "its allOf names more than 10000 properties",
        ),
    ],
)
def test_what_is_too_large_is_refused(schema: Schema, text: str) -> None:
    assert reason(schema).startswith(text)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": nested(95)}},
        {"description": "x" * 1_000_000},
        {"properties": {"a": {"enum": [f"{n:030}" for n in range(30_000)]}}},
        {"properties": dict.fromkeys(names(4000), A), "required": names(4000)},
        {"oneOf": [{"properties": {"kind": {"const": f"{n}" * 10_000}}} for n in range(100)]},
        {"oneOf": [{"$ref": "#/$defs/a"}] * 100, "$defs": {"a": {"properties": {"a": {"description": "x" * 100_000}}}}},
    ],
    ids=["deep", "a long text", "a long enumeration", "wide", "many alternatives", "one alternative many times"],
)
def test_what_is_large_is_declared(schema: Schema) -> None:
    assert declared(schema)["type"] == "object"


def test_all_schemas_together_have_a_bound() -> None:
    schema: Schema = {"properties": {"a": {"enum": [{}] * 5000}}}
    text = refusal(*(Tool(f"t{n:02}", "", schema) for n in range(30)))
    assert text == 'tool "t05": the schemas up to here have more than 30000 parts together'


# Stubs


def test_what_a_conversation_calls_is_declared_by_name() -> None:
    messages = (
        Message("user", (Text("hi"),)),
        Message("assistant", (Text("so"), ToolCall("1", "b", {"x": 1}), ToolCall("2", "a"))),
        Message("assistant", (ToolCall("3", "b"),)),
    )
    empty = {"type": "object", "properties": {}}
    assert stubs(messages) == (Tool("a", "", empty), Tool("b", "", empty))
    assert declarable(stubs(messages)) == stubs(messages)
    assert stubs(messages[:1]) == ()
