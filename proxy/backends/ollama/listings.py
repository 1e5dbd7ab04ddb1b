"""What the server tells of its models: /api/tags lists them, /api/show knows more of each. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from proxy.core.listing import Listing
from proxy.core.names import parse_name

MOST_MODELS = 1000
"""How many of the server's models are looked at."""

_SHOWN = ("license", "modelfile", "parameters", "template", "system", "details", "messages", "projector_info")
_LARGEST_DOCUMENT = 128 << 10
_LARGEST_FIELD = 32 << 10
# Bytes of JSON. A document is kept for as long as the model is there.

_USUAL_WINDOW = 4096
# Tokens: Ollama's own least where nothing is known.

_MOST_CAPABILITIES = 32
_ANYTHING = ("completion", "tools", "vision", "insert", "embedding")
# Of an older server that does not tell what a model can do: it says so itself when it is asked.

_NO_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the server's list. `mark` changes whenever there is more to be told of it."""

    name: str
    size: int
    digest: str
    modified_at: datetime
    details: Mapping[str, Any]

    @property
    def mark(self) -> tuple[str, str, datetime]:
        return self.name, self.digest, self.modified_at


@dataclass(frozen=True, slots=True)
class Found:
    """A model of the server's; `name` is the server's own for it."""

    name: str
    capabilities: tuple[str, ...]
    context_length: int
    listing: Listing


def entries(tags: Any) -> list[Entry]:
    """The models in an answer of /api/tags; what makes no sense is none."""
    listed = tags.get("models") if isinstance(tags, dict) else None
    models = listed[:MOST_MODELS] if isinstance(listed, list) else []
    return [made for model in models if isinstance(model, dict) and (made := _entry(model)) is not None]


def found(entry: Entry, shown: Any) -> Found:
    """A model of the list, with what /api/show told of it: nothing, if it was no object."""
    told = shown if isinstance(shown, dict) else {}
    info = _scalars(told.get("model_info"))
    given = told.get("capabilities")
    named = given[:_MOST_CAPABILITIES] if isinstance(given, list) else _ANYTHING
    capabilities = tuple(name for name in named if isinstance(name, str))
    document = {name: told[name] for name in _SHOWN if name in told and _size(told[name]) <= _LARGEST_FIELD}
    document = {"details": entry.details, **document, "model_info": info}
    if _size(document) > _LARGEST_DOCUMENT:
        document = {"details": entry.details, "model_info": info if _size(info) <= _LARGEST_FIELD else {}}
    listing = Listing(entry.size, entry.digest, entry.modified_at, entry.details, document)
    return Found(entry.name, capabilities, _window(info, str(told.get("parameters", ""))), listing)


def _entry(model: Mapping[str, Any]) -> Entry | None:
    name, size, details = model.get("name"), model.get("size"), model.get("details")
    digest = str(model.get("digest", "")).removeprefix("sha256:").lower()
    if not isinstance(name, str) or parse_name(name) is None or len(digest) != 64:
        return None
    return Entry(
        name,
        size if type(size) is int and size > 0 else 1,
        digest,
        _time(model.get("modified_at")),
        details if isinstance(details, dict) and _size(details) <= _LARGEST_FIELD else {},
    )


def _time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _NO_TIME
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _scalars(info: Any) -> dict[str, Any]:
    """The facts without the lists of a vocabulary."""
    pairs: Sequence[tuple[str, Any]] = list(info.items()) if isinstance(info, dict) else []
    return {name: value for name, value in pairs if isinstance(value, str | int | float | bool)}


def _window(info: Mapping[str, Any], parameters: str) -> int:
    """What the model is run with, if it says so, else what it was made for."""
    for line in parameters.splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and re.fullmatch(r" *[0-9]{1,9}", value):
            return max(1, int(value))
    lengths = [value for name, value in info.items() if name.endswith(".context_length") and type(value) is int]
    return max(lengths, default=_USUAL_WINDOW)


def _size(value: Any) -> int:
    return len(orjson.dumps(value))
