"""What the API can do to a turn, through the real CLI: one end, the right status, nothing said twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.conftest import MakeDaemon
from tests.support.asking import ask_all
from tests.support.children import children
from tests.support.running import Running, running_daemon


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon whose CLI does not try failed requests again."""
    with running_daemon(tmp_path_factory.mktemp("hasty"), settings={"cli_retries": "0", "spares": "2"}) as running:
        yield running


def body(directive: str, **fields: object) -> dict[str, Any]:
    prompt = f"hello [simulate: {directive}]"
    return {"model": "sonnet", "messages": [{"role": "user", "content": prompt}], **fields}


def ask(running: Running, directive: str, **fields: object) -> httpx.Response:
    with running.client() as client:
        return client.post("/api/chat", json=body(directive, **fields))


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def text(answer: httpx.Response) -> str:
    return "".join(line["message"]["content"] for line in lines(answer) if "message" in line)


@pytest.mark.parametrize(
    ("directive", "status", "words", "stream"),
    [
        ("status=400 message=odd", 400, "odd", True),
        ("status=400 message=odd", 400, "odd", False),
        ("status=401", 401, "claude setup-token", True),
        ("status=403", 401, "claude setup-token", False),
        ("status=404", 404, "may not exist", True),
        ("status=413", 413, "too large", False),
        ("status=500 times=9", 502, "500", True),
        ("status=503 times=9", 503, "503", False),
        ("status=529 times=9", 529, "Overloaded", True),
        ("status=429 times=9", 429, "rate limit", False),
    ],
)
def test_an_error_before_the_first_byte_is_a_status(
    hasty: Running, directive: str, status: int, words: str, stream: bool
) -> None:
    for got in ask_all(hasty, f"hello [simulate: {directive}]", stream=stream):
        assert (got.status, got.text) == (status, "")
        assert words in got.error


def test_an_error_says_when_to_come_back(hasty: Running) -> None:
    assert int(ask(hasty, "status=529").headers["retry-after"]) >= 1
    assert ask(hasty, "status=401").headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "directive", ["status=400", "status=401", "status=429", "status=529", "error after=2", "refusal"]
)
def test_an_error_of_the_api_costs_no_process(hasty: Running, directive: str) -> None:
    hasty.until_idle()
    before = {process.pid for process in children(hasty.folder)}
    ask(hasty, directive)
    hasty.until_idle()
    assert before <= {process.pid for process in children(hasty.folder)}
    assert ask(hasty, 'text "clean"').status_code == 200
    said = [message for message in hasty.last()["messages"] if message["role"] != "system"]
    assert [message["role"] for message in said] == ["user"]
    assert len(said[0]["content"]) == 1


def test_a_usage_limit_says_when_it_ends(make_daemon: MakeDaemon) -> None:
    environ = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-simulated"}
    running = make_daemon(environ=environ)
    answer = ask(running, "status=429 reset=+3600")
    assert answer.status_code == 429
    assert "resets at " in answer.json()["error"]
    assert 3500 <= int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["x-should-retry"] == "false"
    assert len(running.sent()) == 1


@pytest.mark.parametrize("directive", ["status=529 times=1", "status=500 times=2", "cut after=0 times=1"])
def test_what_fails_before_any_text_is_tried_again_unseen(live: Running, directive: str) -> None:
    answer = ask(live, directive)
    assert answer.status_code == 200
    assert lines(answer)[-1]["done_reason"] == "stop"
    assert text(answer).count("Hello!") == 1


@pytest.mark.parametrize(
    "directive",
    ["error after=3", "cut after=3 rate=10", "no_delta", "duplicate_start after=3", "garbage after=3"],
)
def test_a_stream_that_breaks_after_text_ends_with_an_error_and_repeats_nothing(live: Running, directive: str) -> None:
    whole = text(ask(live, "no_stop"))
    answer = ask(live, directive)
    assert answer.status_code == 200
    *said, last = lines(answer)
    assert set(last) == {"error"}
    assert not any(line["done"] for line in said)
    assert text(answer).startswith("Hello!")
    assert whole.startswith(text(answer))


@pytest.mark.parametrize("directive", ["error after=3", "cut after=3 rate=20"])
def test_a_stream_that_breaks_is_told_in_every_dialect(live: Running, directive: str) -> None:
    for got in ask_all(live, f"hello [simulate: {directive}]"):
        assert (got.status, got.complete, bool(got.error)) == (200, False, True)
        assert got.text.startswith("Hello!")


def test_a_broken_stream_answers_openai_clients_with_an_error(live: Running) -> None:
    with (
        openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0) as client,
        client.chat.completions.create(stream=True, **body("error after=3")) as chunks,
        pytest.raises(openai.APIError, match="Overloaded"),
    ):
        for _ in chunks:
            pass


def test_a_broken_answer_is_a_status_when_nothing_was_streamed(live: Running) -> None:
    answer = ask(live, "error after=3", stream=False)
    assert answer.status_code == 529
    assert "Overloaded" in answer.json()["error"]


@pytest.mark.line_by_line
def test_after_a_call_that_the_cli_would_answer_itself_the_process_is_ended(live: Running) -> None:
    """The CLI asks again within milliseconds: once at the most, and nothing comes of it."""
    before, processes = len(live.sent()), {process.pid for process in children(live.folder)}
    assert lines(ask(live, 'tool get_weather {"city":"Paris"} text="hi there"'))[-1]["done"] is True
    live.until_idle()
    live.run(live.simulator.recorder.wait_until_open(0))
    assert len(live.sent()) <= before + 2
    assert processes - {process.pid for process in children(live.folder)}


@pytest.mark.parametrize("directive", ['text " "', 'text ""'])
def test_after_an_empty_answer_the_process_is_ended_with_whatever_it_has_begun(live: Running, directive: str) -> None:
    """The CLI asks again at once; nothing outside it can be quicker every time, but nothing comes of it."""
    before = {process.pid for process in children(live.folder)}
    said = lines(ask(live, directive))
    assert [line["done"] for line in said][-1] is True
    assert "".join(line["message"]["content"] for line in said).strip() == ""
    live.until_idle()
    assert before - {process.pid for process in children(live.folder)}
    live.run(live.simulator.recorder.wait_until_open(0))


def test_the_length_limit_ends_the_answer_and_the_cli(live: Running) -> None:
    before = len(live.sent())
    answer = ask(live, "max_tokens")
    assert lines(answer)[-1]["done_reason"] == "length"
    live.until_idle()
    # The CLI asks again within milliseconds: on a busy machine perhaps before it is ended, and then nobody hears it.
    assert len(live.sent()) - before in (1, 2)


def test_a_refusal_is_a_clear_text_and_the_cli_asks_no_other_model(live: Running) -> None:
    before = len(live.sent())
    answer = ask(live, "refusal after=2")
    assert lines(answer)[-1]["done_reason"] == "stop"
    assert "The model refused to answer this." in text(answer)
    live.until_idle()
    assert len(live.sent()) == before + 1
    with live.client() as client:
        whole = client.post("/v1/chat/completions", json=body("refusal")).json()
    assert whole["choices"][0]["finish_reason"] == "content_filter"


def test_a_message_without_its_stop_is_complete_all_the_same(live: Running) -> None:
    assert lines(ask(live, "no_stop"))[-1]["done_reason"] == "stop"


def test_an_unreachable_api_is_a_502(make_daemon: MakeDaemon) -> None:
    running = make_daemon(environ={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, settings={"cli_retries": "0"})
    answer = ask(running, "text hello")
    assert answer.status_code == 502
    assert "refused" in answer.json()["error"]


def test_retries_are_bounded_by_the_deadline(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"cli_retries": "10", "first_event_timeout": "1.5s"})
    answer = ask(running, "status=529")
    assert answer.status_code == 504
    assert "first_event deadline of 1.5 s" in answer.json()["error"]


def test_each_deadline_ends_in_an_error_that_names_it(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"first_event_timeout": "3s", "idle_timeout": "2s", "total_timeout": "5s"})
    running.until_idle()
    for directive, status, words in (
        ("hang", 504, "first_event deadline of 3 s"),
        ("hang after=2", 200, "idle deadline of 2 s"),
        ("words 2000 rate=20", 200, "total deadline of 5 s"),
    ):
        answer = ask(running, directive)
        assert answer.status_code == status
        assert f"the {words} has passed" in lines(answer)[-1]["error"]
        running.until_idle()
        assert running.simulator.recorder.open_requests == 0


def test_silence_within_the_deadline_is_no_error(live: Running) -> None:
    assert lines(ask(live, "words 3 ttft=1.5"))[-1]["done_reason"] == "stop"


def test_an_old_model_id_reaches_the_api_as_it_is(make_daemon: MakeDaemon, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[models]]\nname = "claude-opus-4-1"\ncli_model = "claude-opus-4-1-20250805"\n')
    running = make_daemon(settings={"config": str(config)})
    with running.client() as client:
        answer = client.post(
            "/api/chat", json={"model": "claude-opus-4-1", "messages": [{"role": "user", "content": "hello"}]}
        )
    assert answer.status_code == 200, answer.text
    assert running.last()["model"] == "claude-opus-4-1-20250805"


def test_without_a_login_the_answer_is_401_with_the_remedy(make_daemon: MakeDaemon) -> None:
    running = make_daemon(environ={"ANTHROPIC_API_KEY": ""})
    running.until(running.daemon.discovered.is_set, "discovered")
    for _ in range(2):
        answer = ask(running, "text hello")
        assert answer.status_code == 401
        for remedy in ("claude setup-token", "ANTHROPIC_API_KEY", "make demo"):
            assert remedy in answer.json()["error"]
    assert running.sent() == []
    with running.client() as client:
        assert "Chats do not work yet" in client.get("/", headers={"accept": "text/html"}).text
