"""The whole API request of a chat, against the short list of what the CLI adds by itself (docs/cli.md)."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.children import children
from tests.support.running import Running, running_daemon

IDENTITY = "You are a Claude agent, built on Anthropic's Claude Agent SDK."
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}

MODES = {
    "api-key": {"ANTHROPIC_API_KEY": "simulated"},
    "api-key by token": {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": "simulated-token"},
    "oauth-token": {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-simulated"},
    "stored": {"ANTHROPIC_API_KEY": ""},
}


@pytest.fixture(scope="module")
def in_mode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Running]]:
    """A daemon for each mode of being logged in, all of a user who has a stored login."""
    with ExitStack() as stack:

        @cache
        def started(mode: str) -> Running:
            folder = tmp_path_factory.mktemp("mode")
            store_login(folder / "user")
            return stack.enter_context(running_daemon(folder, environ=MODES[mode]))

        yield started


@pytest.mark.parametrize("mode", MODES)
def test_a_one_line_chat_sends_nothing_but_the_documented_extras(in_mode: Callable[[str], Running], mode: str) -> None:
    running = in_mode(mode)
    assert running.daemon.login.mode == mode.partition(" ")[0]
    before = len(running.sent())
    chat(running, "hello", system="Speak like a sailor.")
    assert len(running.sent()) == before + 1
    body = dict(running.last())
    bare = running.daemon.login.mode == "api-key"
    cache = EPHEMERAL if bare else HOUR

    assert body.pop("messages") == [{"role": "user", "content": [text("hello", cache)]}]

    assert body.pop("system") == [text(IDENTITY, cache), text("Speak like a sailor.", cache)]
    assert set(json.loads(body.pop("metadata")["user_id"])) == {"device_id", "account_uuid", "session_id"}
    assert body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 128000,
        "stream": True,
        "tools": [],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "low"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    }


def store_login(home: Path) -> None:
    """A stored login in the user's home, with everything beside it that must not reach a prompt."""
    claude = home / ".claude"
    claude.mkdir(parents=True)
    login = {
        "accessToken": "sk-ant-oat01-stored",
        "refreshToken": "sk-ant-ort01-stored",
        "expiresAt": 4102444800000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "pro",
    }
    (claude / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))
    (claude / ".credentials.json").chmod(0o600)
    (claude / "CLAUDE.md").write_text("SECRET memory of the user\n")
    (home / "CLAUDE.md").write_text("SECRET memory of the home\n")
    (claude / "settings.json").write_text(
        json.dumps({"model": "haiku", "env": {"SECRET": "1"}, "hooks": {"UserPromptSubmit": [leak(home)]}})
    )
    (claude / "commands").mkdir()
    (claude / "commands" / "leak.md").write_text("SECRET command\n")


def leak(home: Path) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": f"touch {home}/hook-ran; echo SECRET"}]}


@pytest.mark.parametrize("mode", ["oauth-token", "stored"])
def test_nothing_of_the_users_home_runs_or_is_read(in_mode: Callable[[str], Running], mode: str) -> None:
    running = in_mode(mode)
    home = running.folder / "user"
    chat(running, "/leak")
    assert "SECRET" not in json.dumps(running.last())
    assert running.last()["messages"][0]["content"][0]["text"] == "/leak"
    assert not (home / "hook-ran").exists()


@pytest.mark.parametrize("mode", ["api-key", "oauth-token"])
def test_nothing_is_written_outside_the_daemons_folders(
    in_mode: Callable[[str], Running], tmp_path: Path, mode: str
) -> None:
    running = in_mode(mode)
    chat(running, "hello")
    store_login(tmp_path)
    there, stored = (
        {path.relative_to(home) for path in home.rglob("*")} for home in (running.folder / "user", tmp_path)
    )
    assert there == stored
    assert {path.stat().st_mode & 0o077 for path in (running.folder / "run").glob("daemon-*/*/*")} == {0}


def test_the_credential_that_was_chosen_is_the_only_one_sent(make_daemon: MakeDaemon) -> None:
    environ = {"ANTHROPIC_API_KEY": "the-key", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-other"}
    running = make_daemon(environ=environ)
    chat(running, "hello")
    headers = running.sent()[0].headers
    assert (headers["x-api-key"], headers["authorization"]) == ("the-key", "Bearer the-key")


def test_history_arrives_turn_by_turn_in_its_roles(live: Running) -> None:
    messages = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": "first question"},
        {"role": "assistant", "content": "first answer"},
        {"role": "user", "content": "second question"},
        {"role": "assistant", "content": "second answer"},
        {"role": "user", "content": "third question"},
    ]
    with live.client() as client:
        assert client.post("/api/chat", json={"model": "sonnet", "messages": messages}).status_code == 200
    sent = [message for message in live.last()["messages"] if message["role"] != "system"]
    assert [(message["role"], message["content"][0]["text"]) for message in sent] == [
        (message["role"], message["content"]) for message in messages[1:]
    ]


def test_the_model_is_the_requests_own_on_a_warm_process(live: Running) -> None:
    for model, answering in (("haiku", "claude-haiku-5-5"), ("opus", "claude-opus-5-5"), ("haiku", "claude-haiku-5-5")):
        chat(live, "hello", model=model)
        assert live.last()["model"] == answering
        live.until_idle()


def test_num_predict_reaches_the_api_and_does_not_leak_into_the_next_request(live: Running) -> None:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "stream": False}
    with live.client() as client:
        client.post("/api/chat", json=body | {"options": {"num_predict": 1000}})
        assert live.last()["max_tokens"] == 1000
        live.until_idle()
        before = {process.pid for process in children(live.folder)}
        assert client.post("/api/chat", json=body).json()["done_reason"] == "stop"
        assert live.last()["max_tokens"] == 128000
        live.until_idle()
    assert {process.pid for process in children(live.folder)} == before


def test_num_predict_ends_the_answer(live: Running) -> None:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "options": {"num_predict": 5}}
    with live.client() as client:
        answer = client.post("/api/chat", json=body | {"stream": False}).json()
    assert (answer["done_reason"], answer["eval_count"]) == ("length", 5)
    assert live.last()["max_tokens"] == 5


def test_pictures_arrive_where_they_stood(live: Running) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    message = {"role": "user", "content": "What is in the image?", "images": [pixel]}
    with live.client() as client:
        answer = client.post("/api/chat", json={"model": "sonnet", "messages": [message], "stream": False}).json()
    assert "1" in answer["message"]["content"]
    picture = live.last()["messages"][0]["content"][0]
    assert picture["source"] == {"type": "base64", "media_type": "image/png", "data": pixel}


def chat(running: Running, prompt: str, *, system: str = "", model: str = "sonnet") -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    with running.client() as client:
        answer = client.post("/api/chat", json={"model": model, "messages": messages, "stream": False})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def text(content: str, cache: dict[str, str] | None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": content}
    return block | {"cache_control": cache} if cache else block


def test_nearly_two_megabytes_of_text_arrive(live: Running) -> None:
    prompt = "lorem ipsum " * 150_000
    body = {"model": "sonnet", "messages": [{"role": "user", "content": prompt}], "stream": False}
    with live.client() as client:
        assert client.post("/api/chat", json=body).status_code == 200
    assert live.last()["messages"][0]["content"][0]["text"] == prompt


def test_two_callers_on_few_processes_never_see_a_word_of_each_other(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_processes": "2", "spares": "1"})

    def talk(name: str) -> list[str]:
        answers = []
        for turn in range(2):
            earlier = [
                {"role": "user", "content": f"I am {name}, turn {turn}."},
                {"role": "assistant", "content": "Hi."},
            ]
            with running.client() as client:
                answer = client.post(
                    "/api/chat",
                    json={
                        "model": "sonnet",
                        "stream": False,
                        "messages": [*earlier, {"role": "user", "content": "What did I say before?"}],
                    },
                )
            answers.append(str(answer.json()["message"]["content"]))
        return answers

    with ThreadPoolExecutor(3) as threads:
        told = dict(zip(("Anna", "Berta", "Clara"), threads.map(talk, ("Anna", "Berta", "Clara")), strict=True))
    for name, answers in told.items():
        for turn, answer in enumerate(answers):
            assert f"I am {name}, turn {turn}." in answer
    for request in running.sent():
        names = {name for name in told if name in request.raw.decode()}
        assert len(names) == 1
    assert len(children(running.folder)) <= 2


def test_a_second_request_finds_a_process_that_holds_nothing(live: Running) -> None:
    chat(live, "The first word is xyzzy.")
    live.until_idle()
    pids = {process.pid for process in children(live.folder)}
    chat(live, "What did I say before?")
    live.until_idle()
    assert "xyzzy" not in live.sent()[-1].raw.decode()
    assert {process.pid for process in children(live.folder)} == pids


def test_a_message_that_is_too_long_is_refused_by_the_api_once(live: Running) -> None:
    before = len(live.sent())
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "lorem ipsum " * 360_000}]}
    with live.client() as client:
        answer = client.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "too long" in answer.json()["error"]
    assert "(about 1080004 tokens, 1000000 fit)" in answer.json()["error"]
    assert len(live.sent()) == before + 1
