"""A daemon with an Ollama server behind it: names, keys, faults of the server, its going and coming, embeddings."""

import base64
import re
import struct
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import ollama
import openai
import pytest

from proxy.access.keys import Key
from tests.conftest import MakeDaemon
from tests.support.asking import PATHS, Outcome, ask, ask_all
from tests.support.children import wait_until_none
from tests.support.fake_ollama import DIGEST, TIMES, FakeOllama
from tests.support.keys import bearer, keep, make_key
from tests.support.running import Running, running_daemon, write_fake_cli

OUT_OF_REACH = "the Ollama server of this model is out of reach"
WENT_AWAY = "the Ollama server went away before its answer was complete"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, FakeOllama]]:
    folder = tmp_path_factory.mktemp("front")
    with (
        FakeOllama().run() as server,
        running_daemon(folder, cli=write_fake_cli(folder), settings={"ollama_url": server.url}) as running,
    ):
        running.until(lambda: any(model.backend == "ollama" for model in running.daemon.catalog.models), "known")
        yield running, server
    wait_until_none(folder)


@pytest.fixture
def front(both: tuple[Running, FakeOllama]) -> Running:
    return both[0]


@pytest.fixture
def behind(both: tuple[Running, FakeOllama]) -> FakeOllama:
    both[1].asked.clear()
    return both[1]


def post(running: Running, path: str, body: dict[str, Any], name: str = "") -> Any:
    with running.client() as client:
        return client.post(path, json=body, headers=bearer(name) if name else {})


def chat(running: Running, model: str, text: str = "hello", name: str = "", **fields: Any) -> Any:
    body = {"model": model, "stream": False, "messages": [{"role": "user", "content": text}], **fields}
    return post(running, "/api/chat", body, name)


@pytest.mark.parametrize(
    ("model", "answered_behind"),
    [
        ("llama:8b", True),
        ("LLAMA:8B", True),
        ("ollama/llama:8b", True),
        ("plain", True),
        ("plain:latest", True),
        ("sonnet", False),
        ("ollama/sonnet", True),
        ("ollama/sonnet:latest", True),
    ],
)
def test_a_name_is_claude_s_first_and_the_server_s_with_the_prefix(
    front: Running, behind: FakeOllama, model: str, answered_behind: bool
) -> None:
    assert chat(front, model).json()["message"]["content"] == "fake answer"
    assert behind.paths() == (["/api/chat"] if answered_behind else [])


def test_lists_have_claude_s_models_and_the_server_s(front: Running) -> None:
    with front.client() as client:
        models = {model["name"]: model for model in client.get("/api/tags").json()["models"]}
        ids = [model["id"] for model in client.get("/v1/models").json()["data"]]
    theirs = {"llama:8b", "plain:latest", "embedder:latest", "ollama/sonnet:latest"}
    assert theirs | {"sonnet:latest", "opus:latest"} <= set(models)
    assert list(models) == ids
    listed = models["llama:8b"]
    assert (listed["digest"], listed["size"], listed["details"]["family"]) == (DIGEST, 1234, "llama")
    assert listed["details"]["context_length"] == 8192
    assert "tools" in listed["capabilities"]
    assert models["embedder:latest"]["capabilities"] == ["embedding"]


def test_a_model_is_shown_as_its_server_shows_it(front: Running, behind: FakeOllama) -> None:
    shown = post(front, "/api/show", {"model": "llama:8b"}).json()
    assert (shown["license"], shown["template"], shown["parameters"]) == ("MIT", "{{ .Prompt }}", 'stop "x"')
    assert shown["model_info"] == {"general.architecture": "llama", "llama.context_length": 8192}
    assert behind.asked == [], "it was known"


def test_what_runs_is_listed_and_let_go(front: Running, behind: FakeOllama) -> None:
    chat(front, "llama:8b", keep_alive="1h")
    with front.client() as client:
        assert "llama:8b" in [model["name"] for model in client.get("/api/ps").json()["models"]]
    assert behind.last()["keep_alive"] == 3600
    assert post(front, "/api/generate", {"model": "llama:8b", "keep_alive": 0}).json()["done_reason"] == "unload"
    assert behind.last() == {"model": "llama:8b", "stream": False, "keep_alive": 0.0}
    with front.client() as client:
        assert "llama:8b" not in [model["name"] for model in client.get("/api/ps").json()["models"]]
    assert post(front, "/api/generate", {"model": "llama:8b"}).json()["done_reason"] == "load"
    assert behind.last() == {"model": "llama:8b", "stream": False}


def test_options_that_only_ollama_s_models_have_are_passed_on_and_not_named(front: Running, behind: FakeOllama) -> None:
    options = {"seed": 7, "num_ctx": 2048, "mirostat": 1, "temperature": 0.8, "repeat_penalty": 1.3}
    answer = chat(front, "llama:8b", options=options)
    assert behind.last()["options"] == options
    assert "x-unsupported-options" not in answer.headers
    assert chat(front, "sonnet", options=options).headers["x-unsupported-options"] == "seed, repeat_penalty"
    sampled = {"seed": 7, "frequency_penalty": 0.5, "presence_penalty": 0.25}
    body = {"model": "llama:8b", "messages": [{"role": "user", "content": "hello"}], **sampled}
    assert "x-unsupported-options" not in post(front, "/v1/chat/completions", body).headers
    assert behind.last()["options"] == sampled


def test_what_ollama_has_no_word_for_is_named(front: Running, behind: FakeOllama) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    body = {"model": "llama:8b", "messages": [{"role": "user", "content": "hello"}], "tools": [tool]}
    answer = post(front, "/v1/chat/completions", body | {"tool_choice": "required"})
    assert answer.headers["x-unsupported-options"] == "tool_choice"
    post(front, "/v1/chat/completions", body | {"tool_choice": "none"})
    assert "tools" not in behind.last()


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/api/chat", {"think": True}, '"plain" does not support thinking'),
        (
            "/api/chat",
            {"tools": [{"function": {"name": "x"}}]},
            "registry.ollama.ai/library/plain:latest does not support tools",
        ),
        ("/api/generate", {"suffix": "}"}, "registry.ollama.ai/library/plain:latest does not support insert"),
        ("/v1/completions", {"suffix": "}"}, "registry.ollama.ai/library/plain:latest does not support insert"),
    ],
)
def test_what_a_model_cannot_do_is_ollama_s_own_refusal(
    front: Running, behind: FakeOllama, path: str, body: dict[str, Any], text: str
) -> None:
    asked = {"model": "plain", "prompt": "hello", "messages": [{"role": "user", "content": "hello"}], **body}
    error = post(front, path, asked)
    assert error.status_code == 400
    assert text in error.text.replace('\\"', '"')
    assert behind.asked == []


def test_raw_prompts_and_gaps_are_asked_for_as_such(front: Running, behind: FakeOllama) -> None:
    answer = post(front, "/api/generate", {"model": "llama:8b", "prompt": "x", "raw": True, "stream": False}).json()
    assert answer["response"] == "fake answer"
    assert (behind.paths(), behind.last()["raw"]) == (["/api/generate"], True)
    post(front, "/api/generate", {"model": "llama:8b", "prompt": "def f(", "suffix": "return"})
    assert (behind.last()["prompt"], behind.last()["suffix"]) == ("def f(", "return")
    post(front, "/v1/completions", {"model": "llama:8b", "prompt": "def f(", "suffix": "return"})
    assert behind.last()["suffix"] == "return"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("api_error 400", 400, "upstream says no"),
        ("api_error 429", 429, "upstream says no"),
        ("api_error 503", 503, "upstream says no"),
        ("crash", 502, WENT_AWAY),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_before_the_answer_a_fault_is_a_status_in_every_dialect(
    front: Running, fault: str, status: int, words: str, stream: bool
) -> None:
    with front.client() as client:
        for dialect in PATHS:
            assert ask(client, dialect, f"[fake: {fault}]", stream=stream, model="llama:8b") == Outcome(
                status, error=words
            )


@pytest.mark.parametrize(("fault", "words"), [("crash 1", WENT_AWAY), ("late_error", "the GPU has melted")])
def test_in_the_middle_of_the_answer_it_is_the_dialect_s_own_error(front: Running, fault: str, words: str) -> None:
    with front.client() as client:
        for dialect in PATHS:
            seen = ask(client, dialect, f"[fake: {fault}]", model="llama:8b")
            assert seen == Outcome(200, "word ", words)


def test_a_client_that_goes_away_ends_the_work_behind(front: Running, behind: FakeOllama) -> None:
    body = {"model": "llama:8b", "messages": [{"role": "user", "content": "[fake: hang 1]"}]}
    with front.client() as client, client.stream("POST", "/api/chat", json=body) as answer:
        next(answer.iter_lines())
    assert behind.gone.acquire(timeout=30)
    front.until(lambda: front.daemon.engine.running == 0, "ended")


def test_an_unknown_model_is_looked_for_once_more(front: Running, behind: FakeOllama) -> None:
    front.daemon.others.roster._looked_at = 0.0  # type: ignore[union-attr]
    behind.capabilities["newcomer:latest"] = ["completion"]
    assert chat(front, "newcomer").status_code == 200
    del behind.capabilities["newcomer:latest"]
    assert chat(front, "never-heard-of").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("DELETE", "/api/delete", {"model": "llama:8b"}, "belongs to the ollama server behind this one"),
        ("POST", "/api/push", {"model": "llama:8b", "stream": False}, "cannot be pushed"),
    ],
)
def test_the_server_s_models_are_not_changed_from_here(
    front: Running, method: str, path: str, body: dict[str, Any], text: str
) -> None:
    with front.client() as client:
        refused = client.request(method, path, json=body)
    assert refused.status_code == 403
    assert text in refused.json()["error"]


def test_a_pull_of_a_model_that_is_behind_has_nothing_to_do(front: Running, behind: FakeOllama) -> None:
    assert post(front, "/api/pull", {"model": "llama:8b", "stream": False}).json() == {"status": "success"}
    assert behind.asked == []


def test_claude_goes_on_while_the_server_is_gone_and_the_server_may_come_back(make_fake: MakeDaemon) -> None:
    with FakeOllama().run() as server:
        running = make_fake(settings={"ollama_url": server.url})
        assert chat(running, "plain").status_code == 200
        port = server.port
    gone = chat(running, "plain")
    assert (gone.status_code, gone.json()) == (503, {"error": OUT_OF_REACH})
    assert {outcome.status for outcome in ask_all(running, "hello", stream=False)} == {200}
    with FakeOllama(port).run():
        assert chat(running, "plain").status_code == 200


def test_a_server_that_is_not_there_at_the_start_is_found_when_a_model_of_its_is_asked_for(
    make_fake: MakeDaemon,
) -> None:
    with FakeOllama().run() as server:
        port = server.port
    running = make_fake(settings={"ollama_url": f"http://127.0.0.1:{port}"})
    assert chat(running, "plain").status_code == 404
    assert chat(running, "sonnet").status_code == 200
    with FakeOllama(port).run():
        running.daemon.others.roster._looked_at = 0.0  # type: ignore[union-attr]
        assert chat(running, "plain").status_code == 200


def test_chats_are_kept_of_the_server_s_models_too(front: Running, behind: FakeOllama) -> None:
    chat_id = uuid4().hex
    said = post(front, "/chat", {"model": "llama:8b", "message": "hello", "chat_id": chat_id}).json()
    assert (said["response"], said["model"], said["success"]) == ("fake answer", "llama:8b", True)
    assert {name: said[name] for name in TIMES} == TIMES
    assert said["process"] is None, "no process of this machine answered"
    piped = post(front, "/chat/stream", {"model": "plain", "message": "and now?", "chat_id": chat_id}).text
    assert piped.endswith("data: [DONE]\n\n")
    assert [message["content"] for message in behind.last()["messages"]] == [
        *("You are a helpful assistant.", "hello"),
        *("fake answer", "and now?"),
    ]
    with front.client() as client:
        kept = client.get(f"/chat/history/{chat_id}").json()["history"]["messages"]
    assert [message.get("model") for message in kept] == [None, None, "llama:8b", None, "plain"]


def test_the_chat_service_streams_flat_prompts_and_measures_the_server_s_models(front: Running) -> None:
    pieces = post(front, "/chat", {"model": "llama:8b", "prompt": "hello"}).text
    assert re.findall(r'"content":"([^"]*)"', pieces) == ["fake ", "answer"]
    simple = post(front, "/chat/simple", {"model": "llama:8b", "message": "hello"}).json()
    assert (simple["response"], simple["total_tokens"]) == ("fake answer", 18)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [("api_error 400", 400, "upstream says no"), ("api_error 500", 503, "upstream says no"), ("crash", 503, WENT_AWAY)],
)
def test_what_the_server_fails_at_is_not_kept(front: Running, fault: str, status: int, words: str) -> None:
    body = {"model": "llama:8b", "message": f"[fake: {fault}]", "chat_id": uuid4().hex}
    failed = post(front, "/chat", body)
    assert (failed.status_code, failed.json()) == (status, {"error": words, "success": False})
    late = post(front, "/chat/stream", body | {"message": "[fake: crash 1]"}).text
    assert f'"type":"error","message":"{WENT_AWAY}"' in late
    with front.client() as client:
        assert client.get(f"/chat/history/{body['chat_id']}").status_code == 404


def counted(running: Running, model: str) -> int:
    """The tokens of a model's prompts, as the dashboard has them."""
    with running.client() as client:
        totals = client.get("/admin/metrics").json()["totals"]
    return sum(total["prompt_tokens"] for total in totals if total["model"] == model)


@pytest.mark.parametrize(
    ("path", "model", "body"),
    [
        ("/api/chat", "llama:8b", {"messages": [{"role": "user", "content": "hello"}], "stream": False}),
        ("/api/embed", "embedder", {"input": "hello"}),
    ],
)
def test_what_the_server_uses_is_counted(front: Running, path: str, model: str, body: dict[str, Any]) -> None:
    before = counted(front, model)
    assert post(front, path, {"model": model, **body}).status_code == 200
    front.until(lambda: not any(each.path == path for each in front.daemon.observer.open), "ended")
    assert counted(front, model) == before + TIMES["prompt_eval_count"]


@pytest.fixture
def limited(make_fake: MakeDaemon, tmp_path: Any) -> Iterator[tuple[Running, FakeOllama]]:
    keys: list[Key] = [make_key("ann", models=("plain",)), make_key("bob", models=("ollama/sonnet",))]
    keep(tmp_path / "state", keys)
    with FakeOllama(key="for-the-server").run() as server:
        yield (
            make_fake(settings={"ollama_url": server.url}, environ={"OLLAMA_API_KEY": "for-the-server"}),
            server,
        )


def test_keys_limits_hold_for_the_server_s_models(limited: tuple[Running, FakeOllama]) -> None:
    running, server = limited
    assert [chat(running, model, name="ann").status_code for model in ("plain", "ollama/plain")] == [200, 200]
    assert [chat(running, model, name="ann").status_code for model in ("llama:8b", "sonnet")] == [403, 403]
    assert [chat(running, model, name="bob").status_code for model in ("ollama/sonnet", "sonnet")] == [200, 403]
    with running.client() as client:
        models = client.get("/api/tags", headers=bearer("ann")).json()["models"]
    assert [model["name"] for model in models] == ["plain:latest"]
    refused = post(running, "/api/embed", {"model": "embedder", "input": "x"}, "ann")
    assert refused.status_code == 403
    assert "/api/embed" not in server.paths()


def test_embeddings_are_made_behind(front: Running, behind: FakeOllama) -> None:
    native: Any = ollama.Client(front.url, trust_env=False, verify=False)
    made = native.embed("embedder", ["a", "b"], dimensions=2, truncate=False)
    assert made.embeddings == [[0.6, 0.8]] * 2
    assert made.prompt_eval_count == 11
    assert behind.last() == {"model": "embedder:latest", "input": ["a", "b"], "truncate": False, "dimensions": 2}
    assert native.embeddings("embedder", "a").embedding == [3.0, 4.0]
    native._client.close()
    with openai.OpenAI(base_url=f"{front.url}/v1", api_key="none", max_retries=0) as client:
        vectors = client.embeddings.create(model="embedder", input=["a", "b"])
        assert [each.embedding for each in vectors.data] == [pytest.approx([0.6, 0.8])] * 2
        assert vectors.usage.total_tokens == 11
        plain = client.embeddings.create(model="embedder", input="a", encoding_format="float")
        assert plain.data[0].embedding == [0.6, 0.8]


def test_packed_vectors_are_floats_of_32_bits(front: Running) -> None:
    body = {"model": "embedder", "input": "a", "encoding_format": "base64"}
    [made] = post(front, "/v1/embeddings", body).json()["data"]
    assert struct.unpack("<2f", base64.b64decode(made["embedding"])) == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/api/embed", {}, {"model": "embedder", "embeddings": []}),
        ("/api/embed", {"input": ""}, {"model": "embedder", "embeddings": []}),
        ("/api/embed", {"input": []}, {"model": "embedder", "embeddings": []}),
        ("/api/embeddings", {"prompt": ""}, {"embedding": []}),
    ],
)
def test_of_nothing_there_is_no_vector(
    front: Running, behind: FakeOllama, path: str, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    assert post(front, path, {"model": "embedder", **body}).json() == answer
    assert behind.asked == []


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "x"}]}, '"embedder" does not support chat'),
        ("/api/generate", {"prompt": "x"}, '"embedder" does not support generate'),
        ("/api/generate", {}, '"embedder" does not support generate'),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": "x"}]},
            '"embedder" does not support chat',
        ),
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}, "does not support chat"),
        ("/v1/responses", {"input": "x"}, "does not support chat"),
    ],
)
def test_a_model_for_embeddings_does_not_chat(front: Running, path: str, body: dict[str, Any], text: str) -> None:
    refused = post(front, path, {"model": "embedder", **body})
    assert refused.status_code == 400
    assert text in refused.text.replace('\\"', '"')


def test_a_model_that_chats_makes_no_embeddings(front: Running, behind: FakeOllama) -> None:
    refused = post(front, "/api/embed", {"model": "plain", "input": "x"})
    assert (refused.status_code, refused.json()) == (400, {"error": '"plain" does not support embeddings'})
    assert behind.asked == []
