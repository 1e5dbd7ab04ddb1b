"""A field's type, refused in the API's words."""

from collections.abc import Collection, Mapping
from typing import Any

from proxy.simulator.errors import invalid

_NAMES = {str: "string", dict: "dictionary", list: "list", bool: "boolean", int: "integer"}


def take(holder: Mapping[str, Any], name: str, kind: type, where: str = "") -> Any:
    """A required field. Raises `ApiError` when it is missing or of another type."""
    if holder.get(name) is None:
        raise invalid(f"{where}{name}: Field required")
    return typed(holder[name], kind, f"{where}{name}")


def typed(value: object, kind: type, where: str) -> Any:
    """`value`, when it is of that type; a boolean is no integer."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(f"{where}: Input should be a valid {_NAMES[kind]}")
    return value


def number(value: object, where: str, low: float, high: float | None = None) -> None:
    """Refuse a value that is no number from `low` to `high`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(f"{where}: Input should be a valid number")
    if value < low:
        raise invalid(f"{where}: Input should be greater than or equal to {low:g}")
    if high is not None and value > high:
        raise invalid(f"{where}: Input should be less than or equal to {high:g}")


def one_of(value: object, allowed: Collection[str], where: str) -> None:
    """Refuse a value that is none of `allowed`."""
    if value not in allowed:
        quoted = [f"'{name}'" for name in allowed]
        listed = " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
        raise invalid(f"{where}: Input should be {listed}")


def only(holder: Mapping[str, Any], allowed: Collection[str], where: str = "") -> None:
    """Refuse a field that the API does not know."""
    for name in holder:
        if name not in allowed:
            raise invalid(f"{where}{name}: Extra inputs are not permitted")
