"""What Ollama's clients rely on, row by row, where no test of one module proves it: over a whole daemon."""

import json
import re
from datetime import datetime
from typing import Any, cast

import pytest
from starlette.routing import Route

from proxy.api.desk import Options
from proxy.api.routes import make_routes
from tests.conftest import MakeDaemon
from tests.support.running import Running

JSON = "application/json; charset=utf-8"
PLAIN_JSON = "application/json"
HELLO = [{"role": "user", "content": "hello"}]
CHAT: dict[str, Any] = {"model": "sonnet", "messages": HELLO}
PROMPT: dict[str, Any] = {"model": "sonnet", "prompt": "hello"}
DIGEST = f"sha256:{'0' * 64}"

STRUCTS = {
    "/api/generate": "GenerateRequest",
    "/api/chat": "ChatRequest",
    "/api/embed": "EmbedRequest",
    "/api/embeddings": "EmbeddingRequest",
    "/api/show": "ShowRequest",
    "/api/create": "CreateRequest",
    "/api/copy": "CopyRequest",
    "/api/delete": "DeleteRequest",
    "/api/pull": "PullRequest",
    "/api/push": "PushRequest",
}
"""Every native route that reads a body, with the name of it in Go."""

ANSWERING: dict[str, dict[str, Any]] = {
    "/api/chat": CHAT | {"stream": False},
    "/api/generate": PROMPT | {"stream": False},
    "/v1/chat/completions": CHAT,
    "/v1/completions": PROMPT,
    "/v1/responses": {"model": "sonnet", "input": "hello"},
    "/v1/messages": CHAT | {"max_tokens": 100},
}
"""Every route on which a model answers, with a body that asks for a whole answer."""

SPELLINGS = ("sonnet", "SONNET", " sonnet ", "sonnet:latest", "library/sonnet", "sonnet:local", "Sonnet:Latest:LOCAL")
"""One model."""

ROUTES = make_routes(cast(Any, None), Options(1, 1), cast(Any, None), cast(Any, None), chats=cast(Any, None))


def method_of(path: str) -> str:
    return "DELETE" if path == "/api/delete" else "POST"


def filled(path: str) -> str:
    """A path of the route table with something in the place of its parameters."""
    return re.sub(r"{[^}]*}", DIGEST, path)


@pytest.mark.parametrize("path", STRUCTS)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "missing request body"),
        (b" \n\t", "missing request body"),
        (b"{", "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.{struct}"),
        (b"7 trailing", "json: cannot unmarshal number into Go value of type api.{struct}"),
        (b"\xef\xbb\xbf{}", "invalid character '\u00ef' looking for beginning of value"),
    ],
    ids=["empty", "blank", "cut off", "no JSON", "comma", "array", "number", "byte order mark"],
)
def test_what_is_no_body_is_told_alike_on_every_native_route(fake: Running, path: str, body: bytes, error: str) -> None:
    with fake.client() as client:
        answer = client.request(method_of(path), path, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
    assert answer.json() == {"error": error.replace("{struct}", STRUCTS[path])}


@pytest.mark.parametrize("path", STRUCTS)
def test_a_body_that_is_null_is_an_empty_object(fake: Running, path: str) -> None:
    with fake.client() as client:
        answers = [client.request(method_of(path), path, content=body) for body in (b"null", b"{}", b'{"model":null}')]
    first, *others = [(answer.status_code, answer.text) for answer in answers]
    assert first[0] in (400, 404)
    assert others == [first, first]


@pytest.mark.parametrize(
    ("path", "field"),
    [(path, "source" if path == "/api/copy" else "model") for path in STRUCTS]
    + [(path, "name") for path in STRUCTS if path in ("/api/show", "/api/delete", "/api/pull", "/api/push")],
)
def test_a_field_of_another_type_is_named_with_its_struct(fake: Running, path: str, field: str) -> None:
    with fake.client() as client:
        answer = client.request(method_of(path), path, content=json.dumps({field.upper(): 1.5}).encode())
    place = f"Go struct field {STRUCTS[path]}.{field} of type string"
    assert (answer.status_code, answer.json()) == (400, {"error": f"json: cannot unmarshal number into {place}"})


@pytest.mark.parametrize("path", [path for path in (*ANSWERING, "/v1/embeddings") if path.startswith("/v1")])
def test_v1_has_gos_own_word_for_an_empty_body(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.post(path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PLAIN_JSON)
    error = answer.json()["error"]
    assert (error["message"], error["type"]) == ("EOF", "invalid_request_error")


@pytest.mark.parametrize("path", ANSWERING)
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"authorization": "Bearer nobody", "x-api-key": "nobody"},
        {"transfer-encoding": "chunked"},
    ],
    ids=["text", "form", "keys", "chunked"],
)
def test_no_header_changes_an_answer(fake: Running, path: str, headers: dict[str, str]) -> None:
    body = json.dumps(ANSWERING[path]).encode()
    with fake.client() as client:
        content: Any = iter([body[:9], body[9:]]) if "transfer-encoding" in headers else body
        answer = client.post(f"{path}?beta=true&ts=1", content=content, headers=headers)
    assert answer.status_code == 200
    assert "fake answer" in answer.text


@pytest.mark.parametrize("path", ANSWERING)
def test_a_whole_answer_ends_as_its_dialect_does(fake: Running, path: str) -> None:
    with fake.client() as client:
        text = client.post(path, json=ANSWERING[path]).text
    assert text.endswith("}" if path.startswith("/api") else "}\n")
    assert "\n" not in text[:-1]


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/ps", "/api/status", "/v1/models", "/v1/models/x"])
def test_a_document_ends_as_its_dialect_does(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.get(path)
    native = path.startswith("/api")
    assert answer.headers["content-type"] == (JSON if native else PLAIN_JSON)
    assert answer.text.endswith("}" if native else "}\n")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/chat/completions", False),
        ("/v1/completions", False),
        ("/v1/responses", True),
        ("/v1/messages", True),
    ],
)
def test_only_the_newer_dialects_name_the_events_of_a_stream(fake: Running, path: str, named: bool) -> None:
    with fake.client() as client:
        *events, end = client.post(path, json=ANSWERING[path] | {"stream": True}).text.split("\n\n")
    assert end == ""
    for event in events:
        *first, data = event.split("\n")
        assert data.startswith("data: ")
        kinds = [f"event: {json.loads(data.removeprefix('data: '))['type']}"] if named else []
        assert first == kinds
    assert (events[-1] == "data: [DONE]") is not named


@pytest.mark.parametrize("route", ROUTES, ids=[route.path for route in ROUTES])
def test_head_is_there_for_few_routes(fake: Running, route: Route) -> None:
    with fake.client() as client:
        status = client.head(filled(route.path)).status_code
    few = {
        "/": 200,
        "/api/version": 200,
        "/api/tags": 200,
        "/api/blobs/{digest}": 404,
        "/openapi.json": 200,
        "/healthz": 200,
        "/health": 200,
        "/readyz": 200,
        "/chat": 200,  # a page as well
    }
    assert status == few.get(route.path, 405)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/audio/transcriptions"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/images/edits"),
        ("GET", "/debug/pprof/"),
        ("GET", "/v1/models/ns/sonnet"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/api/Tags"),
    ],
)
def test_what_is_not_there_says_so_in_words(fake: Running, method: str, path: str) -> None:
    with fake.client() as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (
        404,
        "text/plain",
        "404 page not found",
    )


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_a_name_is_the_model_and_is_repeated_as_it_was(fake: Running, name: str) -> None:
    with fake.client() as client:
        shown = client.post("/api/show", json={"model": "", "name": name}).json()
        answers = [client.post(path, json=body | {"model": name}).json() for path, body in ANSWERING.items()]
    assert shown["model_info"]["general.basename"] == "Claude Sonnet 5.5"
    assert [answer["model"] for answer in answers[:-1]] == [name] * (len(answers) - 1)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("opus", "Claude Opus 5.5"),
        ("fable:latest", "Claude Fable 5.2"),
        ("claude-opus-4-8", "Claude Opus 4.8"),
        ("claude-sonnet-4-5", "Claude Sonnet 4.5"),
        ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
        ("saga-1m", "Saga 9"),  # as the CLI reports it: saga[1m]
        ("claude-saga-9", "Saga 9"),
    ],
)
def test_claudes_own_names_are_names_here(fake: Running, name: str, model: str) -> None:
    with fake.client() as client:
        assert client.post("/api/show", json={"model": name}).json()["model_info"]["general.basename"] == model
        assert client.get(f"/v1/models/{name}").json()["id"] == name
        assert client.post("/api/chat", json=CHAT | {"model": name, "messages": []}).json()["done_reason"] == "load"


@pytest.mark.parametrize("alias", ["opus", "sonnet", "haiku"])
def test_the_id_that_the_cli_reports_for_an_alias_is_a_name_too(live: Running, alias: str) -> None:
    with live.client() as client:
        # A chat waits until the CLI has reported.
        assert client.post("/api/chat", json={"model": f"claude-{alias}-5-5"}).json()["done_reason"] == "load"
        shown = [client.post("/api/show", json={"model": name}).json() for name in (alias, f"claude-{alias}-5-5")]
        client.post("/api/chat", json={"model": alias, "keep_alive": 0})
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("name", "status", "chat", "show"),
    [
        ("nope", 404, "model 'nope' not found", "model 'nope:latest' not found"),
        ("Nope:V1", 404, "model 'Nope:V1' not found", "model 'Nope:V1' not found"),
        ("library/nope", 404, "model 'library/nope' not found", "model 'nope:latest' not found"),
        ("ns/nope", 404, "model 'ns/nope' not found", "model 'ns/nope:latest' not found"),
        ("sonnet:v2", 404, "model 'sonnet:v2' not found", "model 'sonnet:v2' not found"),
        ("sonnet[1m]", 400, "invalid model name", "invalid model name"),
        ("sonnet:", 400, "invalid model name", "invalid model name"),
        (":sonnet", 400, "invalid model name", "invalid model name"),
        ("-sonnet", 400, "invalid model name", "invalid model name"),
        ("son net", 400, "invalid model name", "invalid model name"),
        ("s@nnet", 400, "invalid model name", "invalid model name"),
        ("sonnet:cloud", 403, "ollama cloud is disabled: remote model is unavailable", "… details are unavailable"),
        ("sonnet:1-cloud", 403, "ollama cloud is disabled: remote model is unavailable", "… details are unavailable"),
    ],
)
def test_a_name_that_finds_nothing_has_ollamas_words(
    fake: Running, name: str, status: int, chat: str, show: str
) -> None:
    show = show.replace("…", "ollama cloud is disabled: remote model")
    with fake.client() as client:
        for path, body in ANSWERING.items():
            answer = client.post(path, json=body | {"model": name})
            error = answer.json()["error"]
            # That there is no cloud every dialect tells as Ollama's own does.
            native = path.startswith("/api") or status == 403
            assert (answer.status_code, error if native else error["message"]) == (status, chat)
        answer = client.post("/api/show", json={"model": name})
    assert (answer.status_code, answer.json()) == (status, {"error": show})


ALL_WRONG: dict[str, Any] = {
    "top_logprobs": 21,
    "model": "nope",
    "raw": True,
    "system": "Be brief.",
    "options": {"temperature": "hot"},
    "format": "xml",
    "prompt": "hello",
    "think": True,
    "suffix": "x",
    "stream": True,
}


@pytest.mark.parametrize(
    ("mended", "status", "error"),
    [
        ({}, 400, "top_logprobs must be between 0 and 20"),
        ({"top_logprobs": 0}, 404, "model 'nope' not found"),
        ({"model": "saga-1m"}, 400, "raw mode does not support template, system, or context"),
        ({"raw": False}, 400, '"saga-1m" does not support thinking'),
        ({"think": False}, 400, "registry.ollama.ai/library/saga-1m:latest does not support insert"),
        ({"suffix": ""}, 500, 'option "temperature" must be of type float32'),
        ({"options": None}, 500, r'invalid format: "\"xml\""; expected "json" or a valid JSON Schema object'),
    ],
)
def test_the_faults_of_a_generate_come_in_order_before_any_stream(
    fake: Running, mended: dict[str, Any], status: int, error: str
) -> None:
    fixes: tuple[dict[str, Any], ...] = (
        {"top_logprobs": 0},
        {"model": "saga-1m"},
        {"raw": False},
        {"think": False},
        {"suffix": ""},
        {"options": None},
    )
    body = dict(ALL_WRONG)
    if mended:
        for fix in fixes[: fixes.index(mended) + 1]:
            body |= fix
    with fake.client() as client:
        answer = client.post("/api/generate", json=body)
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (status, JSON, {"error": error})


@pytest.mark.parametrize(
    ("path", "empty"),
    [("/api/chat", {"messages": []}), ("/api/chat", {}), ("/api/generate", {"prompt": ""}), ("/api/generate", {})],
)
@pytest.mark.parametrize("stream", [True, False])
def test_to_load_and_to_unload_is_one_object_of_few_members(
    fake: Running, path: str, empty: dict[str, Any], stream: bool
) -> None:
    said = {"message": {"role": "assistant", "content": ""}} if path == "/api/chat" else {"response": ""}
    with fake.client() as client:
        for keep_alive, reason in ((None, "load"), ("0s", "unload"), (0, "unload")):
            body = {"model": "sonnet", "stream": stream, "keep_alive": keep_alive, "tools": [], **empty}
            answer = client.post(path, json=body)
            told = answer.json()
            assert answer.headers["content-type"] == JSON
            assert list(told) == ["model", "created_at", *said, "done", "done_reason"]
            assert (told["model"], told["done"], told["done_reason"]) == ("sonnet", True, reason)
            assert {name: told[name] for name in said} == said


@pytest.mark.parametrize(
    ("keep_alive", "loaded"), [(0, []), ("0s", []), (-1, ["2319"]), ("-1m", ["2319"]), (60, ["20"]), ("24h", ["20"])]
)
def test_what_is_loaded_stays_as_long_as_the_last_request_said(
    fake: Running, keep_alive: object, loaded: list[str]
) -> None:
    with fake.client() as client:
        client.post("/api/generate", json={"model": "opus", "keep_alive": -1})
        answer = client.post("/api/chat", json=CHAT | {"model": "opus", "stream": False, "keep_alive": keep_alive})
        fake.until_idle()
        models = [model for model in client.get("/api/ps").json()["models"] if model["name"] == "opus:latest"]
        client.post("/api/generate", json={"model": "opus", "keep_alive": 0})
    assert answer.json()["done_reason"] == "stop"
    assert [model["expires_at"].startswith(start) for model, start in zip(models, loaded, strict=True)] == [
        True for _ in loaded
    ]


def test_the_loaded_models_come_with_the_latest_end_first_and_all_that_clients_read(make_fake: MakeDaemon) -> None:
    with make_fake().client() as client:
        for model, keep_alive in (("opus", 60), ("sonnet", -1), ("haiku", 600)):
            client.post("/api/generate", json={"model": model, "keep_alive": keep_alive})
        models = client.get("/api/ps").json()["models"]
    assert [model["name"] for model in models] == ["sonnet:latest", "haiku:latest", "opus:latest"]
    for model in models:
        assert list(model) == [
            *("name", "model", "size", "digest", "details", "expires_at", "size_vram", "context_length")
        ]
        assert datetime.fromisoformat(model["expires_at"]).tzinfo is not None


def test_the_lists_and_the_descriptions_of_models_agree(fake: Running) -> None:
    with fake.client() as client:
        tags = client.get("/api/tags").json()["models"]
        ids = [model["id"] for model in client.get("/v1/models").json()["data"]]
        shown = [client.post("/api/show", json={"model": tag["name"]}).json() for tag in tags]
    assert [tag["name"] for tag in tags] == ids
    for tag, model in zip(tags, shown, strict=True):
        assert re.fullmatch(r"[0-9a-f]{64}", tag["digest"])
        assert tag["size"] > 0
        assert model["capabilities"] == tag["capabilities"]
        assert model["modified_at"] == tag["modified_at"]
        assert tag["details"] == model["details"] | {"context_length": model["model_info"]["claude.context_length"]}
        assert all(value for value in model["details"].values())
        assert (".Tools" in model["template"]) is ("tools" in model["capabilities"])


def test_one_model_of_v1_is_unknown_by_its_name_with_its_tag(fake: Running) -> None:
    with fake.client() as client:
        answer = client.get("/v1/models/nope")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "model 'nope:latest' not found"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_picture_on_another_server_is_refused(fake: Running, path: str) -> None:
    url = "https://example.com/a.png"
    part = {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "sonnet", "messages": [{"role": "user", "content": [part]}]}
    if path == "/v1/responses":
        content = [{"type": "input_image", "image_url": url}]
        body = {"model": "sonnet", "input": [{"role": "user", "content": content}]}
    with fake.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 400
    assert "image URLs are not currently supported, please use base64" in answer.json()["error"]["message"]
