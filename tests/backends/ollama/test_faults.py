import pytest

from proxy.backends.ollama.faults import refused


@pytest.mark.parametrize(
    ("status", "kind", "as_status"),
    [
        (400, "invalid_request", 400),
        (401, "upstream_failed", 502),
        (403, "invalid_request", 403),
        (404, "model_not_found", 404),
        (422, "invalid_request", 422),
        (429, "limit_reached", 429),
        (500, "upstream_failed", 500),
        (503, "upstream_failed", 503),
        (302, "upstream_failed", 502),
        (999, "upstream_failed", 502),
    ],
)
def test_a_status_is_passed_on_where_a_client_can_make_something_of_it(status: int, kind: str, as_status: int) -> None:
    error = refused(status, "no")
    assert (error.kind, error.status) == (kind, as_status)


def test_the_words_are_passed_on_in_one_line_and_not_without_end() -> None:
    assert refused(400, "bad\nnews").message == "bad news"
    assert len(refused(400, "x" * 10_000).message) == 2000
    assert refused(500, "").message == "the Ollama server answered with status 500"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("", None), ("soon", None), ("-1", None), ("99999", 3600), ("٣", None)]
)
def test_a_pause_is_passed_on(header: str, seconds: int | None) -> None:
    assert refused(429, "no", header).retry_after == seconds
    assert refused(503, "no", header).retry_after == seconds
