"""Sampling options: the `options` of Ollama requests, and which values ask for nothing.

A value that asks for nothing (Ollama's own default, which libraries send unasked, or a switch that is off) is not
reported as unsupported; nor are options about memory and hardware, which have no meaning here.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.core import numbers
from proxy.core.errors import InvalidRequest, ServerError
from proxy.core.request import Options
from proxy.wire.body import Number
from proxy.wire.fields import Fields, Reader, mapping, shaped

_MEMORY = frozenset({"num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "num_keep"})
_INTEGERS = _MEMORY | {"seed", "num_predict", "top_k", "repeat_last_n"}
_FLOATS = frozenset(
    {"top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"}
)
_BOOLEANS = frozenset({"use_mmap"})
_STRINGS = frozenset({"stop"})
# No model here has these. By each the values that change nothing; 1.1 was Ollama's default for years.
_NEUTRAL = {
    "min_p": (0.0,),
    "typical_p": (1.0,),
    "repeat_last_n": (64.0, 0.0),
    "repeat_penalty": (1.0, 1.1),
    "presence_penalty": (0.0,),
    "frequency_penalty": (0.0,),
}
_REPORTED = frozenset({"seed", *_NEUTRAL})
# Those that a real Ollama behind this server may have a use for, the ones that newer versions know no more included.
_OTHERS = _MEMORY | _BOOLEANS | _REPORTED | {"mirostat", "mirostat_tau", "mirostat_eta", "tfs_z", "numa", "low_vram"}
_OTHERS |= {"penalize_newline", "use_mlock", "f16_kv", "vocab_only"}
MOST_STOPS = 100
MOST_STOP_CHARS = 10_000
# Go's int64; a number beyond it bounds nothing more than this one does.
_MOST = 2**63 - 1


def _shapes(names: Iterable[str], shape: Mapping[str, object]) -> dict[str, object]:
    return dict.fromkeys(sorted(names), shape)


OPTIONS: Reader = shaped(
    {
        "type": "object",
        "properties": _shapes(_INTEGERS | _FLOATS, {"type": ["number", "null"]})
        | _shapes(_BOOLEANS, {"type": ["boolean", "null"]})
        | _shapes(_STRINGS, {"type": ["array", "null"], "items": {"type": "string"}}),
    },
    mapping,
)
"""The field that has the options; `read_options` looks into it."""


def read_options(options: Fields) -> Options:
    """The options that a model may have. Unknown names and nulls pass.

    Raises `ServerError` for the first value of a wrong type; the status is 500, as in Ollama.
    """
    for name, value in options.items():
        if value is not None:
            wanted = _wanted(name, value)
            if wanted is not None:
                # Whoever sends it has to change it, whatever the status says.
                raise ServerError(f'option "{name}" must be of {wanted}', fault="client", should_retry=False)
    return Options(
        temperature=_float(options.get("temperature")),
        top_p=_float(options.get("top_p")),
        top_k=positive(options.get("top_k")),
        stop=stop_strings(options.get("stop") or ()),
        max_tokens=positive(options.get("num_predict")),
        others=others({name: value for name, value in options.items() if name in _OTHERS}),
    )


def others(options: Fields) -> dict[str, float | bool]:
    """Options that not every backend has, as values of Python's own; what is neither number nor switch is none."""
    values = {name: value if type(value) is bool else _finite(value) for name, value in options.items()}
    return {name: value for name, value in values.items() if value is not None}


def positive(value: Number | int | None) -> int | None:
    """A bound that a client sets, fractions cut off; zero and less set none."""
    if value is None:
        return None
    bound = value if type(value) is int else int(float(value))
    return min(bound, _MOST) if bound > 0 else None


def stop_strings(values: Iterable[str]) -> tuple[str, ...]:
    """The strings that can end an answer; an empty one would end each at once. Raises `InvalidRequest` for too many."""
    stops = tuple(value for value in values if value)
    if len(stops) > MOST_STOPS or sum(map(len, stops)) > MOST_STOP_CHARS:
        raise InvalidRequest(f"too many stop strings: at most {MOST_STOPS}, of {MOST_STOP_CHARS} characters together")
    return stops


def unsupported_options(options: Fields) -> list[str]:
    """The options that ask for something that no model here does."""
    return [name for name, value in options.items() if name in _REPORTED and asks(name, value)]


def asks(name: str, value: Any) -> bool:
    """Whether the value of an option that no model has asks for anything."""
    if value is None:
        return False
    return float(value) >= 0 if name == "seed" else float(value) not in _NEUTRAL[name]


def _finite(value: Any) -> float | None:
    if not isinstance(value, Number | int | float) or math.isinf(float(value)):
        return None
    return numbers.plain(float(value))


def _float(value: Number | None) -> float | None:
    return None if value is None else float(value)


def _wanted(name: str, value: Any) -> str | None:
    """The type an option should have had, None if it has it."""
    if name in _INTEGERS:
        return None if type(value) is Number else "type integer"
    if name in _FLOATS:
        return None if type(value) is Number else "type float32"
    if name in _BOOLEANS:
        return None if type(value) is bool else "type boolean"
    if name in _STRINGS:
        if type(value) is not list:
            return "type array"
        return None if all(type(item) is str for item in value) else "an array of strings"
    return None
