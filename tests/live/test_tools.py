"""Tools over the real CLI: what the API gets of them, what clients get of the calls; with the official clients."""

import re
from typing import Any

import ollama
import openai
import pytest

from tests.support.chatting import process_of, user
from tests.support.running import Running
from tests.support.tools import TOOLS, WAYS, Definition, Talk, ask_client, numbered, tool, waiting

OLDER = "claude-sonnet-4-5"
LONG = "x" * 100_000
ASKED_BY_ITSELF = 2
# Requests, at most: the CLI asks again within milliseconds, on a busy machine perhaps before it is ended.


@pytest.fixture
def live(emptied: Running) -> Running:
    return emptied


# What the API gets


def test_tools_reach_the_api_as_they_are_sorted_and_the_same_each_turn(live: Running) -> None:
    talk = Talk(live)
    talk.say("hello")
    talk.fields = {"tools": TOOLS[::-1]}
    talk.say("call get_time in Paris")
    talk.give("noon")
    bodies = [request.body for request in live.sent()[-3:]]
    expected = [
        {"name": each["name"], "description": each["description"], "input_schema": each["parameters"]}
        for each in (tool["function"] for tool in TOOLS)
    ]
    assert [without_marks(body["tools"]) for body in bodies] == [expected] * 3
    assert len({process_of(body) for body in bodies}) == 1
    # The raw bytes, too: else the API's cache would miss.
    assert len({tools_bytes(request.raw) for request in live.sent()[-3:]}) == 1


def without_marks(tools: list[Definition]) -> list[Definition]:
    return [{key: value for key, value in each.items() if key != "cache_control"} for each in tools]


def tools_bytes(raw: bytes) -> bytes:
    found = re.search(rb'"tools":\[.*?\}\}?\](?=,"\w+":|\})', raw)
    assert found
    return found[0]


def test_a_hundred_tools_with_large_schemas_and_a_long_description_arrive_whole(live: Running) -> None:
    words = " ".join(f"word{number}" for number in range(1100))[:10_000]
    large = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "d" * 180} for n in range(10)}}
    tools = [tool(f"tool_{number:02}", "Does it.", large) for number in range(99)]
    answer = ask_client("openai", live, [user("call tool_42")], tools=[*tools, tool("zzz_long", words)])
    assert [name for name, _ in answer.called] == ["tool_42"]
    *sent, last = without_marks(live.last()["tools"])
    assert [each["input_schema"] for each in sent] == [large] * 99
    assert last["description"] == words


def test_what_the_cli_would_normalise_reaches_the_api_as_it_is(live: Running) -> None:
    talk = Talk(live)
    odd = "½ … ² ﬁ x\u00a0y \u200d\u202e \ufeff 👩\u200d💻 é e\u0301"
    schema = {"type": "object", "properties": {"how": {"type": "string", "enum": ["²", "2"], "description": odd}}}
    talk.fields = {"tools": [tool("odd", odd, schema), tool("plain")]}
    talk.say('[simulate: tool odd {"how":"²"}]')
    first, _ = without_marks(live.last()["tools"])
    assert first == {"name": "odd", "description": odd, "input_schema": schema}
    assert waiting(live) == 0
    talk.give("done")
    assert without_marks(live.last()["tools"])[0] == first
    # And nothing of it is left for those who come after.
    talk = Talk(live)
    talk.fields = {"tools": [tool("plain")]}
    talk.say("hello")
    assert [each["name"] for each in live.last()["tools"]] == ["plain"]


CLI_NAMES = ["Agent", "ToolSearch", "Bash", "Task", "mcp__client__x", "StructuredTask"]


def test_names_of_the_cli_s_own_tools_are_no_trouble(live: Running) -> None:
    tools = [tool(name) for name in (*CLI_NAMES, "other")]
    answer = ask_client("ollama", live, [user("hello")], tools=tools)
    assert "Hello" in answer.text
    offered = [each["name"] for each in live.last()["tools"]]
    assert len(offered) == len(tools)
    spelt = [min(each for each in offered if each.startswith(name)) for name in CLI_NAMES]
    calls = " ".join(f"{spelling} {{}}" for spelling in spelt)
    answer = ask_client("ollama", live, [user(f"[simulate: tool {calls}]")], tools=tools)
    assert [called for called, _ in answer.called] == CLI_NAMES
    live.until_idle()
    assert waiting(live) == 0


NAMES = ["weather.get", "wetter ü", "w" * 80]


@pytest.mark.parametrize("way", ["ollama, streamed", "openai", "openai, streamed"])
def test_names_that_the_api_does_not_take_are_the_clients_own_again(live: Running, way: str) -> None:
    talk = Talk(live, way, {"tools": [tool(name) for name in NAMES]})
    talk.say("hello")
    offered = [each["name"] for each in live.last()["tools"]]
    spelt = [next(each for each in offered if each.startswith(name[:6])) for name in NAMES]
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", spelling) for spelling in spelt)
    answer = talk.say("[simulate: tool " + " ".join(f'{spelling} {{"city": "Rome"}}' for spelling in spelt) + "]")
    assert [name for name, _ in answer.called] == NAMES
    talk.give("one", "two", "three")
    talk.fields["tools"] = talk.fields["tools"][::-1]
    talk.say("go on")
    calls = [block for message in numbered(live.last()) for block in message["content"] if block["type"] == "tool_use"]
    assert [call["name"] for call in calls] == spelt
    assert len({process_of(request.body) for request in live.sent()[-4:]}) == 1


# What a client gets

ROME = {"city": "Rome"}
ANSWERS: dict[str, tuple[str, str, str, list[tuple[str, dict[str, Any]]]]] = {
    "text before a call": ('get_time {"city": "Rome"} text="I look. "', "I look. ", "", [("get_time", ROME)]),
    "no arguments": ("get_time {}", "", "", [("get_time", {})]),
    "several": (
        'get_time {"city": "Rome"} get_time {"b": [1, {"c": null}], "a": "\\u00e9"} get_weather {}',
        "",
        "",
        [("get_time", ROME), ("get_time", {"b": [1, {"c": None}], "a": "é"}), ("get_weather", {})],
    ),
    "thinking before a call": ("get_time {} think=3", "", "thought1 thought2 thought3", [("get_time", {})]),
    "100 kB": (f'get_time {{"city": "{LONG}"}}', "", "", [("get_time", {"city": LONG})]),
}


@pytest.mark.parametrize(
    ("kind", "way"), [(kind, way) for kind in ANSWERS for way in WAYS if kind != "100 kB" or way in WAYS[1:3]]
)
def test_calls_of_every_kind_reach_the_client(live: Running, way: str, kind: str) -> None:
    directive, text, thinking, called = ANSWERS[kind]
    wish = {"think": True} if way.startswith("ollama") else {"reasoning_effort": "medium"}
    answer = ask_client(way, live, [user(f"{way} [simulate: tool {directive}]")], **(wish if thinking else {}))
    assert (answer.text, answer.thinking) == (text, thinking)
    assert answer.called == called
    for (_, arguments), (_, expected) in zip(answer.called, called, strict=True):
        assert list(arguments) == list(expected)


@pytest.mark.line_by_line
@pytest.mark.parametrize(
    ("way", "opening"), list(zip(WAYS, ("", ' text="I look."', "", ' text="I look."'), strict=True))
)
def test_broken_arguments_are_an_error_and_cost_one_request_and_the_process(
    live: Running, way: str, opening: str
) -> None:
    before = len(live.sent())
    with pytest.raises((ollama.ResponseError, openai.APIError), match='called the tool "get_time" with arguments that'):
        ask_client(way, live, [user(f"{way} [simulate: tool get_time {{}} broken=1{opening}]")])
    live.until_idle()
    assert len(live.sent()) <= before + ASKED_BY_ITSELF
    broken = process_of(live.last())
    ask_client(way, live, [user("hello")])
    assert process_of(live.last()) != broken
    assert waiting(live) == 0


@pytest.mark.parametrize("way", ["ollama, streamed", "openai"])
def test_a_call_of_a_tool_that_was_not_offered_is_passed_on(live: Running, way: str) -> None:
    talk = Talk(live, way)
    before = len(live.sent())
    assert talk.say('[simulate: tool nope {"a": 1} text="I try."]').called == [("nope", {"a": 1})]
    assert len(live.sent()) <= before + ASKED_BY_ITSELF
    assert waiting(live) == 0
    talk.give("there is no such tool")
    assert numbered(live.last()) == talk.told[:-1]


@pytest.mark.parametrize("way", ["ollama", "openai, streamed"])
def test_a_limit_within_a_call_ends_the_answer_without_it(live: Running, way: str) -> None:
    fields = {"options": {"num_predict": 20}} if way.startswith("ollama") else {"max_tokens": 20}
    before = len(live.sent())
    asked = [user(f'{way} [simulate: tool get_time {{"city": "{"long " * 60}"}} text="I look."]')]
    if way == "openai, streamed":
        # What came of the call came; that it is not whole is said by the reason alone.
        with live.client() as client:
            lines = client.post(
                "/v1/chat/completions",
                json={"model": "sonnet", "messages": asked, "tools": TOOLS, "stream": True, **fields},
            ).text
        assert '"finish_reason":"length"' in lines
        assert "tool_calls" in lines
        assert '"finish_reason":"tool_calls"' not in lines
    else:
        answer = ask_client(way, live, asked, **fields)
        assert (answer.text, answer.calls, answer.reason) == ("I look.", (), "length")
    live.until_idle()
    assert len(live.sent()) <= before + ASKED_BY_ITSELF
    assert waiting(live) == 0
