"""The CLI's own tools, where the operator lets a model use them; everywhere else there are none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chatting import ask, chat, process_of, unload, user
from tests.support.children import wait_until_none
from tests.support.running import Running, running_daemon

MODELS = """
host_tools = true

[[models]]
name = "web"
cli_model = "sonnet"
thinking = "adaptive"
builtin_tools = ["WebSearch", "WebFetch"]

[[models]]
name = "shell"
cli_model = "sonnet"
thinking = "adaptive"
builtin_tools = ["Bash"]

[[models]]
name = "typo"
cli_model = "sonnet"
thinking = "adaptive"
builtin_tools = ["Webbing"]
"""

SEARCH = '[simulate: tool WebSearch {"query":"weather in Paris"} text="Let me look."]'
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
OWN_SEARCH = {"type": "function", "function": {"name": "WebSearch", "description": "The client's own."}}


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon with models that may use tools of the CLI's own."""
    folder = tmp_path_factory.mktemp("builtin")
    (folder / "config.toml").write_text(MODELS)
    with running_daemon(folder, settings={"spares": "1", "config": str(folder / "config.toml")}) as running:
        yield running
    wait_until_none(folder)


@pytest.fixture
def running(shared_daemon: Running) -> Running:
    """That daemon, at rest and without conversations."""
    for model in ("web", "shell", "sonnet"):
        unload(shared_daemon, model)
    return shared_daemon


def names(body: dict[str, Any]) -> list[str]:
    return [tool["name"] for tool in body.get("tools", ())]


def test_a_model_uses_a_tool_of_the_cli_and_the_client_sees_it_as_thinking(running: Running) -> None:
    answer = ask(running, [user(SEARCH)], "web").json()
    assert answer["message"]["thinking"] == '[WebSearch {"query":"weather in Paris"}]\n'
    assert answer["message"]["content"].startswith("Let me look.\n\nSimulated answer: the tool returned")
    assert "tool_calls" not in answer["message"]
    assert answer["done_reason"] == "stop"
    asked, search, last = (request.body for request in running.sent()[-3:])
    assert names(asked) == names(last) == ["WebFetch", "WebSearch"]
    assert search["tools"][0]["type"] == "web_search_20250305"
    said = answer["prompt_eval_count"], answer["eval_count"]
    assert said[0] > len(json.dumps(asked["messages"])) // 4, "both messages count"
    running.until_idle()
    # What the client gets back is not what was said: the conversation is not kept, the process is.
    assert [view.waits for view in running.daemon.pool.processes if view.conversation] == []
    assert chat(running, [user("echo: again")], "web") == "again"
    assert process_of(running.last()) == process_of(last)


def test_the_official_stream_of_v1_tells_of_it_as_reasoning(running: Running) -> None:
    body = {"model": "web", "messages": [user(SEARCH)], "stream": True}
    with running.client() as client:
        lines = client.post("/v1/chat/completions", json=body).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning", "") for delta in deltas) == '[WebSearch {"query":"weather in Paris"}]\n'
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_they_work_beside_the_client_s_tools(running: Running) -> None:
    both = '[simulate: tool WebSearch {"query":"x"} get_weather {"city":"Rome"} text="Both."]'
    answer = ask(running, [user(both)], "web", tools=[WEATHER]).json()["message"]
    (call,) = answer["tool_calls"]
    assert call["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Rome"}}
    assert answer["thinking"] == '[WebSearch {"query":"x"}]\n'
    running.until_idle()
    result = {"role": "tool", "content": "sunny", "tool_call_id": call["id"]}
    said = {"role": "assistant", "content": answer["content"], "tool_calls": answer["tool_calls"]}
    assert 'the tool returned "sunny"' in chat(running, [user(both), said, result], "web", tools=[WEATHER])
    assert names(running.last()) == ["WebFetch", "WebSearch", "get_weather"]


def test_a_client_s_tool_of_the_same_name_is_another_one(running: Running) -> None:
    ask(running, [user("echo: x")], "web", tools=[OWN_SEARCH])
    *_, mapped = names(running.last())
    assert mapped.startswith("WebSearch_")
    answer = ask(running, [user(f"[simulate: tool {mapped}]")], "web", tools=[OWN_SEARCH]).json()["message"]
    assert answer["tool_calls"][0]["function"]["name"] == "WebSearch"


def test_what_runs_on_this_machine_works_where_it_is_allowed(running: Running) -> None:
    command = '[simulate: tool Bash {"command":"echo $((40 + 2)) > made; cat made"}]'
    answer = ask(running, [user(command)], "shell").json()["message"]
    assert 'the tool returned "42"' in answer["content"]
    assert not list(Path.cwd().glob("made"))


@pytest.mark.parametrize("model", ["sonnet", "web"])
def test_where_it_is_not_the_model_can_only_wish_for_it(running: Running, tmp_path: Path, model: str) -> None:
    touch = f'[simulate: tool Bash {{"command":"touch {tmp_path}/made"}}]'
    answer = ask(running, [user(touch)], model).json()["message"]
    assert answer["tool_calls"][0]["function"]["name"] == "Bash"
    running.until_idle()
    assert not (tmp_path / "made").exists()
    assert "Bash" not in names(running.last())


def test_a_tool_that_the_cli_does_not_have_is_an_error(running: Running) -> None:
    with running.client() as client:
        response = client.post("/api/chat", json={"model": "typo", "messages": [user("hello")], "stream": False})
    assert response.status_code == 500
    assert response.json() == {"error": "the Claude CLI did not take these tools: Webbing"}


def test_processes_with_tools_are_not_spares_for_models_without(running: Running) -> None:
    ask(running, [user("echo: x")], "shell")
    ask(running, [user("echo: x")], "web")
    running.until_idle()
    ask(running, [user("echo: x")], "sonnet")
    assert len({process_of(request.body) for request in running.sent()[-3:]}) == 3
    running.until_idle()
    spares = [view.builtin for view in running.daemon.pool.processes if view.state.value == "spare"]
    assert spares == [()]
