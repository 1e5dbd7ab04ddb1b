"""The routes that make, copy, delete and fetch models, as Ollama's clients use them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest

from proxy.wire.ollama.creation import NO_FILES
from tests.conftest import MakeDaemon
from tests.support.running import Running

JSON = "application/json; charset=utf-8"
PLAIN_JSON = "application/json"
NDJSON = "application/x-ndjson"
DIGEST = f"sha256:{'0' * 64}"
NO_SUCH_BASE = "pull model manifest: file does not exist"


@pytest.fixture
def own(make_fake: MakeDaemon) -> Running:
    running = make_fake()
    # What the CLI reports is listed too, once it is known.
    running.run(running.daemon.discovered.wait())
    return running


@pytest.fixture
def client(own: Running) -> Iterator[httpx.Client]:
    with own.client() as client:
        yield client


@pytest.fixture
def official(own: Running) -> Iterator[ollama.Client]:
    client = ollama.Client(own.url, trust_env=False)
    yield client
    client._client.close()


def create(client: httpx.Client, model: str, source: str = "sonnet", **fields: Any) -> httpx.Response:
    answer = client.post("/api/create", json={"model": model, "from": source, "stream": False, **fields})
    assert answer.json() == {"status": "success"}
    return answer


def names(client: httpx.Client) -> list[str]:
    return [model["name"] for model in client.get("/api/tags").json()["models"]]


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == NDJSON
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_official_client_makes_copies_shows_and_deletes(official: ollama.Client) -> None:
    steps = official.create(
        "Mario",
        from_="sonnet",
        system="You are Mario.",
        parameters={"temperature": 0.5, "stop": ["END"]},
        messages=[ollama.Message(role="user", content="hi")],
        license=["MIT"],
        template="{{ .Prompt }}",
        stream=True,
    )
    told = [str(step.status).partition(" sha256:")[0] for step in steps]
    assert told == ["using existing layer", *["creating new layer"] * 5, "writing manifest", "success"]
    shown = official.show("mario")
    assert shown.template == "{{ .Prompt }}"
    assert shown.details is not None
    assert shown.details.parent_model == "sonnet:latest"
    assert shown.capabilities == official.show("sonnet").capabilities
    assert official.copy("MARIO", "luigi").status == "success"
    assert official.show("luigi").parameters == shown.parameters
    assert {"Mario:latest", "luigi:latest"} <= {str(model.model) for model in official.list().models}
    assert official.delete("mario").status == "success"
    assert {"luigi:latest", "sonnet:latest"} <= {str(model.model) for model in official.list().models}
    with pytest.raises(ollama.ResponseError, match="model 'mario' not found"):
        official.delete("mario")


def test_the_official_client_pulls_what_is_there(official: ollama.Client) -> None:
    assert official.pull("sonnet").status == "success"
    official.create("mario", from_="sonnet")
    *_, last = official.pull("mario", stream=True)
    assert last.status == "success"
    with pytest.raises(ollama.ResponseError, match=NO_SUCH_BASE) as caught:
        official.pull("llama3")
    assert caught.value.status_code == 500
    with pytest.raises(ollama.ResponseError, match=NO_SUCH_BASE):
        list(official.pull("llama3", stream=True))


@pytest.mark.parametrize("model", ["mario", "sonnet"])
def test_the_official_client_is_told_that_nothing_is_pushed(official: ollama.Client, model: str) -> None:
    official.create("mario", from_="sonnet")
    with pytest.raises(ollama.ResponseError, match="unauthorized: the models of this server cannot be pushed"):
        official.push(model)
    with pytest.raises(ollama.ResponseError, match="unauthorized: "):
        list(official.push(model, stream=True))


def test_a_model_is_listed_and_named_as_ollama_does(client: httpx.Client) -> None:
    for model in ("Mario", "ns/luigi:V2", "library/peach:latest", "host:1/ns/toad"):
        create(client, model)
    assert {"host:1/ns/toad:latest", "peach:latest", "ns/luigi:V2", "Mario:latest"} <= set(names(client))
    ids = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert ids == names(client)
    assert client.get("/v1/models/mario").json()["id"] == "mario"


def test_every_case_means_one_model_that_keeps_its_first_spelling(client: httpx.Client) -> None:
    create(client, "Mario:Latest", system="one")
    create(client, "mARIO", system="two")
    client.post("/api/copy", json={"source": "sonnet", "destination": "MARIO"})
    assert [name for name in names(client) if name.lower().startswith("mario")] == ["Mario:latest"]
    assert "system" not in client.post("/api/show", json={"model": "mario"}).json()
    assert client.post("/api/pull", json={"model": "MARIO", "stream": False}).json() == {"status": "success"}
    assert client.request("DELETE", "/api/delete", json={"model": "mariO"}).status_code == 200
    assert "Mario:latest" not in names(client)


def test_a_created_model_is_shown_with_what_it_inherits(client: httpx.Client) -> None:
    create(client, "one", system="One.", parameters={"temperature": 0.6, "stop": ["a", "b"]}, license="MIT")
    create(client, "two", "one", system="", parameters={"stop": ["c"]}, license=["Apache"])
    shown = client.post("/api/show", json={"name": "two"}).json()
    assert shown["system"] == "One."
    assert shown["parameters"].split("\n")[2:] == [
        "temperature                    0.6",
        'stop                           "c"',
    ]
    assert shown["license"].split("\n")[1:] == ["MIT", "Apache"]
    assert shown["details"]["parent_model"] == "one:latest"


def test_a_copy_answers_nothing_at_all(client: httpx.Client) -> None:
    answer = client.post("/api/copy", json={"source": "sonnet", "destination": "mario"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert client.post("/api/copy", json={"source": "sonnet", "destination": "Sonnet"}).status_code == 200
    assert names(client).count("sonnet:latest") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/api/create", {}, 400, "invalid model name"),
        ("POST", "/api/create", {"model": "mario"}, 400, "neither 'from' or 'files' was specified"),
        ("POST", "/api/create", {"model": "mario", "files": {"a": DIGEST}}, 400, NO_FILES),
        ("POST", "/api/create", {"model": "mario", "from": "nope", "stream": False}, 500, NO_SUCH_BASE),
        ("POST", "/api/copy", {"source": "nope", "destination": "mario"}, 404, 'model "nope" not found'),
        ("POST", "/api/copy", {}, 400, 'source "" is invalid'),
        ("DELETE", "/api/delete", {"model": "nope"}, 404, "model 'nope' not found"),
        ("DELETE", "/api/delete", {}, 400, "model is required"),
        (
            "DELETE",
            "/api/delete",
            {"name": "sonnet"},
            403,
            "model 'sonnet' belongs to this server and cannot be deleted",
        ),
        ("POST", "/api/pull", {"model": "nope", "stream": False}, 500, NO_SUCH_BASE),
        ("POST", "/api/pull", {"model": "x:cloud"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        ("POST", "/api/push", {}, 400, "model is required"),
        ("POST", "/api/push", {"model": "nope", "stream": False}, 404, "model 'nope' not found"),
        ("POST", "/api/blobs/sha256:0", {}, 400, "invalid digest format"),
        ("POST", f"/api/blobs/{DIGEST}", {}, 400, NO_FILES),
        ("POST", "/api/me", {}, 401, "unauthorized"),
        ("POST", "/api/signout", {}, 401, "you are not currently signed in"),
        ("DELETE", "/api/user/keys/abc", {}, 401, "you are not currently signed in"),
    ],
)
def test_what_cannot_be_done_is_an_error_before_the_first_line(
    fake: Running, method: str, path: str, body: dict[str, Any], status: int, error: str
) -> None:
    with fake.client() as client:
        answer = client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json() == {"error": error}


@pytest.mark.parametrize("path", ["/api/create", "/api/copy", "/api/pull", "/api/push"])
def test_a_body_that_is_none_gets_ollamas_words(fake: Running, path: str) -> None:
    with fake.client() as client:
        assert client.post(path).json() == {"error": "missing request body"}
        assert client.post(path, content=b"{").json() == {"error": "unexpected EOF"}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/api/create", {"model": "mario", "from": "nope"}, [{"status": "pulling manifest"}, {"error": NO_SUCH_BASE}]),
        ("/api/pull", {"model": "nope"}, [{"status": "pulling manifest"}, {"error": NO_SUCH_BASE}]),
        (
            "/api/push",
            {"model": "nope"},
            [
                {"status": "retrieving manifest"},
                {"status": "couldn't retrieve manifest"},
                {"error": "model 'nope' not found"},
            ],
        ),
    ],
)
def test_what_is_not_there_is_an_error_in_the_stream(
    fake: Running, path: str, body: dict[str, Any], told: list[dict[str, str]]
) -> None:
    with fake.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200
    assert lines(answer) == told


def test_an_answer_that_is_not_streamed_is_the_last_status(client: httpx.Client) -> None:
    assert create(client, "mario").headers["content-type"] == PLAIN_JSON
    answer = client.post("/api/pull", json={"model": "mario", "stream": False})
    assert (answer.headers["content-type"], answer.text) == (PLAIN_JSON, '{"status":"success"}')


@pytest.mark.parametrize(("digest", "status"), [(DIGEST, 404), ("sha256:0", 400)])
def test_no_blob_is_here(fake: Running, digest: str, status: int) -> None:
    with fake.client() as client:
        answer = client.head(f"/api/blobs/{digest}")
    assert (answer.status_code, answer.content) == (status, b"")


def test_a_blob_is_read_to_its_end_and_refused(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_body": "64KiB"})
    with running.client() as client:
        for size in (1, 60_000, 100_000):
            answer = client.post(f"/api/blobs/{DIGEST}", content=iter([b"x" * size]))
            assert (answer.status_code, answer.json()) == (400, {"error": NO_FILES})
    assert list((running.daemon.settings.state_folder).rglob("*x*")) == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/create", "POST"),
        ("POST", "/api/delete", "DELETE"),
        ("GET", f"/api/blobs/{DIGEST}", "HEAD, POST"),
        ("GET", "/api/me", "POST"),
        ("POST", "/api/status", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(fake: Running, method: str, path: str, allowed: str) -> None:
    with fake.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("what", ["search", "fetch"])
def test_the_web_is_asked_nothing(client: httpx.Client, what: str) -> None:
    path = f"/api/experimental/web_{what}"
    refused = client.post(path, json={"query": "x"})
    assert (refused.status_code, refused.json()) == (
        403,
        {"error": f"ollama cloud is disabled: web {what} is unavailable"},
    )
    missing = client.post(path)
    assert (missing.status_code, missing.json()) == (400, {"error": "missing request body"})


def test_there_is_no_cloud_and_the_models_of_the_server_are_recommended(client: httpx.Client) -> None:
    create(client, "mario")
    assert client.get("/api/status").json() == {"cloud": {"disabled": True, "source": "config"}}
    recommended = client.get("/api/experimental/model-recommendations").json()["recommendations"]
    models = {each["model"]: each for each in recommended}
    assert {"opus", "sonnet", "haiku"} <= set(models)
    assert "mario" not in models
    shown = client.post("/api/show", json={"model": "sonnet"}).json()["model_info"]
    assert models["sonnet"]["context_length"] == shown["claude.context_length"]
    assert models["sonnet"]["description"] == shown["general.basename"]


def test_a_model_that_is_deleted_is_loaded_no_more(client: httpx.Client) -> None:
    create(client, "mario")
    client.post("/api/generate", json={"model": "mario", "prompt": ""})
    assert [model["name"] for model in client.get("/api/ps").json()["models"]] == ["mario:latest"]
    client.request("DELETE", "/api/delete", json={"model": "mario"})
    assert client.get("/api/ps").json() == {"models": []}
    answer = client.post("/api/chat", json={"model": "mario", "messages": [{"role": "user", "content": "hi"}]})
    assert (answer.status_code, answer.json()) == (404, {"error": "model 'mario' not found"})


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions"])
def test_a_parameter_of_a_wrong_type_fails_when_it_is_used(client: httpx.Client, path: str) -> None:
    create(client, "mario", parameters={"temperature": "hot", "own": "anything"})
    assert client.post("/api/show", json={"model": "mario"}).status_code == 200
    answer = client.post(path, json={"model": "mario", "prompt": "hi", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status_code == 500
    assert 'option \\"temperature\\" must be of type float32' in answer.text


def test_a_model_too_large_or_with_calls_of_tools_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/create", json={"model": "mario", "from": "sonnet", "system": "x" * 1_000_000})
    assert answer.status_code == 400
    assert "the model is too large: " in answer.json()["error"]
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": {}}}]}
    answer = client.post("/api/create", json={"model": "mario", "from": "sonnet", "messages": [call]})
    assert answer.status_code == 400
    assert "no calls of tools" in answer.json()["error"]
    assert "mario:latest" not in names(client)
