"""Models of one's own, on the real CLI: what the API gets of their system prompt, messages and parameters."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import ollama
import openai
import pytest

from tests.support.chatting import chat, unload, user
from tests.support.running import Running, running_daemon

SYSTEM = "You are Mario."
EARLIER = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "It's me!"}]
HELLO = [{"role": "user", "content": "hello"}]
PARAMETERS = {"temperature": 0.3, "num_predict": 500, "stop": ["XYZZY"], "num_ctx": 4096, "unknown": "anything"}


@pytest.fixture(scope="module")
def older(shared: Running) -> str:
    """The name of a model that takes sampling options."""
    return next(model.name for model in shared.daemon.catalog.bases if "temperature" in model.options)


@pytest.fixture
def mario(live: Running, older: str) -> Iterator[Running]:
    """The shared daemon, with a model ``mario``."""
    make(live, "mario", older, system=SYSTEM, messages=EARLIER, parameters=PARAMETERS)
    yield live
    with live.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "mario"}).status_code == 200


def make(running: Running, model: str, source: str, **fields: Any) -> None:
    with running.client() as client:
        answer = client.post("/api/create", json={"model": model, "from": source, "stream": False, **fields})
    assert answer.json() == {"status": "success"}


def got(running: Running) -> tuple[str, list[tuple[str, str]]]:
    """The system prompt that the API got last, and what was said.

    At its limit the CLI asks to go on within milliseconds: on a busy machine perhaps before it is ended.
    """
    asked = (request.body for request in reversed(running.sent()))
    body = next(body for body in asked if "Output token limit hit" not in str(body["messages"][-1]))
    said = [
        (message["role"], message["content"][0]["text"]) for message in body["messages"] if message["role"] != "system"
    ]
    return body["system"][-1]["text"], said


TOLD = [("user", "Who are you?"), ("assistant", "It's me!"), ("user", "hello")]


def on_chat(running: Running, **fields: Any) -> None:
    post(running, "/api/chat", messages=HELLO, stream=False, **fields)


def on_generate(running: Running, **fields: Any) -> None:
    post(running, "/api/generate", prompt="hello", stream=False, **fields)


def on_chat_completions(running: Running) -> None:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="mario", messages=[{"role": "user", "content": "hello"}])


def on_completions(running: Running) -> None:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        client.completions.create(model="mario", prompt="hello")


def on_responses(running: Running) -> None:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        client.responses.create(model="mario", input="hello")


def on_messages(running: Running) -> None:
    with anthropic.Anthropic(base_url=running.url, api_key="none", max_retries=0) as client:
        client.messages.create(model="mario", max_tokens=500, messages=[{"role": "user", "content": "hello"}])


def post(running: Running, path: str, **fields: Any) -> None:
    with running.client() as client:
        answer = client.post(path, json={"model": "mario", **fields})
    assert answer.status_code == 200, answer.text


DIALECTS = [on_chat, on_generate, on_chat_completions, on_completions, on_responses, on_messages]


@pytest.mark.parametrize("ask", DIALECTS)
def test_every_dialect_sends_what_the_model_has(mario: Running, ask: Any) -> None:
    ask(mario)
    assert got(mario) == (SYSTEM, TOLD)
    body = mario.last()
    assert (body["temperature"], body["max_tokens"], body["stop_sequences"]) == (0.3, 500, ["XYZZY"])


def test_the_requests_own_system_prompt_replaces_the_models(mario: Running) -> None:
    on_generate(mario, system="You are Luigi.")
    assert got(mario) == ("You are Luigi.", TOLD)
    post(mario, "/api/chat", messages=[{"role": "system", "content": "You are Peach."}, *HELLO], stream=False)
    assert got(mario) == ("You are Peach.", TOLD)
    post(mario, "/v1/messages", system="You are Toad.", max_tokens=9, messages=HELLO)
    assert got(mario) == ("You are Toad.", TOLD)


def test_a_raw_prompt_is_sent_without_what_the_model_has(mario: Running) -> None:
    on_generate(mario, raw=True)
    body = mario.last()
    assert [message["content"][0]["text"] for message in body["messages"] if message["role"] == "user"] == ["hello"]
    assert SYSTEM not in str(body["system"])
    assert body["temperature"] == 0.3


def test_the_requests_own_options_win(mario: Running) -> None:
    on_chat(mario, options={"temperature": 0.9, "num_predict": 7})
    body = mario.last()
    assert (body["temperature"], body["max_tokens"], body["stop_sequences"]) == (0.9, 7, ["XYZZY"])


def test_a_stop_string_of_the_model_ends_the_answer(mario: Running) -> None:
    assert chat(mario, [user("echo: before XYZZY after")], "mario") == "before "


def test_a_conversation_goes_on_with_a_context(mario: Running) -> None:
    client = ollama.Client(mario.url, trust_env=False)
    try:
        first = client.generate("mario", "hello")
        client.generate("mario", "again", context=first.context)
    finally:
        client._client.close()
    assert got(mario) == (SYSTEM, [*TOLD, ("assistant", str(first.response)), ("user", "again")])


def test_loading_a_model_costs_nothing(mario: Running) -> None:
    before = len(mario.sent())
    post(mario, "/api/chat", messages=[])
    with mario.client() as client:
        assert "mario:latest" in [model["name"] for model in client.get("/api/ps").json()["models"]]
    unload(mario, "mario")
    assert len(mario.sent()) == before


def test_a_base_is_as_it_was(mario: Running, older: str) -> None:
    chat(mario, HELLO, "mario")
    chat(mario, HELLO, older)
    system, said = got(mario)
    assert SYSTEM not in system
    assert said == [("user", "hello")]
    assert mario.last()["max_tokens"] != 500


def test_what_is_shown_makes_the_same_model_again(mario: Running) -> None:
    """What the `ollama` command makes of a Modelfile, and the daemon of that."""
    with mario.client() as client:
        shown = client.post("/api/show", json={"model": "mario"}).json()
        modelfile = shown["modelfile"]
        make(mario, "again", **from_modelfile(modelfile))
        again = client.post("/api/show", json={"model": "again"}).json()
        on_chat(mario, model="again")
        assert got(mario) == (SYSTEM, TOLD)
        client.request("DELETE", "/api/delete", json={"model": "again"})
    assert again["modelfile"] == modelfile.replace("FROM mario:latest", "FROM again:latest")
    for name in ("license", "parameters", "template", "system", "messages", "capabilities"):
        assert again[name] == shown[name], name


def from_modelfile(text: str) -> dict[str, Any]:
    """The body of a create: one value a line, which is all that this model needs."""
    made: dict[str, Any] = {"parameters": {}, "messages": [], "license": []}
    for word, rest in re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE):
        if word == "PARAMETER":
            name, _, value = rest.partition(" ")
            made["parameters"][name] = [value] if name == "stop" else number(value)
        elif word == "MESSAGE":
            role, _, content = rest.partition(" ")
            made["messages"].append({"role": role, "content": content})
        elif word == "LICENSE":
            made["license"].append(rest)
        else:
            made[{"FROM": "source"}.get(word, word.lower())] = rest
    return made


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("ask", [on_chat, on_messages])
def test_a_model_survives_a_restart(tmp_path: Path, ask: Any) -> None:
    with running_daemon(tmp_path) as first:
        make(first, "Mario", "sonnet", system=SYSTEM, messages=EARLIER)
    with running_daemon(tmp_path) as second:
        ask(second)
        assert got(second) == (SYSTEM, TOLD)
        with second.client() as client:
            assert "Mario:latest" in [model["name"] for model in client.get("/api/tags").json()["models"]]
            assert client.request("DELETE", "/api/delete", json={"model": "mario"}).status_code == 200
    with running_daemon(tmp_path) as third:
        assert third.daemon.catalog.personas == []


def test_an_answer_goes_on_when_its_model_is_deleted(live: Running) -> None:
    make(live, "doomed", "sonnet", system=SYSTEM)
    asked = {"model": "doomed", "messages": [user("[simulate: words 40 rate=40]")]}
    with live.client() as client, client.stream("POST", "/api/chat", json=asked) as answer:
        lines = answer.iter_lines()
        first = json.loads(next(lines))
        with live.client() as other:
            assert other.request("DELETE", "/api/delete", json={"model": "doomed"}).status_code == 200
            names = [model["name"] for model in other.get("/api/ps").json()["models"]]
            assert "doomed:latest" not in names
        *_, last = map(json.loads, lines)
    assert (first["done"], last["done"], last["done_reason"]) == (False, True, "stop")
    live.until_idle()
    assert chat(live, [user("echo: still here")]) == "still here"
