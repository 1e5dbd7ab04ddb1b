"""Personas on disk: one JSON file each, so that they survive a restart."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import structlog

from proxy.catalog.personas import MOST_PERSONAS, Persona
from proxy.core.errors import InvalidRequest
from proxy.core.files import sync, whole
from proxy.core.request import Document, Image, Message, Role, Text
from proxy.core.traits import Traits

MOST_BYTES = 1_000_000
"""Of one persona, as JSON."""

_FOLDER = "personas"
_FORMAT = 1
# Of the files. Another one is not understood here.

log = structlog.get_logger()


class PersonaStore:
    """The personas in the folder ``personas`` of `folder`. Only one thread at a time may write.

    A file is named by a digest of the persona's name, never by the name itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    def load(self) -> list[Persona]:
        """All that are kept, ordered by name. A file that makes no sense is set aside, with a warning."""
        found = []
        self._sweep()
        for path in sorted(self._folder.glob("*.json"))[:MOST_PERSONAS]:
            try:
                persona = decode(path.read_bytes())
                if path != self._path(persona):
                    raise ValueError("it is not the file of that name")  # noqa: TRY301
            except OSError as error:
                log.warning("persona_unreadable", file=str(path), error=error.strerror)
            except ValueError as error:
                aside = path.with_suffix(".corrupt")
                with contextlib.suppress(OSError):
                    path.replace(aside)
                log.warning("persona_set_aside", file=str(aside), error=str(error))
            else:
                found.append(persona)
        return sorted(found, key=lambda persona: persona.key)

    def _sweep(self) -> None:
        """Remove what a daemon that was killed in a write has left beside the file."""
        for path in self._folder.glob("*"):
            if path.suffix not in (".json", ".corrupt"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def write(self, persona: Persona, data: bytes) -> None:
        """Keep the `encode`d `data` of `persona`, in place of one of the same name. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole(self._path(persona)) as file:
            file.write(data)
        sync(self._folder)

    def remove(self, persona: Persona) -> None:
        """Keep it no more. Raises OSError."""
        self._path(persona).unlink(missing_ok=True)
        if self._folder.exists():
            sync(self._folder)

    def _path(self, persona: Persona) -> Path:
        return self._folder / f"{hashlib.sha256(json.dumps(persona.key).encode()).hexdigest()}.json"


def encode(persona: Persona) -> bytes:
    """The JSON of a persona. Raises `InvalidRequest` for more than `MOST_BYTES`.

    Raises TypeError for parts of messages that `Traits` does not have.
    """
    traits = persona.traits
    data = json.dumps(
        {
            "format": _FORMAT,
            "name": persona.name,
            "base": persona.base,
            "parent": persona.parent,
            "modified_at": persona.modified_at.isoformat(),
            "system": traits.system,
            "template": traits.template,
            "parameters": dict(traits.parameters),
            "messages": [
                {"role": message.role, "parts": list(map(_part, message.parts))} for message in traits.messages
            ],
            "licenses": list(traits.licenses),
        },
        ensure_ascii=False,
        allow_nan=False,
    ).encode()
    if len(data) > MOST_BYTES:
        raise InvalidRequest(f"the model is too large: {len(data)} bytes, at most {MOST_BYTES}")
    return data


def decode(data: bytes) -> Persona:
    """The persona in such JSON. Raises ValueError for anything else."""
    try:
        value = json.loads(data)
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']} is not known")
        traits = Traits(
            system=_text(value["system"]),
            template=_text(value["template"]),
            parameters=_mapping(value["parameters"]),
            messages=tuple(map(_message, value["messages"])),
            licenses=tuple(map(_text, value["licenses"])),
        )
        modified_at = datetime.fromisoformat(value["modified_at"])
        return Persona(_text(value["name"]), _text(value["base"]), _text(value["parent"]), traits, modified_at)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it has not the fields of a persona: {error}") from None


def _part(part: object) -> dict[str, str]:
    match part:
        case Text(text):
            return {"text": text}
        case Image(media_type, data):
            return {"image": media_type, "data": data}
        case Document(data, name):
            return {"document": name, "data": data}
    raise TypeError(f"{type(part).__name__} is not for the messages of a model")


def _message(value: Mapping[str, Any]) -> Message:
    if value["role"] not in get_args(Role):
        raise ValueError(f"{value['role']!r} is no role")
    return Message(value["role"], tuple(map(_part_in, value["parts"])))


def _part_in(value: Mapping[str, Any]) -> Text | Image | Document:
    if "text" in value:
        return Text(_text(value["text"]))
    if "image" in value:
        return Image(_text(value["image"]), _text(value["data"]))
    return Document(_text(value["data"]), _text(value["document"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return value
