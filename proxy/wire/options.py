"""The `options` of Ollama requests, and which sampling values ask for nothing.

A value that asks for nothing (Claude's own default, or a switch that is off) is not reported as unsupported; nor are
options about memory and hardware, which have no meaning here.
"""

from typing import Any

from proxy.core.errors import ServerError
from proxy.wire.body import Number
from proxy.wire.fields import Fields

_MEMORY = frozenset({"num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "num_keep"})
_INTEGERS = _MEMORY | {"seed", "num_predict", "top_k", "repeat_last_n"}
_FLOATS = frozenset(
    {"top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"}
)
_BOOLEANS = frozenset({"use_mmap"})
_STRINGS = frozenset({"stop"})
_REPORTED = frozenset({"seed", "top_k", "stop"}) | _FLOATS
_NEUTRAL = {
    "temperature": 1.0,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repeat_penalty": 1.0,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
# Go's int64; a number beyond it means "no limit" as much as this one does.
_MOST_TOKENS = 2**63 - 1


def check_options(options: Fields) -> None:
    """Raise for the first value of a wrong type; the status is 500, as in Ollama. Unknown names and nulls pass."""
    for name, value in options.items():
        if value is not None:
            wanted = _wanted(name, value)
            if wanted is not None:
                # Whoever sends it has to change it, whatever the status says.
                raise ServerError(f'option "{name}" must be of {wanted}', fault="client", should_retry=False)


def max_tokens(options: Fields) -> int | None:
    """The bound that `num_predict` sets; zero and less set none."""
    value = options.get("num_predict")
    return None if value is None else token_limit(float(value))


def token_limit(tokens: float) -> int | None:
    """A client's bound on the answer, fractions cut off; None for one that does not bound."""
    return min(int(tokens), _MOST_TOKENS) if tokens >= 1 else None


def unsupported_options(options: Fields) -> list[str]:
    """The options that ask for something this server does not do."""
    return [name for name, value in options.items() if name in _REPORTED and asks(name, value)]


def asks(name: str, value: Any) -> bool:
    """Whether a sampling option's value asks for anything."""
    if value in (None, "", []):
        return False
    if name == "seed":
        return float(value) >= 0
    if name in _NEUTRAL:
        return float(value) != _NEUTRAL[name]
    return True


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
