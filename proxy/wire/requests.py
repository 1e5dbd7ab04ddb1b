"""What the requests of all dialects have in common."""

from collections.abc import Callable, Sequence
from typing import Protocol

from proxy.core.errors import InvalidRequest, ServerError
from proxy.core.names import unsupported_text
from proxy.core.request import Role
from proxy.wire.fields import Fields, integer, shaped
from proxy.wire.names import check_name


class Known(Protocol):
    """What a parser has to know of a model."""

    @property
    def capabilities(self) -> Sequence[str]: ...


# Called with a model's name as the client sent it; it may raise. None where nothing is known of it.
Exists = Callable[[str], Known | None]

MOST_TOP_LOGPROBS = 20
TOP_LOGPROBS = shaped({"type": "integer", "minimum": 0, "maximum": MOST_TOP_LOGPROBS}, integer)
# Any other role is taken as the user's.
ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}


def any_model(name: str) -> None:
    """For `Exists`: every model does."""


def checked_model(fields: Fields, missing: ServerError, exists: Exists) -> tuple[str, Known | None]:
    """The model a body names (`name` stands in for an empty `model`), after what comes before it in Ollama's order, and
    what is known of it."""
    if not 0 <= fields.get("top_logprobs", 0) <= MOST_TOP_LOGPROBS:
        raise InvalidRequest(f"top_logprobs must be between 0 and {MOST_TOP_LOGPROBS}")
    model: str = fields.get("model") or fields.get("name") or ""
    if not model:
        raise missing
    check_name(model)
    return model, exists(model)


def check_insert(suffix: str, model: str, known: Known | None) -> None:
    """Raise `InvalidRequest` for a `suffix` that the model cannot answer in front of."""
    if suffix and (known is None or "insert" not in known.capabilities):
        raise InvalidRequest(unsupported_text(model, "insert"))
