"""The chat service, row by row of its contract: the real CLI for what it does, the fake one for what goes wrong."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from proxy.core.errors import ServerError
from tests.conftest import MakeDaemon
from tests.lifecycle.test_clients_that_go_away import check_free, raw_request
from tests.support.chatting import png
from tests.support.keys import bearer, keep, make_key
from tests.support.running import Running, running_daemon, write_fake_cli

JSON, SSE = "application/json", "text/event-stream"
STATUSES = [
    {"type": "status", "message": "Initializing request..."},
    {"type": "status", "message": "Processing your request..."},
]
METRICS = {
    *("model", "created_at", "done", "done_reason", "total_duration", "load_duration", "prompt_eval_duration"),
    *("eval_duration", "prompt_eval_count", "eval_count", "total_tokens", "tokens_per_second"),
    *("prompt_tokens_per_second", "total_time_seconds", "load_time_seconds", "prompt_eval_time_seconds"),
    *("eval_time_seconds", "gpu_usage_before", "gpu_usage_after", "ram_usage_before", "ram_usage_after"),
    *("resource_delta", "chat_id", "success", "overlapping", "process"),
}


def new_id() -> str:
    return uuid4().hex


def post(running: Running, path: str = "/chat", **body: Any) -> httpx.Response:
    with running.client() as client:
        return client.post(path, json=body)


def say(running: Running, message: str, **fields: Any) -> dict[str, Any]:
    """A message to a chat, which has to be answered well."""
    answer = post(running, message=message, **fields)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def events(answer: httpx.Response) -> list[Any]:
    """The data of server-sent events, the last one in its own words."""
    *found, last = (event.removeprefix("data: ") for event in answer.text.split("\n\n")[:-1])
    return [*map(json.loads, found), last]


def history(running: Running, chat_id: str) -> list[dict[str, Any]]:
    """The messages of a kept chat; none of one that is not kept."""
    with running.client() as client:
        answer = client.get(f"/chat/history/{chat_id}")
    messages: list[dict[str, Any]] = answer.json()["history"]["messages"] if answer.status_code == 200 else []
    return messages


def contents(running: Running, chat_id: str) -> list[str]:
    """What was said in a kept chat, without its system prompt."""
    return [message["content"] for message in history(running, chat_id)[1:]]


# A flat prompt


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "echo:  two\n\n spaces "},
        {"messages": [{"role": "user", "content": "echo:  two\n\n spaces "}], "model": "haiku"},
    ],
)
def test_a_flat_prompt_is_streamed_in_chunks(live: Running, body: dict[str, Any]) -> None:
    answer = post(live, **body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, SSE)
    *chunks, last, done = events(answer)
    assert done == "[DONE]"
    assert re.fullmatch(r"chatcmpl-[0-9a-f]{12}", last["id"])
    shared = {name: last[name] for name in ("id", "object", "created", "model", "system_fingerprint")}
    assert shared["model"] == body.get("model", "sonnet")
    for chunk in chunks:
        [choice] = chunk.pop("choices")
        assert chunk == shared
        assert (choice["index"], choice["logprobs"], choice["finish_reason"]) == (0, None, None)
        assert ("role" in choice["delta"]) is (chunk is chunks[0])
        chunk["text"] = choice["delta"]["content"]
    assert "".join(chunk["text"] for chunk in chunks) == " two\n\n spaces "
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]


def test_openais_own_client_reads_the_chunks(live: Running) -> None:
    with openai.OpenAI(base_url=live.url, api_key="none", max_retries=0) as client:
        stream = client.post(
            "/chat",
            cast_to=ChatCompletionChunk,
            body={"prompt": "echo: hello there"},
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello there"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


def test_openais_own_client_raises_for_a_failure_in_the_chunks(fake: Running) -> None:
    with openai.OpenAI(base_url=fake.url, api_key="none", max_retries=0) as client:
        body = {"prompt": "[fake: crash 2]"}
        stream = client.post(
            "/chat",
            cast_to=ChatCompletionChunk,
            body=body,
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        with pytest.raises(openai.APIError, match="the moon is full"):
            list(stream)
    assert events(post(fake, **body))[-1] == "[DONE]"


def test_an_answer_that_is_cut_at_its_limit_ends_with_length(live: Running) -> None:
    *_, last, _done = events(post(live, prompt="hello [simulate: max_tokens]"))
    assert last["choices"][0]["finish_reason"] == "length"


# Metrics


def test_a_message_is_answered_with_metrics(live: Running) -> None:
    told = say(live, "echo: hello there")
    assert told.keys() == METRICS | {"response"}
    assert (told["response"], told["model"], told["done_reason"]) == ("hello there", "sonnet", "stop")
    assert told["total_tokens"] == told["prompt_eval_count"] + told["eval_count"]
    for name in ("total", "load", "prompt_eval", "eval"):
        assert told[f"{name}_time_seconds"] == round(told[f"{name}_duration"] / 1e9, 3)
    assert told["ram_usage_after"]["total_gb"] > 0
    assert told["gpu_usage_after"]["available"] is bool(told["gpu_usage_after"]["gpus"])
    assert told["process"]["memory_mb"] > 10
    assert told["process"]["cpu_seconds"] >= 0
    assert datetime.fromisoformat(told["created_at"]).tzinfo is not None
    assert UUID(told["chat_id"]).version == 4
    assert told["success"]


def test_a_simple_message_has_few_metrics_and_is_not_kept(live: Running) -> None:
    told = post(live, "/chat/simple", message="echo: hello", model="haiku").json()
    assert (told["response"], told["model"]) == ("hello", "haiku")
    assert told.keys() == {
        *("response", "model", "tokens_per_second", "total_tokens", "total_time_seconds", "gpu_data", "ram_data"),
        *("bottleneck_type", "resource_efficiency", "overlapping"),
    }
    assert told["gpu_data"].keys() == {
        *("memory_delta_mb", "utilization_delta_percent", "peak_memory_mb", "peak_utilization_percent")
    }
    assert told["ram_data"].keys() == {"memory_delta_gb", "peak_usage_gb"}
    assert told["bottleneck_type"] in ("vram", "gpu_compute", "ram", "upstream", "balanced")


@pytest.mark.parametrize(("path", "fields"), [("/chat/stream", {}), ("/chat", {"stream": True})])
def test_a_message_is_streamed_in_events(live: Running, path: str, fields: dict[str, Any]) -> None:
    chat_id = new_id()
    answer = post(live, path, message="echo: hello there", chat_id=chat_id, think=True, **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, SSE)
    told = events(answer)
    assert told[:2] == STATUSES
    kinds = [event["type"] for event in told[2:-2]]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"thinking", "content"}
    assert "".join(event["content"] for event in told[2:-2] if event["type"] == "content") == "hello there"
    metrics = told[-2]
    assert metrics.keys() == METRICS | {"type"}
    assert (metrics["type"], metrics["chat_id"], told[-1]) == ("metrics", chat_id, "[DONE]")
    [question, said] = history(live, chat_id)[1:]
    assert (question["content"], said["content"]) == ("echo: hello there", "hello there")
    assert said["thinking"] == "".join(event["content"] for event in told[2:-2] if event["type"] == "thinking")


def test_requests_that_run_at_the_same_time_say_so(fake: Running) -> None:
    with raw_request(
        fake, "/api/chat", {"model": "sonnet", "messages": [{"role": "user", "content": "[fake: hang 1]"}]}
    ):
        fake.until(lambda: fake.daemon.engine.running == 1, "running")
        assert say(fake, "hello")["overlapping"]
    fake.until_idle()
    assert not say(fake, "hello")["overlapping"]


# Kept conversations


def test_a_chat_goes_on_with_everything_that_was_said(live: Running) -> None:
    chat_id = new_id()
    say(live, "my name is Ann", chat_id=chat_id)
    assert "Ann" in say(live, "what is my name?", chat_id=chat_id, model="haiku")["response"]
    assert "Ann" not in say(live, "what is my name?")["response"]
    system, *messages = history(live, chat_id)
    assert system == {"role": "system", "content": "You are a helpful assistant."}
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert [message.get("model") for message in messages] == [None, "sonnet", None, "haiku"]
    times = [datetime.fromisoformat(message["timestamp"]) for message in messages]
    assert times == sorted(times)


def test_a_chat_goes_on_in_the_process_that_holds_it(fresh: Running) -> None:
    chat_id = new_id()
    first = say(fresh, "hello", chat_id=chat_id)
    fresh.until_idle()
    assert say(fresh, "and again", chat_id=chat_id)["success"]
    sent = [request.body for request in fresh.sent()]
    texts = [block["text"] for message in sent[-1]["messages"] for block in message["content"] if "text" in block]
    assert [text for text in texts if text in ("hello", first["response"], "and again")] == [
        *("hello", first["response"], "and again")
    ]
    assert "You are a helpful assistant." in json.dumps(sent[-1]["system"])


def test_pictures_are_kept_with_their_message(live: Running) -> None:
    chat_id, picture = new_id(), png(3, 3)
    say(live, "what is in this picture?", chat_id=chat_id, images=[picture])
    assert history(live, chat_id)[1]["images"] == [picture]
    say(live, "and now?", chat_id=chat_id)
    assert sum(block["type"] == "image" for message in live.last()["messages"] for block in message["content"]) == 1


def test_an_edited_message_takes_the_place_of_what_came_after_it(live: Running) -> None:
    chat_id = new_id()
    for text in ("echo: one", "echo: two", "echo: three"):
        say(live, text, chat_id=chat_id)
    say(live, "echo: other", chat_id=chat_id, keep=2)
    assert contents(live, chat_id) == ["echo: one", "one", "echo: other", "other"]


def test_chats_are_listed_found_told_and_deleted(live: Running) -> None:
    chat_id, word = new_id(), new_id()
    say(live, f"echo: Look for {word.upper()}", chat_id=chat_id)
    with live.client() as client:
        everything = client.get("/chat/history").json()
        found = client.get("/chat/history", params={"search": word}).json()
        whole = client.get(f"/chat/history/{chat_id}").json()
        deleted = client.delete(f"/chat/delete/{chat_id}")
        again = client.delete(f"/chat/delete/{chat_id}")
        gone = client.get(f"/chat/history/{chat_id}")
        after = client.get("/chat/history").json()
    [(found_id, summary)] = found["chats"].items()
    assert (found_id, summary["message_count"], everything["chats"][chat_id]) == (chat_id, 2, summary)
    assert summary["title"].startswith("echo: Look for")
    assert (whole["chat_id"], whole["success"]) == (chat_id, True)
    assert {name: whole["history"][name] for name in ("created_at", "last_updated")} == {
        name: summary[name] for name in ("created_at", "last_updated")
    }
    assert deleted.json() == {"message": "Chat ID deleted successfully", "success": True}
    for answer in (again, gone):
        assert (answer.status_code, answer.json()) == (404, {"error": "chat_id is not known", "success": False})
    assert chat_id not in after["chats"]


@pytest.mark.parametrize("chat_id", ["a b", "a.json", "a" * 65, "%C3%A9"])
def test_an_id_that_is_none_is_refused_on_every_route(fake: Running, chat_id: str) -> None:
    with fake.client() as client:
        answers = [client.get(f"/chat/history/{chat_id}"), client.delete(f"/chat/delete/{chat_id}")]
    answers += [post(fake, path, message="x", chat_id=chat_id) for path in ("/chat", "/chat/stream")]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
        assert answer.json() == {"error": "chat_id must match ^[A-Za-z0-9_-]{1,64}$", "success": False}


def test_messages_to_one_chat_at_once_are_taken_in_turn(live: Running) -> None:
    chat_id = new_id()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda number: say(live, f"echo: {number}", chat_id=chat_id), range(4)))
    said = contents(live, chat_id)
    assert sorted(said[1::2]) == sorted(answer["response"] for answer in answers) == ["0", "1", "2", "3"]
    assert said[0::2] == [f"echo: {answer}" for answer in said[1::2]]
    assert live.daemon.chats.wanted == 0


def test_a_chat_starts_with_what_the_file_of_the_system_prompt_says_then(make_fake: MakeDaemon, tmp_path: Path) -> None:
    path = tmp_path / "prompts" / "mine.txt"
    path.parent.mkdir()
    running = make_fake(settings={"system_prompt_file": str(path)})
    say(running, "hello", chat_id="old")
    assert path.read_text() == "You are a helpful assistant.\n"
    path.write_text("Be brief.\n")
    for chat_id in ("old", "new"):
        say(running, "hello", chat_id=chat_id)
    assert [history(running, chat_id)[0]["content"] for chat_id in ("old", "new")] == [
        "You are a helpful assistant.",
        "Be brief.",
    ]
    path.write_bytes(b"\xff")
    answer = post(running, message="hello", chat_id="newer")
    assert (answer.status_code, answer.json()["success"]) == (500, False)
    say(running, "hello", chat_id="old")


def test_the_other_dialects_leave_no_history(fake: Running) -> None:
    with fake.client() as client:
        before = client.get("/chat/history").json()["chats"].keys()
        body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]}
        for path in ("/api/chat", "/v1/chat/completions"):
            assert client.post(path, json=body).status_code == 200
        assert post(fake, prompt="hello").status_code == 200
        assert client.get("/chat/history").json()["chats"].keys() == before


# What goes wrong


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b"[]", "Go value of type chat.Request"),
        (b'{"message":7}', "message"),
        (b'{"message":""}', "message must not be empty"),
        (b'{"model":"sonnet"}', "message is required"),
        (b'{"prompt":""}', "prompt must not be empty"),
        (b'{"message":"x","keep":-1}', "keep"),
        (b'{"message":"x","model":"a b"}', "model"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(fake: Running, body: bytes, words: str) -> None:
    with fake.client() as client:
        answer = client.post("/chat", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
    assert answer.json()["success"] is False
    assert words in answer.json()["error"]


def test_an_unknown_model_is_a_404(fake: Running) -> None:
    for path in ("/chat", "/chat/simple", "/chat/stream"):
        answer = post(fake, path, message="x", model="nope")
        assert (answer.status_code, answer.json()["error"]) == (404, "model 'nope' not found")


@pytest.mark.parametrize("fault", ["crash", "api_error 500", "api_error 529", "nothing", "lost_delta"])
@pytest.mark.parametrize("path", ["/chat", "/chat/simple", "/chat/stream"])
def test_a_backend_that_does_not_answer_is_a_503(fake: Running, path: str, fault: str) -> None:
    answer = post(fake, path, message=f"[fake: {fault}]", **({} if path == "/chat/simple" else {"chat_id": "failed"}))
    assert (answer.status_code, answer.headers["content-type"]) == (503, JSON)
    assert answer.json().keys() == {"error", "success"}
    assert history(fake, "failed") == []


def test_a_cli_that_does_not_start_is_a_503(make_fake: MakeDaemon) -> None:
    running = make_fake(environ={"FAKE_BOOT": "crash"}, settings={"pass_environment": "FAKE_BOOT"})
    for body in ({"message": "hello"}, {"prompt": "hello"}):
        assert post(running, **body).status_code == 503


def test_an_api_that_nobody_reaches_is_a_503(make_daemon: MakeDaemon) -> None:
    running = make_daemon(environ={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, settings={"cli_retries": "0"})
    assert post(running, message="hello").status_code == 503


def test_an_answer_that_does_not_come_in_time_is_a_504(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"first_event_timeout": "300ms"})
    for path in ("/chat", "/chat/simple", "/chat/stream"):
        answer = post(running, path, message="[fake: hang]")
        assert (answer.status_code, answer.json()["success"]) == (504, False)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_fails_leaves_the_history_as_it_was(fake: Running, stream: bool) -> None:
    chat_id = new_id()
    say(fake, "hello", chat_id=chat_id)
    answer = post(fake, message="[fake: crash 2]", chat_id=chat_id, stream=stream, keep=0)
    if stream:
        *_, error, done = events(answer)
        assert (error["type"], done) == ("error", "[DONE]")
        assert "the moon is full" in error["message"]
    else:
        assert answer.status_code == 503
    assert contents(fake, chat_id) == ["hello", "fake answer"]
    assert fake.daemon.chats.wanted == 0


def test_an_answer_that_a_drain_cuts_is_not_kept(make_fake: MakeDaemon) -> None:
    running = make_fake()
    body = {"message": "[fake: hang 2]", "chat_id": "cut", "stream": True}
    with running.client() as client, client.stream("POST", "/chat", json=body) as answer:
        texts = answer.iter_text()
        text = next(texts)
        assert running.run(running.daemon.engine.drain(0)) == 1
        text += "".join(texts)
    *_, error, done, end = text.split("\n\n")
    assert '"type":"error"' in error
    assert (done, end) == ("data: [DONE]", "")
    assert history(running, "cut") == []


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_leaves_no_process_no_turn_and_no_history(live: Running, stream: bool) -> None:
    chat_id, seen = new_id(), live.simulator.recorder.count
    body = {"message": "hello [simulate: hang after=3]", "chat_id": chat_id, "stream": stream}
    with raw_request(live, "/chat", body):
        live.run(live.simulator.recorder.wait_for(seen + 1))
    live.until(lambda: live.daemon.chats.wanted == 0, "left")
    assert history(live, chat_id) == []
    check_free(live)


def test_a_client_that_goes_away_while_it_waits_leaves_nothing(fake: Running) -> None:
    chat_id = new_id()
    with raw_request(fake, "/chat", {"message": "[fake: hang 1]", "chat_id": chat_id}):
        fake.until(lambda: fake.daemon.engine.running == 1, "running")
        with raw_request(fake, "/chat", {"message": "hello", "chat_id": chat_id, "stream": True}):
            fake.until(lambda: fake.daemon.chats.wanted == 2, "waiting")
        fake.until(lambda: fake.daemon.chats.wanted == 1, "gone")
        assert fake.daemon.engine.running == 1
    fake.until(lambda: fake.daemon.chats.wanted == 0, "left")
    fake.until_idle()


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_cannot_be_kept_is_an_error(make_daemon: MakeDaemon, stream: bool) -> None:
    running = make_daemon()

    async def failing(*_args: object, **_fields: object) -> None:
        raise ServerError("the disk is full", fault="operator")

    running.daemon.chats._store.extend = failing  # type: ignore[method-assign]
    answer = post(running, message="[simulate: words 5 rate=50]", chat_id="a", stream=stream)
    if stream:
        assert events(answer)[-2:] == [{"type": "error", "message": "the disk is full"}, "[DONE]"]
    else:
        assert (answer.status_code, answer.json()) == (500, {"error": "the disk is full", "success": False})
    assert history(running, "a") == []


# Access, and what is told of the service


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI that needs keys."""
    folder = tmp_path_factory.mktemp("keyed")
    keep(folder / "state", [make_key("ann"), make_key("bob"), make_key("picky", models=("haiku",))])
    with running_daemon(folder, cli=write_fake_cli(folder)) as running:
        yield running


def test_a_chat_is_its_callers_alone(keyed: Running) -> None:
    with keyed.client() as client:
        for name in ("ann", "bob"):
            answer = client.post("/chat", json={"message": f"I am {name}", "chat_id": "same"}, headers=bearer(name))
            assert answer.json()["success"]
        whole = client.get("/chat/history/same", headers=bearer("ann")).json()
        assert [message["content"] for message in whole["history"]["messages"][1:]] == ["I am ann", "fake answer"]
        assert client.delete("/chat/delete/same", headers=bearer("bob")).status_code == 200
        assert client.get("/chat/history", headers=bearer("bob")).json()["chats"] == {}
        assert client.get("/chat/history/same", headers=bearer("ann")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/chat"),
        ("POST", "/chat/simple"),
        ("POST", "/chat/stream"),
        ("GET", "/chat/history"),
        ("GET", "/chat/history/a"),
        ("DELETE", "/chat/delete/a"),
    ],
)
def test_without_a_key_nothing_is_told(keyed: Running, method: str, path: str) -> None:
    with keyed.client() as client:
        answer = client.request(method, path, json={"message": "hello"})
    assert (answer.status_code, answer.json().keys()) == (401, {"error", "success"})


def test_a_key_that_may_not_use_the_model_is_told_so(keyed: Running) -> None:
    with keyed.client() as client:
        body = {"message": "hello", "model": "sonnet"}
        assert client.post("/chat", json=body, headers=bearer("picky")).status_code in (403, 404)
        assert client.post("/chat", json=body | {"model": "haiku"}, headers=bearer("picky")).status_code == 200


def test_whether_the_daemon_lives_needs_no_key(keyed: Running) -> None:
    with keyed.client() as client:
        answer = client.get("/health")
    told = answer.json()
    assert datetime.fromisoformat(told.pop("timestamp")).tzinfo is not None
    assert (answer.status_code, told) == (200, {"status": "ok", "response_code": 200})


def test_whoever_accepts_json_is_told_what_is_served(keyed: Running) -> None:
    with keyed.client() as client:
        told = client.get("/", headers={"accept": "application/json"}).json()
        plain = client.get("/")
    assert (told["app_name"], plain.text) == ("claude-ollama-server", "Ollama is running")
    assert told["version"]
    served = {(each["method"], each["path"]) for each in told["endpoints"]}
    assert {("POST", "/chat"), ("DELETE", "/chat/delete/{id}"), ("GET", "/"), ("POST", "/api/chat")} <= served
    assert all(each["description"] for each in told["endpoints"])


def test_the_model_of_the_settings_answers_where_none_is_named(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"chat_model": "opus"})
    assert say(running, "hello")["model"] == "opus"
    assert events(post(running, prompt="hello"))[0]["model"] == "opus"


def test_other_dialects_keep_their_conversations_where_that_is_turned_on(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"keep_dialect_chats": "on"})
    hello, more = {"role": "user", "content": "hello"}, {"role": "user", "content": "more"}
    said = {"role": "assistant", "content": "fake answer"}
    with running.client() as client:
        client.post("/api/chat", json={"model": "sonnet", "messages": [hello]})
        client.post("/v1/chat/completions", json={"model": "haiku", "messages": [hello, said, more]})
        client.post("/api/generate", json={"model": "sonnet", "prompt": "another"})
        client.post("/api/chat", json={"model": "sonnet", "messages": [{"role": "user", "content": "[fake: crash 1]"}]})
        [chat_id] = client.get("/chat/history").json()["chats"]
    assert contents(running, chat_id) == ["hello", "fake answer", "more", "fake answer"]
    assert say(running, "and here", chat_id=chat_id)["success"]


# The page


def test_the_page_lies_at_the_path_of_the_service_and_is_described_with_it(live: Running) -> None:
    with live.client() as client:
        page = client.get("/chat")
        described = client.get("/openapi.json").json()["paths"]["/chat"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "trusted-types rendered" in page.headers["content-security-policy"]
    assert {method: operation["tags"] for method, operation in described.items()} == {
        "get": ["Server"],
        "head": ["Server"],
        "post": ["Chat"],
    }
    assert "requestBody" not in described["get"]


def test_markdown_is_rendered(live: Running) -> None:
    answer = post(live, "/chat/render", text="**a** <b>")
    assert answer.json() == {"html": "<p><strong>a</strong> &lt;b&gt;</p>\n", "success": True}
    refused = post(live, "/chat/render", text="")
    assert (refused.status_code, refused.json()["success"]) == (400, False)


def test_messages_are_told_to_operators_and_what_the_page_renders_is_not(live: Running) -> None:
    post(live, message="hello")
    post(live, "/chat/render", text="a")
    with live.client() as client:
        client.get("/chat")
        paths = [each["path"] for each in client.get("/admin/requests?limit=1").json()["requests"]]
    assert paths == ["/chat"]
