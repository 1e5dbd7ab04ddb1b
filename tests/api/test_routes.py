"""Statuses, headers and texts of the routes, as Ollama has them."""

import json
import socket
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.running import Running

JSON = "application/json; charset=utf-8"
CHAT: dict[str, Any] = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]}
PROMPT: dict[str, Any] = {"model": "sonnet", "prompt": "hello"}
BODIES: dict[str, dict[str, Any]] = {
    "/api/chat": CHAT,
    "/api/generate": PROMPT,
    "/v1/chat/completions": CHAT,
    "/v1/completions": PROMPT,
    "/v1/responses": {"model": "sonnet", "input": "hello"},
    "/v1/messages": CHAT | {"max_tokens": 100},
    "/v1/messages/count_tokens": CHAT,
}


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
        ("GET", "/v1/messages", 405, "text/plain", "405 method not allowed"),
        ("HEAD", "/v1/messages/count_tokens", 405, "text/plain", ""),
        ("GET", "/v1/responses", 405, "text/plain", "405 method not allowed"),
        ("GET", "/v1/responses/resp_1", 404, "text/plain", "404 page not found"),
        ("DELETE", "/v1/completions", 405, "text/plain", "405 method not allowed"),
        ("DELETE", "/api/tags", 405, "text/plain", "405 method not allowed"),
    ],
)
def test_a_route_answers_as_ollamas_does(
    fake: Running, method: str, path: str, status: int, content_type: str, body: str
) -> None:
    with fake.client() as client:
        for model in fake.daemon.engine.loaded():
            client.post("/api/generate", json={"model": model, "keep_alive": 0})
        answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (status, content_type, body)
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/chat", "POST"),
        ("/api/tags", "HEAD, GET"),
        ("/api/ps", "GET"),
        ("/v1/messages", "POST"),
        ("/v1/messages/count_tokens", "POST"),
        ("/v1/responses", "POST"),
        ("/v1/completions", "POST"),
    ],
)
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


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
def test_an_error_on_v1_has_openais_shape(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.post(path, json=BODIES[path] | {"model": "nope"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json() == {
        "error": {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}
    }


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_an_error_on_messages_has_anthropics_shape(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.post(path, json=BODIES[path] | {"model": "nope"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    error = answer.json()
    assert error.pop("request_id").startswith("req_")
    assert error == {"type": "error", "error": {"type": "not_found_error", "message": "model 'nope' not found"}}


def test_one_path_has_the_models_in_two_shapes(fake: Running) -> None:
    with fake.client() as client:
        openais = client.get("/v1/models").json()
        anthropics = client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert openais["object"] == "list"
    assert not anthropics["has_more"]
    assert [model["id"] for model in openais["data"]] == [model["id"] for model in anthropics["data"]]


@pytest.mark.parametrize("stream", [True, False])
def test_a_completion_without_a_prompt_loads_and_costs_nothing(fake: Running, stream: bool) -> None:
    with fake.client() as client:
        answer = client.post("/v1/completions", json={"model": "sonnet", "prompt": "", "stream": stream})
    assert answer.headers["content-type"] == ("text/event-stream" if stream else "application/json")
    assert '"finish_reason":"load"' in answer.text


def test_a_count_of_tokens_is_an_estimate_of_everything_sent(fake: Running) -> None:
    tool = {"name": "now", "description": "d" * 400, "input_schema": {"type": "object"}}
    sent: list[dict[str, Any]] = [{}, {"system": "s" * 400}, {"system": "s" * 400, "tools": [tool]}]
    with fake.client() as client:
        answers = [client.post("/v1/messages/count_tokens", json=CHAT | fields) for fields in sent]
    few, more, most = (answer.json()["input_tokens"] for answer in answers)
    assert 0 < few < 20
    assert 100 <= more - few < 110
    assert 100 <= most - more < 130


@pytest.mark.parametrize(
    ("path", "fields", "content_type"),
    [
        ("/api/chat", {}, "application/x-ndjson"),
        ("/api/chat", {"stream": False}, JSON),
        ("/api/generate", {}, "application/x-ndjson"),
        ("/api/generate", {"stream": False}, JSON),
        ("/v1/chat/completions", {"stream": True}, "text/event-stream"),
        ("/v1/chat/completions", {}, "application/json"),
        ("/v1/completions", {"stream": True}, "text/event-stream"),
        ("/v1/completions", {}, "application/json"),
        ("/v1/responses", {"stream": True}, "text/event-stream"),
        ("/v1/responses", {}, "application/json"),
        ("/v1/messages", {"stream": True}, "text/event-stream"),
        ("/v1/messages", {}, "application/json"),
    ],
)
def test_an_answer_has_its_dialects_content_type(
    fake: Running, path: str, fields: dict[str, Any], content_type: str
) -> None:
    with fake.client() as client:
        answer = client.post(path, json=BODIES[path] | fields)
    assert answer.headers["content-type"] == content_type
    assert "fake " in answer.text
    assert answer.headers["x-request-id"]
    streamed = content_type in ("application/x-ndjson", "text/event-stream")
    assert answer.headers.get("x-accel-buffering") == ("no" if streamed else None)


def test_a_small_piece_of_a_stream_does_not_wait_for_the_next(fake: Running) -> None:
    with fake.client() as client:
        client.get("/api/version")
        sockets = [protocol.transport.get_extra_info("socket") for protocol in fake.server.server_state.connections]
        delays = [not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for connection in sockets]
    assert delays
    assert not any(delays)


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


def test_the_operator_bounds_how_much_models_see(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"context_length": "5000"})
    running.run(running.daemon.discovered.wait())
    with running.client() as client:
        for name in ("sonnet", "saga-1m"):
            client.post("/api/generate", json={"model": name})
            shown = client.post("/api/show", json={"model": name}).json()
            assert shown["model_info"]["claude.context_length"] == 5000
        loaded = client.get("/api/ps").json()["models"]
    assert [model["context_length"] for model in loaded] == [5000, 5000]
