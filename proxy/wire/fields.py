"""Typed reading of a decoded body, with Go's text for what does not fit.

A reader takes a value and its `Place` and returns what the caller wants of it. A mismatch is noted, not raised, so that
the first in document order wins; what Go's own unmarshalers refuse is raised at once, as there.

A body is described as data: a `Struct` of named readers. Keys match in any case, null leaves a field unset, of
duplicate keys the last counts, unknown keys are ignored.

What a reader takes it can tell as a `Shape`, for the description of the API; reading asks nobody for it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from proxy.core.errors import InvalidRequest
from proxy.wire.body import MISSING_BODY, Number, Object, first_value

Fields = dict[str, Any]
Reader = Callable[[Any, "Place"], Any]
Shape = Mapping[str, Any] | Reader
"""JSON Schema, in which a reader may stand for what it takes."""

Told = TypeVar("Told", bound=Reader)

_KINDS = {bool: "bool", str: "string", Number: "number", list: "array", Object: "object"}
_INTEGER = re.compile(r"-?[0-9]+")
_INT64 = range(-(2**63), 2**63)
_INT64_CHARS = 20


_SHAPES: dict[Reader, Shape] = {}


_PLAIN: dict[Reader, type] = {}
# Of which type readers return what they read as it is: a shortcut for most of a long conversation.


def taking(shape: Shape, *, plain: type | None = None) -> Callable[[Told], Told]:
    """A decorator of a reader: that it takes values of `shape`, and returns those of the `plain` type as they are."""

    def tell(reader: Told) -> Told:
        _SHAPES[reader] = shape
        if plain is not None:
            _PLAIN[reader] = plain
        return reader

    return tell


def shape_of(reader: Reader) -> Shape:
    """What a reader takes, as it was told; anything if it was not."""
    return _SHAPES.get(reader, {})


class Place:
    """Where in the body a value stands, and the first mismatch of that body."""

    __slots__ = ("_faults", "_path", "_sealed", "_struct")

    def __init__(self, struct: str = "", path: str = "", faults: list[str] | None = None, *, sealed: bool = False):
        self._struct = struct
        self._path = path
        self._faults: list[str] = [] if faults is None else faults
        self._sealed = sealed

    def field(self, struct: str, name: str) -> "Place":
        """The place of a field of `struct` here."""
        path = f"{self._path}.{name}" if self._path else name
        return Place(self._struct if self._sealed else struct, path, self._faults, sealed=self._sealed)

    def apart(self) -> "Place":
        """This place with faults of its own; the names of structs below it stay out of the texts."""
        return Place(self._struct, self._path, sealed=True)

    def mismatch(self, value: Any, go_type: str, *, literal: bool = False) -> None:
        """Note that `value` is not of `go_type`; `literal` shows the number itself."""
        kind = f"number {value}" if literal else _KINDS[type(value)]
        target = f"Go struct field {self._struct}.{self._path}" if self._path else "Go value"
        self.fault(f"json: cannot unmarshal {kind} into {target} of type {go_type}")

    def fault(self, text: str) -> None:
        """Note what is wrong; only the first note counts."""
        self._faults.append(text)

    def check(self) -> None:
        """Raise `InvalidRequest` with the first note, if there is one."""
        if self._faults:
            raise InvalidRequest(self._faults[0])


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """Reads an object into a dict of its known, set fields. `name` is the Go type, `readers` are by lower-case key.

    What lacks one of the `needed` fields, or has it empty, is read, and refused by whoever makes a value of it.
    """

    name: str
    readers: Mapping[str, Reader]
    needed: tuple[str, ...] = ()

    def __call__(self, value: Any, at: Place) -> Fields:
        fields: Fields = {}
        if type(value) is not Object:
            at.mismatch(value, self.name)
            return fields
        struct = self.name.rpartition(".")[2]
        for key, member in value:
            name = key if key in self.readers else key.lower()
            reader = self.readers.get(name)
            if reader is None or member is None:
                continue
            if type(member) is _PLAIN.get(reader):
                fields[name] = member
            else:
                fields[name] = reader(member, at.field(struct, name))
        return fields


def read_body(body: bytes, struct: Struct, *, empty: str = MISSING_BODY) -> Fields:
    """The fields of a request body. Raises `InvalidRequest`; a body of ``null`` is an empty object."""
    value = first_value(body, empty=empty)
    if value is None:
        return {}
    at = Place()
    fields = struct(value, at)
    at.check()
    return fields


def anything(value: Any, at: Place) -> Any:
    """Any JSON value, as it was decoded."""
    return value


@taking({"type": "string"}, plain=str)
def string(value: Any, at: Place) -> str:
    """A JSON string."""
    if type(value) is not str:
        at.mismatch(value, "string")
        return ""
    return value


@taking({"type": "boolean"}, plain=bool)
def boolean(value: Any, at: Place) -> bool:
    """true or false."""
    if type(value) is not bool:
        at.mismatch(value, "bool")
        return False
    return value


@taking({"type": "integer", "minimum": _INT64.start, "maximum": _INT64[-1]})
def integer(value: Any, at: Place) -> int:
    """A number written without fraction or exponent that fits 64 bits."""
    if type(value) is not Number:
        at.mismatch(value, "int")
    elif len(value) <= _INT64_CHARS and _INTEGER.fullmatch(value) and int(value) in _INT64:
        return int(value)
    else:
        at.mismatch(value, "int", literal=True)
    return 0


@taking({"type": "number"})
def number(value: Any, at: Place) -> float:
    """A number that a 64-bit float can hold."""
    if type(value) is not Number:
        at.mismatch(value, "float64")
    elif is_finite(value):
        return float(value)
    else:
        at.mismatch(value, "float64", literal=True)
    return 0.0


@taking({"type": "object"})
def mapping(value: Any, at: Place) -> Fields:
    """An object of any members; of duplicate keys the last counts."""
    if type(value) is not Object:
        at.mismatch(value, "map[string]interface {}")
        return {}
    for _, member in value:
        if type(member) is Number and not is_finite(member):
            at.mismatch(member, "float64", literal=True)
    return dict(value)


def list_of(reader: Reader, go_type: str, *, null: Callable[[], Any]) -> Reader:
    """A reader of arrays. `null` makes the element that a null stands for."""

    @taking({"type": "array", "items": {"anyOf": [reader, {"type": "null"}]}})
    def read(value: Any, at: Place) -> list[Any]:
        if type(value) is not list:
            at.mismatch(value, go_type)
            return []
        return [null() if element is None else reader(element, at) for element in value]

    return read


def at_once(reader: Reader) -> Reader:
    """A reader whose mismatch is raised before any noted earlier: Go's types with an unmarshaler do that."""

    @taking(reader)
    def read(value: Any, at: Place) -> Any:
        apart = at.apart()
        result = reader(value, apart)
        apart.check()
        return result

    return read


def shaped(shape: Shape, reader: Reader = anything) -> Reader:
    """`reader`, and that it takes values of `shape`: for fields that are looked into later."""

    @taking(shape)
    def read(value: Any, at: Place) -> Any:
        return reader(value, at)

    return read


def typed(kind: str, **members: Shape) -> Shape:
    """The shape of an object whose `type` is `kind`, with `members` that it needs."""
    properties = {"type": {"const": kind}, **members}
    return {"type": "object", "properties": properties, "required": list(properties)}


UNSET = shaped({"type": "null"})
"""What is refused when it is set."""

SCHEMA = shaped({"type": "object"})
"""A JSON Schema, as whoever looks into it reads it."""

TEXTS = shaped({"anyOf": [string, {"type": "array", "items": string}]})
"""One string or some, as whoever looks into it reads them."""


def is_finite(number: str) -> bool:
    """Whether a number's literal fits a 64-bit float."""
    return float(number) not in (float("inf"), float("-inf"))
