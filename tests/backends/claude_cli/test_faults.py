import pytest

from proxy.backends.claude_cli.codec import Failure
from proxy.backends.claude_cli.faults import LOGIN_REMEDY, error_from, not_logged_in
from proxy.core.errors import (
    InvalidRequest,
    LimitReached,
    ModelNotFound,
    NotLoggedIn,
    PromptTooLong,
    ServerError,
    UpstreamFailed,
)

NOW = 1_800_000_000.0
RESET = int(NOW)


@pytest.mark.parametrize(
    ("failure", "kind", "status", "should_retry"),
    [
        (Failure("no"), UpstreamFailed, 502, None),
        (Failure("no", status=500), UpstreamFailed, 502, None),
        (Failure("no", status=503), UpstreamFailed, 503, None),
        (Failure("no", status=529), UpstreamFailed, 529, None),
        (Failure("no", error_type="overloaded_error"), UpstreamFailed, 529, None),
        (Failure("no", cause="connection_failed"), UpstreamFailed, 502, None),
        (Failure("no", status=400), InvalidRequest, 400, False),
        (Failure("no", status=422), InvalidRequest, 400, False),
        (Failure("no", status=413), InvalidRequest, 413, False),
        (Failure("no", code="invalid_request"), InvalidRequest, 400, False),
        (Failure("no", status=400, cause="prompt_too_long"), PromptTooLong, 400, False),
        (Failure("no", status=413, cause="prompt_too_long"), PromptTooLong, 400, False),
        (Failure("no", cause="blocking_limit"), PromptTooLong, 400, False),
        (Failure("no", status=404), ModelNotFound, 404, False),
        (Failure("no", code="model_not_found"), ModelNotFound, 404, False),
        (Failure("no", status=401), NotLoggedIn, 401, False),
        (Failure("no", status=403), NotLoggedIn, 401, False),
        (Failure("no", code="authentication_failed"), NotLoggedIn, 401, False),
        (Failure("no", status=402), LimitReached, 402, False),
        (Failure("no", code="billing_error"), LimitReached, 402, False),
        (Failure("no", status=400, code="billing_error"), LimitReached, 402, False),
        (Failure("no", status=429), LimitReached, 429, None),
        (Failure("no", code="rate_limit"), LimitReached, 429, None),
    ],
)
def test_the_error_follows_from_the_fields(
    failure: Failure, kind: type[ServerError], status: int, should_retry: bool | None
) -> None:
    error = error_from(failure, retry_delay=None, now=NOW)
    assert (type(error), error.status, error.should_retry) == (kind, status, should_retry)
    assert "no" in error.message


@pytest.mark.parametrize(
    ("failure", "delay", "retry_after"),
    [
        (Failure("no", status=429), None, None),
        (Failure("no", status=429), 0.0, 1),
        (Failure("no", status=429), 7.2, 8),
        (Failure("no", status=529), None, 1),
        (Failure("no", status=529), 0.3, 1),
        (Failure("no", status=503), 7.2, 8),
        (Failure("no", status=500), 7.2, None),
        (Failure("no", status=429, resets_at=RESET + 30), 7.2, 30),
        (Failure("no", status=429, resets_at=RESET), None, 1),
        (Failure("no", status=429, resets_at=RESET - 99), None, 1),
    ],
)
def test_when_to_come_back(failure: Failure, delay: float | None, retry_after: int | None) -> None:
    assert error_from(failure, retry_delay=delay, now=NOW).retry_after == retry_after


@pytest.mark.parametrize(("wait", "should_retry"), [(1, None), (60, None), (61, False), (9000, False)])
def test_a_long_wait_is_no_case_for_a_retry(wait: int, should_retry: bool | None) -> None:
    error = error_from(Failure("no", status=429, resets_at=RESET + wait), retry_delay=None, now=NOW)
    assert (error.retry_after, error.should_retry) == (wait, should_retry)


def test_the_text_of_a_limit_says_when_it_resets() -> None:
    error = error_from(Failure("You've hit your limit", code="rate_limit", resets_at=RESET), retry_delay=None, now=NOW)
    assert error.message == "You've hit your limit (resets at 2027-01-15T08:00:00Z)"


def test_a_reset_that_makes_no_sense_is_no_crash() -> None:
    milliseconds = RESET * 1000
    error = error_from(Failure("no", status=429, resets_at=milliseconds), retry_delay=None, now=NOW)
    assert type(error) is LimitReached


def test_a_conversation_that_is_too_long_is_called_so() -> None:
    error = error_from(Failure("200001 tokens", cause="prompt_too_long"), retry_delay=None, now=NOW)
    assert error.message == "the conversation is too long for the model: 200001 tokens"


def test_whoever_is_not_logged_in_hears_how_to() -> None:
    assert not_logged_in().message == LOGIN_REMEDY
    unasked = error_from(Failure("Please run /login", code="authentication_failed"), retry_delay=None, now=NOW)
    assert unasked.message == LOGIN_REMEDY
    refused = error_from(Failure("invalid x-api-key", status=401), retry_delay=None, now=NOW)
    assert refused.message == f"{LOGIN_REMEDY} (invalid x-api-key)"


def test_an_upstream_that_says_nothing_has_an_error_all_the_same() -> None:
    assert error_from(Failure(""), retry_delay=None, now=NOW).message == "the API failed without saying why"
