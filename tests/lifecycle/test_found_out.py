"""What the probe finds out about the CLI decides how a running daemon drives it."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import ask, assistant, chat, converse, process_of, spoken, system, user
from tests.support.probing import write_api_cli
from tests.support.routes import ask_over
from tests.support.running import Running, running_daemon

ON = {"probe": "on"}
TALK = [system("Be brief."), user("my name is Ann"), assistant("Hello Ann."), user("what is my name?")]


@pytest.fixture
def make_found_out(tmp_path: Path, make_daemon: MakeDaemon) -> MakeDaemon:
    """Start a daemon over a CLI with one fault, and wait until that is known."""

    def start(fault: str = "", **settings: str) -> Running:
        running = make_daemon(cli=write_api_cli(tmp_path, fault), settings=ON | settings)
        running.until(lambda: running.daemon.findings is not None, "found out")
        running.until_idle()
        return running

    return start


def last_texts(running: Running) -> list[tuple[str, str]]:
    return [
        (message["role"], "".join(block.get("text", "") for block in message["content"]))
        for message in spoken(running.last())
    ]


def test_a_cli_on_which_everything_works_is_driven_in_the_best_way(make_found_out: MakeDaemon) -> None:
    running = make_found_out()
    assert "x-unsupported-options" not in ask(running, TALK).headers
    assert [role for role, _ in last_texts(running)] == ["user", "assistant", "user"]


@pytest.mark.line_by_line
def test_a_cli_that_drops_history_is_told_it_in_words_and_the_answer_says_so(make_found_out: MakeDaemon) -> None:
    running = make_found_out("history")
    response = ask(running, TALK)
    assert response.headers["x-unsupported-options"] == "history"
    [(role, text)] = last_texts(running)
    assert role == "user"
    assert text.index("my name is Ann") < text.index("Hello Ann.") < text.index("what is my name?")
    assert "x-unsupported-options" not in ask(running, TALK[:2]).headers
    assert last_texts(running) == [("user", "my name is Ann")]


@pytest.mark.parametrize("fault", ["slash", "mentions", "tools_off"])
def test_a_cli_on_which_a_chat_could_do_harm_serves_nobody(make_found_out: MakeDaemon, fault: str) -> None:
    running = make_found_out(fault)
    answer = ask_over(running, "/api/chat", "sonnet", "hello")
    assert answer.status == 500
    assert "doctor" in answer.error
    assert running.sent() == []
    with running.client() as client:
        assert "doctor" in client.get("/", headers={"accept": "text/html"}).text


def test_a_cli_that_cannot_be_rewound_serves_one_conversation_with_each_process(make_found_out: MakeDaemon) -> None:
    running = make_found_out("rewind")
    chat(running, [user("my name is Ann")])
    running.until_idle()
    chat(running, [user("what is my name?")])
    assert last_texts(running) == [("user", "what is my name?")]
    assert len({process_of(request.body) for request in running.sent()}) == 2
    running.until_idle()
    converse(running, ["my name is Bob", "what is my name?"])
    assert len({process_of(request.body) for request in running.sent()}) == 3


def test_a_cli_whose_settings_stick_serves_one_turn_with_each_process(make_found_out: MakeDaemon) -> None:
    running = make_found_out("resets")
    for options in ({"temperature": 0.3}, {}):
        chat(running, [user("hello")], "claude-sonnet-4-5", options=options)
        running.until_idle()
    assert "temperature" not in running.last()
    assert len({process_of(request.body) for request in running.sent()}) == 2


def test_options_that_do_not_reach_the_api_are_named(make_found_out: MakeDaemon) -> None:
    running = make_found_out("options")
    options = {"temperature": 0.3, "stop": ["five"], "num_predict": 1000}
    answer = ask_over(running, "/api/chat", "claude-sonnet-4-5", "count to 7", options=options)
    assert answer.unsupported == ("num_predict", "temperature")
    assert "four" in answer.text or "4" in answer.text
    assert ask_over(running, "/api/chat", "claude-sonnet-4-5", "hello", think=True).unsupported == ("think",)


@pytest.mark.line_by_line
def test_a_cli_that_is_replaced_is_noticed_and_used_from_then_on(make_found_out: MakeDaemon, tmp_path: Path) -> None:
    running = make_found_out("history")
    before = running.daemon.findings
    chat(running, TALK)
    assert [role for role, _ in last_texts(running)] == ["user"]
    old = process_of(running.last())
    write_api_cli(tmp_path)
    running.until(lambda: running.daemon.findings is not before, "found out again")
    running.until_idle()
    chat(running, TALK)
    assert [role for role, _ in last_texts(running)] == ["user", "assistant", "user"]
    assert process_of(running.last()) != old


def test_an_effort_that_does_not_reach_the_api_is_named(make_found_out: MakeDaemon) -> None:
    running = make_found_out("effort")
    assert ask_over(running, "/api/chat", "opus", "hello", think="high").unsupported == ("think",)
    assert ask_over(running, "/api/chat", "opus", "hello", think=True).unsupported == ()


def test_what_was_found_out_is_kept_for_the_next_start(tmp_path: Path) -> None:
    program = write_api_cli(tmp_path, "history")
    with running_daemon(tmp_path, cli=program, settings=ON) as running:
        running.until(lambda: running.daemon.findings is not None, "found out")
    [kept] = tmp_path.rglob("probe.json")
    kept.write_text(kept.read_text().replace('"detail": "', '"detail": "as was kept: '))
    with running_daemon(tmp_path, cli=program, settings=ON) as running:
        running.until(lambda: running.daemon.findings is not None, "found out")
        assert running.daemon.findings
        assert all(check.detail.startswith("as was kept: ") for check in running.daemon.findings.checks)
        assert not running.daemon.backend.abilities.history


# Tools

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
CALL = user('[simulate: tool get_weather {"place": "Rome"} text="Let me see."]')
LONG = "sunny and warm, " * 500


def with_results(running: Running, result: str) -> dict[str, Any]:
    """A round: the model calls the tool, which comes to `result`; the last request to the API."""
    called = ask(running, [CALL], tools=[WEATHER]).json()["message"]
    assert [call["function"]["name"] for call in called["tool_calls"]] == ["get_weather"]
    running.until_idle()
    answer = {"role": "tool", "tool_name": "get_weather", "content": result}
    assert chat(running, [CALL, called, answer], tools=[WEATHER])
    running.until_idle()
    return running.last()


@pytest.mark.line_by_line
@pytest.mark.parametrize("fault", ["", "tool_waits:changed", "tool_names:prefixed"])
def test_the_results_of_calls_reach_the_api_as_they_are_whatever_a_waiting_process_makes_of_them(
    make_found_out: MakeDaemon, fault: str
) -> None:
    running = make_found_out(fault)
    request = with_results(running, LONG)
    [question, called, results] = spoken(request)
    assert question["content"][0]["text"] == CALL["content"]
    [_, call] = called["content"]
    [result] = results["content"]
    assert (result["tool_use_id"], result["content"]) == (call["id"], [{"type": "text", "text": LONG}])
    prefix = "mcp__client__" if fault == "tool_names:prefixed" else ""
    assert [tool["name"] for tool in request["tools"]] == [call["name"]] == [f"{prefix}get_weather"]


@pytest.mark.parametrize("fault", ["tool_names", "tool_results"])
def test_a_cli_on_which_tools_do_not_work_is_asked_nothing_with_tools(make_found_out: MakeDaemon, fault: str) -> None:
    running = make_found_out(fault)
    with running.client() as client:
        body = {"model": "sonnet", "messages": [user("hello")], "tools": [WEATHER], "stream": False}
        response = client.post("/api/chat", json=body)
    assert response.status_code == 500
    assert "doctor" in response.json()["error"]
    assert running.sent() == []
    assert chat(running, [user("hello")])
