"""The references of a schema into itself, and how large they make it.

A validator follows references as often as it meets them: twenty definitions that each name the next one twice make a
million. So a schema is measured before it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

MAX_DEPTH = 200
"""Of objects and arrays in each other, references followed: well within every recursion below us."""

MAX_SIZE = 10_000
"""In objects and arrays, references followed. The largest schemas of real clients have some hundreds."""

MAX_ENTRIES = 50_000
"""Of objects and arrays, all together and each counted once: an enumeration of so many takes a tenth of a second."""

_PATTERN_SIZE = 50
# A regular expression may take some milliseconds to compile.

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Unmeasurable(ValueError):
    """A schema that is too large or too deep, or that refers to something outside itself; the text says which."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`size` is in objects and arrays, with a reference as large as what it names, unless that holds the reference.

    `recursive`: there is such a one.
    """

    size: int
    recursive: bool


def measure(schema: Mapping[str, Any]) -> Measure:
    """How large `schema` is. Raises `Unmeasurable`."""
    walk = _Walk(schema)
    size = walk.follow("#", 0)
    return Measure(size, walk.recursive)


def unescaped(token: str) -> str:
    """One part of a JSON Pointer in a URI fragment, as the name that it means."""
    return unquote(token).replace("~1", "/").replace("~0", "~")


def resolve(root: Any, reference: str) -> Any:
    """What the pointer `reference`, such as ``#/$defs/Person``, names in `root`. Raises LookupError or ValueError."""
    at = root
    for token in reference.removeprefix("#").split("/")[1:]:
        at = at[int(token)] if isinstance(at, list) else at[unescaped(token)]
    return at


@dataclass(slots=True)
class _Walk:
    root: Mapping[str, Any]
    recursive: bool = False
    sizes: dict[str, int | None] = field(default_factory=dict)
    """By reference, None while its target is being walked."""
    entries: int = 0

    def follow(self, reference: str, depth: int) -> int:
        """The size of what `reference` names, 0 inside of itself."""
        if reference not in self.sizes:
            if reference != "#" and not reference.startswith("#/"):
                raise Unmeasurable(f"only references like #/$defs/Name are supported, not {reference}")
            try:
                target = resolve(self.root, reference)
            except (LookupError, TypeError, ValueError):
                raise Unmeasurable(f"{reference} names nothing") from None
            self.sizes[reference] = None
            self.sizes[reference] = self.size(target, depth)
        size = self.sizes[reference]
        self.recursive = self.recursive or size is None
        return size or 0

    def size(self, node: Any, depth: int) -> int:
        if not isinstance(node, dict | list):
            return 0
        if depth > MAX_DEPTH:
            raise Unmeasurable(f"it is more than {MAX_DEPTH} levels deep")
        size = 1
        self.entries += len(node)
        if self.entries > MAX_ENTRIES:
            raise Unmeasurable(f"it has more than {MAX_ENTRIES} entries")
        for child in node.values() if isinstance(node, dict) else node:
            size += self.size(child, depth + 1)
        if isinstance(node, dict):
            size += self._keywords(node, depth)
        if size > MAX_SIZE:
            raise Unmeasurable(f"it has more than {MAX_SIZE} parts, references followed")
        return size

    def _keywords(self, node: Mapping[str, Any], depth: int) -> int:
        size = _PATTERN_SIZE * isinstance(node.get("pattern"), str)
        if isinstance(named := node.get("patternProperties"), dict):
            size += _PATTERN_SIZE * len(named)
        if depth and isinstance(node.get("$id"), str):
            # It would change what the references below it mean.
            raise Unmeasurable("an $id inside of it is not supported")
        for keyword in _REFERENCES:
            if isinstance(reference := node.get(keyword), str):
                size += self.follow(reference, depth + 1)
        return size
