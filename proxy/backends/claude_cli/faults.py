"""What went wrong in a turn, from the CLI's structured error fields. Pure."""

import math
from dataclasses import replace
from datetime import UTC, datetime

from proxy.backends.claude_cli.codec import Failure
from proxy.core.errors import (
    InvalidRequest,
    LimitReached,
    ModelNotFound,
    NotLoggedIn,
    PromptTooLong,
    ServerError,
    UpstreamFailed,
)

LOGIN_REMEDY = (
    "the Claude CLI is not logged in: run `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN, "
    "or set ANTHROPIC_API_KEY, then restart the server; `make demo` needs no account"
)

_FARTHEST_RESET = 400 * 86400
# Seconds. A limit that ends later, or ended earlier, is not a time in Unix seconds.

_TOO_LONG = "prompt is too long"
# The CLI's words, and the API's. The cause stands only in the result, which comes later.

_LONG_WAIT = 60
# Seconds. An SDK that retries sooner than this only repeats the refusal.


def not_logged_in(detail: str = "") -> NotLoggedIn:
    """The error that tells the operator how to log in; `detail` is what the API said, when it was asked."""
    return NotLoggedIn(f"{LOGIN_REMEDY} ({detail})" if detail else LOGIN_REMEDY, should_retry=False)


def error_from(failure: Failure, *, retry_delay: float | None, now: float) -> ServerError:
    """The error that a client gets for `failure`.

    `retry_delay` is the pause in seconds that the API last asked of the CLI; `now` is the time in Unix seconds.
    """
    failure = replace(failure, text=failure.text or "the API failed without saying why")
    status = failure.status
    if failure.code == "authentication_failed" or status in (401, 403):
        return not_logged_in(failure.text if status else "")
    if failure.code == "billing_error" or status == 402:
        return LimitReached(failure.text, status=402, should_retry=False)
    if status == 429 or failure.code == "rate_limit":
        return _limit(failure, retry_delay, now)
    if status == 404 or failure.code == "model_not_found":
        return ModelNotFound(failure.text, should_retry=False)
    if failure.cause in ("prompt_too_long", "blocking_limit") or failure.text.lower().startswith(_TOO_LONG):
        return PromptTooLong(f"the conversation is too long for the model: {failure.text}", should_retry=False)
    if status in (400, 413, 422) or failure.code == "invalid_request":
        return InvalidRequest(failure.text, status=413 if status == 413 else 400, should_retry=False)
    if status in (503, 529) or failure.error_type == "overloaded_error":
        return UpstreamFailed(failure.text, status=status or 529, retry_after=_seconds(retry_delay) or 1)
    return UpstreamFailed(failure.text)


def _limit(failure: Failure, retry_delay: float | None, now: float) -> LimitReached:
    if failure.resets_at is None or not now - _FARTHEST_RESET < failure.resets_at < now + _FARTHEST_RESET:
        return LimitReached(failure.text, retry_after=_seconds(retry_delay))
    wait = max(1, math.ceil(failure.resets_at - now))
    reset = datetime.fromtimestamp(failure.resets_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return LimitReached(
        f"{failure.text} (resets at {reset})",
        retry_after=wait,
        should_retry=False if wait > _LONG_WAIT else None,
    )


def _seconds(delay: float | None) -> int | None:
    return None if delay is None else max(1, math.ceil(delay))
