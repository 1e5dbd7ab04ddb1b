"""Statuses, headers and texts of the routes, as Ollama has them."""

import json
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.running import Running

JSON = "application/json; charset=utf-8"
CHAT = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("method", "path", "status", "content_type", "body"),
    [
        ("GET", "/", 200, "text/plain; charset=utf-8", "Ollama is running"),
        ("HEAD", "/", 200, "text/plain; charset=utf-8", ""),
        ("HEAD", "/api/version", 200, JSON, ""),
        ("HEAD", "/api/tags", 200, JSON, ""),
        ("GET", "/api/version", 200, JSON, '{"version":"0.32.15"}'),
        ("GET", "/api/ps", 200, JSON, '{"models":[]}'),
        ("GET", "/nope", 404, "text/plain", "404 page not found"),
        ("POST", "/api/nope", 404, "text/plain", "404 page not found"),
        ("GET", "/API/tags", 404, "text/plain", "404 page not found"),
        ("GET", "/api/chat", 405, "text/plain", "405 method not allowed"),
        ("HEAD", "/api/ps", 405, "text/plain", ""),
        ("HEAD", "/v1/models", 405, "text/plain", ""),
        ("DELETE", "/api/tags", 405, "text/plain", "405 method not allowed"),
    ],
)
def test_a_route_answers_as_ollamas_does(
    fake: Running, method: str, path: str, status: int, content_type: str, body: str
) -> None:
    with fake.client() as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (status, content_type, body)
    assert "server" not in answer.headers


@pytest.mark.parametrize(("path", "allowed"), [("/api/chat", "POST"), ("/api/tags", "HEAD, GET"), ("/api/ps", "GET")])
def test_a_wrong_method_is_told_the_right_ones(fake: Running, path: str, allowed: str) -> None:
    with fake.client() as client:
        assert client.patch(path).headers["allow"] == allowed


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", b"", 400, "missing request body"),
        ("/api/chat", b"{", 400, "unexpected EOF"),
        ("/api/chat", b"hello", 400, "invalid character 'h' looking for beginning of value"),
        ("/api/chat", b"{}", 400, "model is required"),
        ("/api/generate", b"{}", 404, "model '' not found"),
        ("/api/chat", b'{"model":"nope"}', 404, "model 'nope' not found"),
        ("/api/show", b'{"name":"nope"}', 404, "model 'nope:latest' not found"),
        ("/api/show", b'{"model":"a b"}', 400, "invalid model name"),
        (
            "/api/chat",
            b'{"model":1}',
            400,
            "json: cannot unmarshal number into Go struct field ChatRequest.model of type string",
        ),
    ],
)
def test_a_bad_body_gets_ollamas_words(fake: Running, path: str, body: bytes, status: int, error: str) -> None:
    with fake.client() as client:
        answer = client.post(path, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json() == {"error": error}


def test_an_error_on_v1_has_openais_shape(fake: Running) -> None:
    with fake.client() as client:
        answer = client.post("/v1/chat/completions", json={"model": "nope", "messages": CHAT["messages"]})
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}
    }


@pytest.mark.parametrize(
    ("path", "fields", "content_type"),
    [
        ("/api/chat", {}, "application/x-ndjson"),
        ("/api/chat", {"stream": False}, JSON),
        ("/api/generate", {}, "application/x-ndjson"),
        ("/api/generate", {"stream": False}, JSON),
        ("/v1/chat/completions", {"stream": True}, "text/event-stream"),
        ("/v1/chat/completions", {}, "application/json"),
    ],
)
def test_an_answer_has_its_dialects_content_type(
    fake: Running, path: str, fields: dict[str, Any], content_type: str
) -> None:
    body = {"model": "sonnet", "prompt": "hello"} if path == "/api/generate" else CHAT
    with fake.client() as client:
        answer = client.post(path, json=body | fields)
    assert answer.headers["content-type"] == content_type
    assert "fake " in answer.text
    assert answer.headers["x-request-id"]


def test_every_line_of_a_stream_is_one_object_and_one_newline(fake: Running) -> None:
    with fake.client() as client:
        text = client.post("/api/chat", json=CHAT).text
    *lines, end = text.split("\n")
    assert end == ""
    assert [json.loads(line)["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert text.isascii()


@pytest.mark.parametrize("keep_alive", [None, 0])
def test_a_request_without_messages_loads_or_unloads_and_costs_nothing(fake: Running, keep_alive: int | None) -> None:
    with fake.client() as client:
        answer = client.post("/api/generate", json={"model": "sonnet", "prompt": "", "keep_alive": keep_alive})
    assert answer.headers["content-type"] == JSON
    assert answer.json()["done_reason"] == ("load" if keep_alive is None else "unload")


def test_what_is_not_honoured_is_named(fake: Running) -> None:
    with fake.client() as client:
        options = {"temperature": 0.2, "seed": 1, "num_ctx": 4096}
        answer = client.post("/api/chat", json=CHAT | {"options": options, "think": True})
    assert set(answer.headers["x-unsupported-options"].split(", ")) == {"temperature", "seed"}


def test_a_plain_request_id_of_the_client_is_kept(fake: Running) -> None:
    with fake.client() as client:
        assert client.get("/api/tags", headers={"x-request-id": "abc-123"}).headers["x-request-id"] == "abc-123"
        assert client.get("/api/tags", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_refused(make_fake: MakeDaemon, chunked: bool) -> None:
    running = make_fake(settings={"max_body": "2KiB"})
    body = json.dumps(CHAT | {"padding": "x" * 3000}).encode()
    with running.client() as client:
        answer = client.post("/api/chat", content=iter([body]) if chunked else body)
        assert answer.status_code == 413
        assert "request body too large" in answer.json()["error"]
        assert client.post("/api/chat", json=CHAT).status_code == 200


def test_a_browser_sees_a_page_that_says_the_answers_are_simulated(fake: Running) -> None:
    with fake.client() as client:
        answer = client.get("/", headers={"accept": "text/html,application/xhtml+xml"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "Ollama is running" in answer.text
    assert "Simulated answers." in answer.text
    assert "none needed" in answer.text


def test_a_client_that_offers_an_upgrade_is_answered_without_one(fake: Running) -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
    with fake.client() as client:
        assert client.post("/api/chat", json=CHAT, headers=offer).status_code == 200


def test_a_model_that_only_the_cli_knows_is_there_on_its_own(fake: Running) -> None:
    with fake.client() as client:
        assert "saga-1m:latest" in [model["name"] for model in client.get("/api/tags").json()["models"]]
        shown = client.post("/api/show", json={"model": "claude-saga-9"}).json()
        assert shown["model_info"]["general.basename"] == "Saga 9"
        assert client.post("/api/chat", json=CHAT | {"model": "SAGA-1M"}).status_code == 200
