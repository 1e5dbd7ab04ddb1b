"""Rounds of calls in the shapes of well-known clients, over the real CLI."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.chatting import Messages, ask, assistant, process_of, texts, user
from tests.support.running import Running
from tests.support.tools import TOOLS, Definition, numbered, results, tool, waiting


def many(count: int, size: int, name: str) -> list[Definition]:
    """So many tools of about so many bytes each; one is called `name`."""
    names = [*(f"other_{number:02}" for number in range(count - 1)), name]
    options = {"type": "object", "properties": {"query": {"type": "string", "description": "q" * (size - 250)}}}
    return [tool(each, f"What {each} is for.", options) for each in names]


def call(tool_name: str, id: str = "", **arguments: Any) -> dict[str, Any]:
    """A call as Ollama's clients send it back."""
    return {"function": {"name": tool_name, "arguments": arguments}, **({"id": id} if id else {})}


def told(running: Running) -> list[str]:
    """The kinds of the blocks of the last API request."""
    return [block["type"] for message in numbered(running.last()) for block in message["content"]]


@pytest.mark.line_by_line
def test_open_webui_calls_a_tool_while_it_asks_for_a_title(live: Running) -> None:
    tools = many(36, 700, "search_notes")
    question = user('[simulate: tool search_notes {} text="I look."]')
    title = user(
        '### Task:\nGenerate a concise, 3-5 word title with an emoji.\n### Output:\nJSON format: { "title": "" }'
    )

    def streamed() -> list[dict[str, Any]]:
        body = {"model": "sonnet", "messages": [question], "tools": tools, "options": {}, "stream": True}
        with live.client() as client:
            return list(map(json.loads, client.post("/api/chat", json=body).iter_lines()))

    with ThreadPoolExecutor(2) as threads:
        chunks = threads.submit(streamed)
        titled = threads.submit(ask, live, [title], options={"num_predict": 1000})
        assert "title" in titled.result().json()["message"]["content"]
        messages = [chunk["message"] for chunk in chunks.result()]
    [made] = [each for message in messages for each in message.get("tool_calls", ())]
    live.until_idle()
    said = assistant("".join(message["content"] for message in messages)) | {"tool_calls": [made]}
    given = {"role": "tool", "tool_call_id": made["id"], "content": '["a note"]'}
    answer = ask(live, [question, said, given], tools=tools, options={})
    assert "a note" in answer.json()["message"]["content"]
    assert told(live) == ["text", "text", "tool_use", "tool_result"]
    [asked] = [request.body for request in live.sent()[-3:-1] if request.body.get("tools")]
    assert process_of(live.last()) == process_of(asked)
    assert len(live.last()["tools"]) == 36


def test_home_assistant_gives_results_without_ids(live: Running) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "brightness": {"type": "integer", "minimum": 0, "maximum": 100}},
        "required": [],
    }
    fields: dict[str, Any] = {
        "tools": [tool("HassTurnOn", "Turns on.", schema), tool("HassLightSet", "", schema)],
        "keep_alive": "300s",
    }
    question = user('[simulate: tool HassTurnOn {"name": "lamp"} HassLightSet {"brightness": 40}]')
    answer = ask(live, [question], options={"num_ctx": 8192}, **fields).json()["message"]
    process = process_of(live.last())
    live.until_idle()
    said = {
        "role": "assistant",
        "content": "",
        "tool_calls": [call("HassTurnOn", name="lamp"), call("HassLightSet", brightness=40)],
    }
    assert [each["function"]["arguments"] for each in answer["tool_calls"]] == [{"name": "lamp"}, {"brightness": 40}]
    given = [{"role": "tool", "content": json.dumps({"success": [name]})} for name in ("on", "set")]
    ask(live, [question, said, *given], options={"num_ctx": 8192}, **fields)
    assert process_of(live.last()) == process
    assert [block["content"][0]["text"] for block in results(live.last())] == [
        '{"success": ["on"]}',
        '{"success": ["set"]}',
    ]


def test_cline_offers_25_tools_and_its_own_window(live: Running) -> None:
    tools = many(25, 700, "read_file")
    question = user('[simulate: tool read_file {"path": "a.py"}]')
    fields: dict[str, Any] = {"tools": tools, "options": {"num_ctx": 32768}}
    answer = ask(live, [question], **fields).json()["message"]
    live.until_idle()
    ask(live, [question, answer, {"role": "tool", "tool_name": "read_file", "content": "print(1)"}], **fields)
    assert told(live) == ["text", "tool_use", "tool_result"]
    assert len(live.last()["tools"]) == 25


def agent(running: Running, messages: Messages, **fields: Any) -> dict[str, Any]:
    with running.client() as client:
        response = client.post("/v1/chat/completions", json={"model": "sonnet", "messages": messages, **fields})
    assert response.status_code == 200, response.text
    message: dict[str, Any] = response.json()["choices"][0]["message"]
    return message


def test_an_agent_sends_a_developers_words_parts_and_no_content(live: Running) -> None:
    question = user("[simulate: tool get_time {} get_weather {}]")
    begun: Messages = [{"role": "developer", "content": "You are brief."}, question]
    message = agent(live, begun, tools=TOOLS)
    process = process_of(live.last())
    live.until_idle()
    message["content"] = None
    ids = [each["id"] for each in message["tool_calls"]]
    parts = [[{"type": "text", "text": text}] for text in ("noon", "fog")]
    given = [{"role": "tool", "tool_call_id": id, "content": content} for id, content in zip(ids, parts, strict=True)]
    agent(live, [*begun, message, *given], tools=TOOLS)
    assert process_of(live.last()) == process
    assert [block["content"] for block in results(live.last())] == parts
    assert live.last()["system"][-1]["text"] == "You are brief."


def test_results_of_the_older_kind_have_a_name_only(live: Running) -> None:
    made = {"id": "", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [made]}
    messages = [user("what time?"), said, {"role": "function", "name": "get_time", "content": "noon"}]
    assert "noon" in agent(live, messages, tools=TOOLS)["content"]
    assert told(live) == ["text", "tool_use", "tool_result"]


MADE = [call("get_time", "a"), call("get_weather", "b")]
NOON = {"role": "tool", "tool_call_id": "a", "content": "noon"}
FOG = {"role": "tool", "tool_call_id": "b", "content": "fog"}
ODD: dict[str, tuple[Messages, bool, list[str]]] = {
    "a missing result": ([user("hi"), assistant("") | {"tool_calls": MADE}, FOG], True, ["No result was sent", "fog"]),
    "calls that were cut away": ([NOON, assistant("It is noon."), user("echo: thanks")], True, []),
    "no tools in the request": ([user("hi"), assistant("") | {"tool_calls": MADE}, FOG, NOON], False, ["noon", "fog"]),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_rounds_have_a_defined_result(live: Running, case: str) -> None:
    messages, offered, given = ODD[case]
    fields: dict[str, Any] = {"tools": TOOLS} if offered else {}
    answer = ask(live, messages, **fields)
    blocks = [block for message in numbered(live.last()) for block in message["content"]]
    brought = [block["content"] for block in blocks if block["type"] == "tool_result"]
    assert len(brought) == len(given)
    assert all(text in str(content) for text, content in zip(given, brought, strict=True))
    if case == "calls that were cut away":
        assert answer.json()["message"]["content"] == "thanks"
        assert texts(live.last())[0] == ("user", "Result of an earlier call of a tool:\nnoon")
    if not offered:
        # The API wants to know the tools that were called; none may be called now.
        assert [each["name"] for each in live.last()["tools"]] == ["get_time", "get_weather"]
        assert live.last()["tool_choice"] == {"type": "none"}


@pytest.mark.line_by_line
def test_a_round_that_is_left_for_another_question_is_told_as_it_was(emptied: Running) -> None:
    live = emptied
    question = user("call get_time in Paris")
    answer = ask(live, [question], tools=TOOLS).json()["message"]
    live.until_idle()
    assert waiting(live) == 1
    # The client's user has changed his mind: the calls are never answered.
    ask(live, [user("echo: something else")], tools=TOOLS)
    assert texts(live.last()) == [("user", "echo: something else")]
    live.until_idle()
    assert waiting(live) == 1
    ask(live, [question, answer, {"role": "tool", "content": "noon"}], tools=TOOLS)
    assert told(live) == ["text", "text", "tool_use", "tool_result"]
    live.until_idle()
    assert waiting(live) == 0
