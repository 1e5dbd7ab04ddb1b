"""What a request may ask of its tools, and what is refused: choices, formats, thinking; over the real CLI."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import Messages, ask, assistant, process_of, user
from tests.support.running import Running
from tests.support.tools import TOOLS, Talk, ask_client, numbered, tool

OLDER = "claude-sonnet-4-5"
PATHS = ["/api/chat", "/v1/chat/completions"]


def post(running: Running, path: str, messages: Messages, model: str = "sonnet", **fields: Any) -> httpx.Response:
    with running.client() as client:
        return client.post(path, json={"model": model, "messages": messages, "stream": False, "tools": TOOLS, **fields})


def error_of(response: httpx.Response) -> str:
    error = response.json()["error"]
    return str(error if type(error) is str else error["message"])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a schema of no object": ({"tools": [tool("bad_one", schema={"type": "string"})]}, 'tool "bad_one": '),
    "a schema that is none": (
        {"tools": [*TOOLS, tool("bad_one", schema={"type": "object", "required": "city"})]},
        'tool "bad_one": its schema is not valid at #/required',
    ),
    "two of one name": ({"tools": [tool("bad_one"), tool("bad_one", "other")]}, 'tool "bad_one": there is another'),
    "an unknown id": (
        {
            "messages": [
                user("hi"),
                {**assistant("x"), "tool_calls": [{"id": "a", "function": {"name": "get_time", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "b", "content": "noon"},
            ]
        },
        'tool_call_id "b" answers no call',
    ),
    "no results": (
        {
            "messages": [
                user("hi"),
                {**assistant("x"), "tool_calls": [{"id": "a", "function": {"name": "get_time", "arguments": "{}"}}]},
            ]
        },
        "the last message calls tools: send their results",
    ),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_declared_or_matched_is_refused_by_name(live: Running, path: str, case: str) -> None:
    fields, words = REFUSED[case]
    before = len(live.sent())
    response = post(live, path, fields.get("messages", [user("hi")]), tools=fields.get("tools", TOOLS))
    assert response.status_code == 400
    assert words in error_of(response)
    assert len(live.sent()) == before


def test_a_model_without_tools_refuses_them_in_ollamas_words(make_daemon: MakeDaemon, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[models]]\nname = "plain"\ncli_model = "sonnet"\ncapabilities = ["completion"]\n')
    running = make_daemon(settings={"config": str(config), "spares": "0"})
    for path in PATHS:
        response = post(running, path, [user("hi")], "plain")
        assert response.status_code == 400
        assert error_of(response) == "registry.ollama.ai/library/plain:latest does not support tools"
    with running.client() as client:
        assert "tools" not in client.post("/api/show", json={"model": "plain"}).json()["capabilities"]
    assert running.sent() == []


# tool_choice, formats

NAMED = {"type": "function", "function": {"name": "get_time"}}
CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "none": ({"tool_choice": "none"}, {"type": "none"}, []),
    "auto": ({"tool_choice": "auto"}, {"type": "auto"}, ["get_time", "get_weather"]),
    "required": ({"tool_choice": "required"}, {"type": "any"}, ["get_time", "get_weather"]),
    "named": ({"tool_choice": NAMED}, {"type": "tool", "name": "get_time"}, ["get_time"]),
    "one at a time": (
        {"parallel_tool_calls": False},
        {"type": "auto", "disable_parallel_tool_use": True},
        ["get_time"],
    ),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_of_tools_is_honoured(live: Running, choice: str) -> None:
    fields, expected, called = CHOICES[choice]
    answer = ask_client("openai", live, [user("call get_time and get_weather")], model=OLDER, **fields)
    assert live.last().get("tool_choice", {"type": "auto"}) == expected
    assert [name for name, _ in answer.called] == called
    assert answer.reason == ("tool_calls" if called else "stop")


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_model_that_always_thinks_cannot_be_forced(live: Running, choice: Any) -> None:
    before = len(live.sent())
    response = post(live, PATHS[1], [user("hi")], tool_choice=choice)
    assert response.status_code == 400
    assert "cannot be forced to call a tool" in error_of(response)
    assert len(live.sent()) == before


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMATS: dict[str, Callable[[], dict[str, Any]]] = {
    "ollama": lambda: {"format": SCHEMA},
    "openai": lambda: {
        "response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA, "strict": True}}
    },
}


@pytest.mark.parametrize("way", FORMATS)
def test_a_format_with_tools_is_a_round_of_calls_and_then_json(live: Running, way: str) -> None:
    talk = Talk(live, way, FORMATS[way]())
    assert talk.say("[simulate: tool get_time {}]").called == [("get_time", {})]
    assert '"city"' in talk.give("noon").text
    assert numbered(live.last()) == talk.told[:-1]
    assert live.last()["output_config"]["format"]["type"] == "json_schema"


# Thinking


def test_a_forgotten_thought_is_done_without_and_said(make_daemon: MakeDaemon) -> None:
    first, second = (make_daemon(settings={"spares": "0"}) for _ in range(2))
    asked = user("[simulate: tool get_time {} think=3]")
    answer = ask(first, [asked], OLDER, tools=TOOLS, think=True).json()["message"]
    assert answer["thinking"]
    messages = [asked, answer, {"role": "tool", "tool_name": "get_time", "content": "noon"}]
    there = ask(second, messages, OLDER, tools=TOOLS, think=True)
    assert there.headers["x-unsupported-options"] == "think"
    assert "noon" in there.json()["message"]["content"]
    assert second.last()["thinking"] == {"type": "disabled"}
    here = ask(first, messages, OLDER, tools=TOOLS, think=True)
    assert "x-unsupported-options" not in here.headers
    assert here.json()["message"]["thinking"]
    assert process_of(first.last()) == process_of(first.sent()[0].body)
    # A question that follows is thought about again.
    ask(second, [*messages, there.json()["message"], user("go on")], OLDER, tools=TOOLS, think=True)
    assert second.last()["thinking"]["type"] == "enabled"
