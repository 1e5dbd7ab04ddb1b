"""What Ollama's own integration tests find true of a server with a chat model that sees, thinks and calls tools."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.support.chatting import Messages, ask, assistant, png, system, texts, unload, user
from tests.support.running import Running
from tests.support.tools import numbered, tool

BLUE = "why is the sky blue? Be brief but factual in your reply"
REASONS = ("rayleigh", "scatter", "atmosphere", "nitrogen", "oxygen", "wavelength", "interact")
METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)
TAGS = ("<think>", "</think>", "<|channel|>", "<tool_call>")
# Models of which the first chooses how much it thinks and the second is told.
THINKING = [("sonnet", True), ("sonnet", False), ("claude-sonnet-4-5", True)]
LOCATION = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
WEATHER = tool("get_weather", "The weather.", LOCATION)
PARIS, BOSTON = {"location": "Paris"}, {"location": "Boston"}
FIRST = "Call get_weather with location set to Paris."
RESULT = "18 degrees and cloudy"
SECOND = """Now call get_weather with location exactly Boston. Return only the tool call.
[simulate: tool get_weather {"location": "Boston"}]"""


@pytest.fixture(scope="module", autouse=True)
def calls_forgotten(shared: Running) -> Iterator[None]:
    """At the end no process waits for the results of the calls that were made here."""
    yield
    unload(shared)


def post(running: Running, path: str, **fields: Any) -> list[Any]:
    """The objects of an answer: the lines of a stream, or the one that there is."""
    with running.client() as client:
        answer = client.post(path, json={"model": "sonnet", **fields})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def said(lines: list[Any], field: str = "content") -> str:
    """What the lines of /api/chat say, or what they think."""
    return "".join(line["message"].get(field, "") for line in lines)


def called(lines: list[Any]) -> list[tuple[str, Any]]:
    calls = [call["function"] for line in lines for call in line["message"].get("tool_calls", ())]
    return [(call["name"], call["arguments"]) for call in calls]


# Answers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_a_question_is_answered_with_numbers_at_the_end(live: Running, path: str, stream: bool) -> None:
    if path == "/api/generate":
        lines = post(live, path, prompt=BLUE, stream=stream, options={"temperature": 0, "seed": 123})
        text = "".join(line["response"] for line in lines)
    else:
        lines = post(live, path, messages=[user(BLUE)], stream=stream, options={"temperature": 0, "seed": 123})
        text = said(lines)
    assert any(reason in text.lower() for reason in REASONS)
    assert (len(lines) > 1) is stream
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["done_reason"] == "stop"
    for name in METRICS:
        assert type(lines[-1][name]) is int, name
        assert lines[-1][name] > 0, name
    assert bool(lines[-1].get("context")) is (path == "/api/generate")


def test_num_predict_ends_an_answer(live: Running) -> None:
    [answer] = post(live, "/api/generate", prompt="count to 500", stream=False, options={"num_predict": 10})
    assert answer["done_reason"] == "length"
    assert 0 < answer["eval_count"] <= 10


def test_a_small_context_is_no_error(live: Running) -> None:
    prompt = "Write me a story with a ton of emojis 🐈 " * 100
    [answer] = post(live, "/api/generate", prompt=prompt, stream=False, options={"num_ctx": 128})
    assert answer["response"]
    assert answer["done_reason"] in ("stop", "length")


def test_a_conversation_remembers_what_was_said(live: Running) -> None:
    history = [
        system("You are brief."),
        user("早上好?"),
        assistant("早上好"),
        user("recall it"),
    ]
    assert said(post(live, "/api/chat", messages=history, stream=False))
    assert texts(live.last()) == [(each["role"], each["content"]) for each in history[1:]]


def test_conversations_at_the_same_time_get_their_own_answers(live: Running) -> None:
    words = [f"word-{number}" for number in range(4)]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda word: said(post(live, "/api/chat", messages=[user(f"echo: {word}")])), words))
    assert answers == words


def test_a_picture_is_seen(live: Running) -> None:
    [answer] = post(live, "/api/generate", prompt="What is in this image?", images=[png(21, 13)], stream=False)
    assert "21 x 13" in answer["response"]


# What there is


def test_list_ps_and_show_leave_nothing_empty(live: Running) -> None:
    ask(live, [user("hello")])
    with live.client() as client:
        models = client.get("/api/tags").json()["models"]
        loaded = client.get("/api/ps").json()["models"]
        shown = [client.post("/api/show", json={"model": each["model"]}).json() for each in models]
    assert models
    assert "sonnet:latest" in [each["model"] for each in loaded]
    for each in (*models, *loaded):
        assert all(each[name] for name in ("name", "model", "size", "digest")), each
    for each in loaded:
        assert datetime.fromisoformat(each["expires_at"]) > datetime.now().astimezone()
    for each in shown:
        described = ("license", "modelfile", "parameters", "template", "model_info", "capabilities")
        assert all(each[name] for name in described), each
    for each in (*models, *shown):
        assert datetime.fromisoformat(each["modified_at"]).tzinfo
    for each in (*models, *loaded, *shown):
        details = ("format", "family", "families", "parameter_size", "quantization_level")
        assert all(each["details"][name] for name in details), each


# Thinking


@pytest.mark.parametrize(("model", "stream"), THINKING)
def test_thinking_is_told_apart_from_the_answer(live: Running, model: str, stream: bool) -> None:
    question = user("What is 12 multiplied by 15? Think step by step.")
    lines = post(live, "/api/chat", model=model, messages=[question], think=True, stream=stream)
    assert said(lines, "thinking")
    assert "180" in said(lines)
    assert not any(tag in said(lines) + said(lines, "thinking") for tag in TAGS)
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.parametrize(("model", "stream"), THINKING)
def test_thinking_is_suppressed(live: Running, model: str, stream: bool) -> None:
    question = user("What is the capital of Japan? Answer in one word. Think step by step.")
    lines = post(live, "/api/chat", model=model, messages=[question], think=False, stream=stream)
    assert "Tokyo" in said(lines)
    assert all("thinking" not in line["message"] for line in lines)


# Tools


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_once_with_what_was_said(live: Running, stream: bool) -> None:
    question = user("Call get_weather with location set to San Francisco.")
    lines = post(live, "/api/chat", messages=[question], tools=[WEATHER], stream=stream)
    assert called(lines) == [("get_weather", {"location": "San Francisco"})]
    assert lines[-1]["done_reason"] == "stop"


def chat(running: Running) -> list[tuple[str, Any]]:
    call = {"id": "call_paris", "function": {"name": "get_weather", "arguments": PARIS}}
    messages: Messages = [
        system("Use the tools."),
        user(FIRST),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": RESULT, "tool_name": "get_weather", "tool_call_id": "call_paris"},
        user(SECOND),
    ]
    return called(post(running, "/api/chat", messages=messages, tools=[WEATHER], stream=False, think=False))


def chat_completions(running: Running) -> list[tuple[str, Any]]:
    function = {"name": "get_weather", "arguments": json.dumps(PARIS)}
    messages: Messages = [
        {"role": "developer", "content": "Use the tools."},
        user(FIRST),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_paris", "type": "function", "function": function}],
        },
        {"role": "tool", "content": [{"type": "text", "text": RESULT}], "tool_call_id": "call_paris"},
        user(SECOND),
    ]
    [answer] = post(running, "/v1/chat/completions", messages=messages, tools=[WEATHER], stream=False)
    [choice] = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    calls = [call["function"] for call in choice["message"]["tool_calls"]]
    return [(call["name"], json.loads(call["arguments"])) for call in calls]


def responses(running: Running) -> list[tuple[str, Any]]:
    call = {"call_id": "call_paris", "name": "get_weather", "arguments": json.dumps(PARIS)}
    items: Messages = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Use the tools."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": FIRST}]},
        {"type": "function_call", **call},
        {
            "type": "function_call_output",
            "call_id": "call_paris",
            "output": [{"type": "input_text", "text": RESULT}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": SECOND}]},
    ]
    tools = [{"type": "function", **WEATHER["function"]}]
    [answer] = post(running, "/v1/responses", input=items, tools=tools, stream=False)
    calls = [item for item in answer["output"] if item["type"] == "function_call"]
    return [(call["name"], json.loads(call["arguments"])) for call in calls]


def messages(running: Running) -> list[tuple[str, Any]]:
    mark = {"cache_control": {"type": "ephemeral"}}
    call = {"type": "tool_use", "id": "toolu_paris", "name": "get_weather", "input": PARIS}
    turns: Messages = [
        system("Use the tools."),
        {"role": "user", "content": [{"type": "text", "text": FIRST, **mark}]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_paris", "content": RESULT}]},
        {"role": "user", "content": [{"type": "text", "text": SECOND, **mark}]},
    ]
    definition = {"name": "get_weather", "description": "The weather.", "input_schema": LOCATION, **mark}
    more = {"max_tokens": 1000, "thinking": {"type": "disabled"}, "tools": [definition]}
    [answer] = post(running, "/v1/messages", messages=turns, **more)
    assert answer["stop_reason"] == "tool_use"
    return [(block["name"], block["input"]) for block in answer["content"] if block["type"] == "tool_use"]


@dataclass(frozen=True, slots=True)
class Block:
    """What of a block of an API request matters here."""

    role: str
    kind: str
    value: Any


TOLD = [
    Block("user", "text", FIRST),
    Block("assistant", "tool_use", PARIS),
    Block("user", "tool_result", [{"type": "text", "text": RESULT}]),
    Block("user", "text", SECOND),
]
VALUES = {"text": "text", "tool_use": "input", "tool_result": "content"}


@pytest.mark.parametrize("route", [chat, chat_completions, responses, messages])
def test_a_round_of_calls_that_a_client_replays_is_followed_by_another_call(
    live: Running, route: Callable[[Running], list[tuple[str, Any]]]
) -> None:
    assert route(live) == [("get_weather", BOSTON)]
    told = [
        Block(message["role"], block["type"], block[VALUES[block["type"]]])
        for message in numbered(live.last())
        for block in message["content"]
    ]
    assert told == TOLD
    assert "Use the tools." in json.dumps(live.last()["system"])
