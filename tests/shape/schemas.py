"""JSON Schemas as real libraries make them, each with values that satisfy it and values that do not."""

from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, Field

Schema = dict[str, Any]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    zip: str | None = Field(default=None, pattern="^[0-9]{5}$")


class Person(BaseModel):
    name: str = Field(description="The full name", min_length=1)
    age: int = Field(ge=0, le=150)
    home: Address = Field(description="The first one")
    work: Address | None = None
    colours: list[Colour] = Field(default_factory=list, max_length=3)
    kind: Literal["friend"] = "friend"


class Scores(BaseModel):
    scores: dict[str, int]


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Anything(BaseModel):
    value: Any


class Pair(BaseModel):
    pair: tuple[int, str]


PERSON: Schema = Person.model_json_schema()

ZOD: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "email": {
            "type": "string",
            "format": "email",
            "pattern": "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]"
            "@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
        },
        "tags": {"minItems": 1, "type": "array", "items": {"type": "string"}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "shape": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"type": "string", "const": "circle"}, "radius": {"type": "number"}},
                    "required": ["kind", "radius"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"kind": {"type": "string", "const": "dot"}},
                    "required": ["kind"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "required": ["email", "tags", "shape"],
    "additionalProperties": False,
}

PYDANTIC_1: Schema = {
    "title": "Order",
    "type": "object",
    "properties": {
        "item": {"title": "Item", "description": "What", "allOf": [{"$ref": "#/definitions/Item"}]},
        "count": {"title": "Count", "exclusiveMinimum": 0, "type": "integer"},
    },
    "required": ["item", "count"],
    "definitions": {
        "Item": {"title": "Item", "type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    },
}

ROOT_REFERENCE: Schema = {
    "$ref": "#/$defs/A~1B",
    "$defs": {"A/B": {"type": "object", "properties": {"x": {"type": ["string", "null"]}}, "required": ["x"]}},
}

UNION: Schema = {
    "anyOf": [
        {"type": "object", "properties": {"ok": {"const": True}}, "required": ["ok"]},
        {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
    ]
}

UNTYPED: Schema = {"properties": {"list": {"items": {"enum": ["a", 1, None]}}}, "required": ["list"]}

EXPRESSIBLE: list[tuple[Schema, list[Any], list[Any]]] = [
    (
        PERSON,
        [{"name": "A", "age": 3, "home": {"street": "S"}, "work": None, "colours": ["red"]}],
        [{"name": "A", "age": 3}, {"name": "", "age": 3, "home": {"street": "S"}}, [], "A"],
    ),
    (
        ZOD,
        [{"email": "a@b.co", "tags": ["x"], "note": None, "shape": {"kind": "circle", "radius": 0.5}}],
        [{"email": "a@b.co", "tags": [], "shape": {"kind": "dot"}}, {"email": "a", "tags": ["x"], "shape": {}}],
    ),
    (PYDANTIC_1, [{"item": {"id": "i"}, "count": 1}], [{"item": {"id": "i"}, "count": 0}, {"item": {}, "count": 1}]),
    (ROOT_REFERENCE, [{"x": None}, {"x": "y"}], [{"x": 1}, {}]),
    (UNION, [{"ok": True}, {"error": "e"}], [{"ok": False}, {}]),
    (UNTYPED, [{"list": ["a", 1, None]}], [{"list": ["b"]}, {}]),
]

INEXPRESSIBLE: list[tuple[Schema, list[Any], list[Any]]] = [
    (Scores.model_json_schema(), [{"scores": {"a": 1}}], [{"scores": {"a": "1"}}, {}]),
    (Tree.model_json_schema(), [{"name": "a", "children": [{"name": "b"}]}], [{"name": "a", "children": [{}]}]),
    (Anything.model_json_schema(), [{"value": [{}]}], [{}]),
    (Pair.model_json_schema(), [{"pair": [1, "a"]}], [{"pair": ["a", 1]}, {"pair": [1]}]),
    ({"type": "array", "items": {"type": "string"}}, [[], ["a"]], [[1], {}]),
    ({"type": "object"}, [{}, {"a": 1}], [[]]),
    ({"type": "object", "properties": {}}, [{}, {"a": 1}], [[]]),
    ({}, [{}, [], 1], []),
]
