"""Everything that can go wrong, as data.

    ServerError
    ├── InvalidRequest      400  the client's body makes no sense, or the API refused it
    │   ├── ModelNotFound   404  no such model
    │   └── PromptTooLong   400  the conversation does not fit the model
    ├── NotLoggedIn         401  the operator has to log in, or the client needs a key; the text says how
    ├── LimitReached        429  a usage or rate limit; `retry_after` says when to come back
    ├── Busy                503  this daemon is full or shutting down
    ├── TimedOut            504  one of our deadlines passed; the text names it
    ├── UpstreamFailed      502  the API failed, is overloaded (503, 529) or out of reach
    └── BackendFailed       500  the CLI crashed, or said what we cannot understand

A handler needs no text to tell them apart: `kind`, `status`, `fault`, `retry_after` and `should_retry` are fields.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

QUEUE_FULL = "server busy, please try again.  maximum pending requests exceeded"
"""Ollama's own words for `Busy`, with its two blanks."""

Fault = Literal["client", "operator", "account", "server", "upstream", "backend"]


class ServerError(Exception):
    """An error that a client may see. `message` is one line of plain text for people.

    `status` is the HTTP status before the first byte. `fault` says whose it was. `retry_after` is in seconds.
    `should_retry` False tells clients that trying again would only cost money; None leaves it to them. `details` are
    for programs, in dialects that have a place for them.
    """

    kind: ClassVar[str] = "internal_error"
    default_status: ClassVar[int] = 500
    default_fault: ClassVar[Fault] = "server"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        fault: Fault | None = None,
        retry_after: int | None = None,
        should_retry: bool | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.default_status if status is None else status
        self.fault: Fault = self.default_fault if fault is None else fault
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.details = details


class InvalidRequest(ServerError):
    kind = "invalid_request"
    default_status = 400
    default_fault = "client"


class ModelNotFound(InvalidRequest):
    kind = "model_not_found"
    default_status = 404


class PromptTooLong(InvalidRequest):
    kind = "prompt_too_long"


class NotLoggedIn(ServerError):
    kind = "not_logged_in"
    default_status = 401
    default_fault = "operator"


class LimitReached(ServerError):
    kind = "limit_reached"
    default_status = 429
    default_fault = "account"


class Busy(ServerError):
    kind = "busy"
    default_status = 503
    default_fault = "server"


class TimedOut(ServerError):
    kind = "timed_out"
    default_status = 504
    default_fault = "upstream"


class UpstreamFailed(ServerError):
    kind = "upstream_failed"
    default_status = 502
    default_fault = "upstream"


class BackendFailed(ServerError):
    kind = "backend_failed"
    default_status = 500
    default_fault = "backend"
