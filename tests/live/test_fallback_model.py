"""A model for those who ask for one that there is not, where the operator names one."""

from collections.abc import Iterator

import pytest

from tests.support.chatting import user
from tests.support.running import Running, running_daemon


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon that answers with haiku where it does not know a model."""
    with running_daemon(tmp_path_factory.mktemp("fallback"), settings={"fallback_model": "haiku"}) as started:
        yield started


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": [user("echo: hi")], "stream": False}),
        ("/api/generate", {"prompt": "echo: hi", "stream": False}),
        ("/v1/chat/completions", {"messages": [user("echo: hi")]}),
        ("/v1/messages", {"messages": [user("echo: hi")], "max_tokens": 100}),
        ("/v1/responses", {"input": "echo: hi"}),
        ("/v1/completions", {"prompt": "echo: hi"}),
    ],
)
def test_an_unknown_model_is_answered_by_the_fallback_which_is_named(
    running: Running, path: str, body: dict[str, object]
) -> None:
    with running.client() as client:
        response = client.post(path, json={"model": "gpt-9", **body})
    assert response.status_code == 200
    assert response.json()["model"] == "haiku"
    assert running.last()["model"].startswith("claude-haiku")


def test_no_name_and_no_proper_name_stay_errors_and_so_does_a_look_at_one(running: Running) -> None:
    before = len(running.sent())
    with running.client() as client:
        empty = client.post("/api/generate", json={"prompt": "x"})
        bad = client.post("/api/chat", json={"model": "a b", "messages": [user("x")]})
        show = client.post("/api/show", json={"model": "gpt-9"})
    assert (empty.status_code, bad.status_code, show.status_code) == (404, 400, 404)
    assert len(running.sent()) == before
