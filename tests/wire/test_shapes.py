"""What is read, as JSON Schema."""

from proxy.wire.fields import Struct, anything, boolean, integer, list_of, shape_of, shaped, string
from proxy.wire.shapes import body_schema

INNER = Struct("api.Inner", {"name": string}, needed=("name",))
BODY = Struct(
    "api.Body",
    {
        "model": string,
        "on": boolean,
        "inner": list_of(INNER, "[]api.Inner", null=dict),
        "any": anything,
        "one": shaped({"enum": ["a"]}, string),
    },
    needed=("model",),
)


def test_a_body_is_described_by_what_reads_it() -> None:
    inner = {"type": "object", "properties": {"name": {"type": "string", "minLength": 1}}, "required": ["name"]}
    assert body_schema(BODY) == {
        "title": "api.Body",
        "type": "object",
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "on": {"type": ["boolean", "null"]},
            "inner": {"type": ["array", "null"], "items": {"anyOf": [inner, {"type": "null"}]}},
            "any": {},
            "one": {"anyOf": [{"enum": ["a"]}, {"type": "null"}]},
        },
        "required": ["model"],
    }


def test_what_was_not_told_is_anything() -> None:
    assert shape_of(anything) == {}
    assert shape_of(integer) != {}
