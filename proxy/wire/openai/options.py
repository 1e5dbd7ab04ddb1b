"""What OpenAI's dialects ask of a model: how to sample, when to stop, how hard to think."""

from collections.abc import Mapping
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Options, Think
from proxy.wire.fields import TEXTS, Fields, Reader, integer, number, shaped, string
from proxy.wire.gotext import quote, type_name
from proxy.wire.options import asks, others, positive, stop_strings

PENALTIES: Mapping[str, Reader] = {"seed": integer, "frequency_penalty": number, "presence_penalty": number}
"""The fields of a body that no model of Claude's has a use for; `penalties` names those that ask for something."""

SAMPLING: Mapping[str, Reader] = {
    "max_tokens": integer,
    "stop": TEXTS,
    "temperature": number,
    "top_p": number,
    "top_k": integer,
    **PENALTIES,
}
"""The fields of a body that `read_sampling` reads, and the penalties."""

_EFFORTS: Mapping[str, Think | None] = {
    "": None,
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "ultra": "max",
    "max": "max",
}
_EFFORT_CHOICES = '"minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"'
EFFORT = shaped({"enum": list(_EFFORTS)}, string)
"""The field that `read_effort` reads."""

ONE = shaped({"type": "integer", "maximum": 1}, integer)
"""A field that `check_one` checks."""

# The one that is OpenAI's default asks for nothing.
_USUAL_VERBOSITY = "medium"


def read_sampling(fields: Fields) -> Options:
    """The options among `fields`. Raises `InvalidRequest` for stop strings that are none.

    `max_completion_tokens` is the newer name of `max_tokens` and counts when both are given.
    """
    return Options(
        temperature=fields.get("temperature"),
        top_p=fields.get("top_p"),
        top_k=positive(fields.get("top_k")),
        stop=_stop(fields.get("stop", [])),
        max_tokens=positive(fields.get("max_completion_tokens")) or positive(fields.get("max_tokens")),
        others=read_penalties(fields),
    )


def read_penalties(fields: Fields) -> dict[str, float | bool]:
    """The `PENALTIES` among `fields`, for the models that have them; Ollama calls them the same."""
    return others({name: fields[name] for name in PENALTIES if name in fields})


def read_effort(effort: str) -> Think | None:
    """How hard to think, None for an empty `effort`. Raises `InvalidRequest` for a word that is no effort."""
    if effort not in _EFFORTS:
        raise InvalidRequest(f"invalid reasoning value: {quote(effort)} (must be {_EFFORT_CHOICES})")
    return _EFFORTS[effort]


def penalties(fields: Fields) -> list[str]:
    """Those of the `PENALTIES` among `fields` that ask for something."""
    return [name for name in PENALTIES if asks(name, fields.get(name))]


def asks_verbosity(verbosity: Any) -> bool:
    """Whether a client wants an answer longer or shorter than usual."""
    return verbosity not in (None, "", _USUAL_VERBOSITY)


def check_one(fields: Fields, name: str) -> None:
    """Raise `InvalidRequest` if the field `name` asks for more than one answer."""
    if fields.get(name, 1) > 1:
        raise InvalidRequest(f"{name} must be 1: every request has one choice")


def _stop(value: Any) -> tuple[str, ...]:
    values = value if type(value) is list else [value]
    for each in values:
        if type(each) is not str:
            raise InvalidRequest(f"invalid type for 'stop' field: {type_name(each)}")
    return stop_strings(values)
