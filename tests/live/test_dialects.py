"""One conversation in all dialects, one after the other, over the real CLI: it goes on live."""

import json
from typing import Any

from tests.support.chatting import Messages, process_of, texts, user
from tests.support.running import Running
from tests.support.tools import CITY, numbered

FUNCTION = {"name": "get_time", "description": "The time.", "parameters": CITY}
NESTED = [{"type": "function", "function": FUNCTION}]
FLAT = [{"type": "function", **FUNCTION}]
CLAUDES = [{"name": "get_time", "description": "The time.", "input_schema": CITY}]


def post(running: Running, path: str, **fields: Any) -> Any:
    with running.client() as client:
        response = client.post(path, json={"model": "sonnet", "stream": False, **fields})
    assert response.status_code == 200, response.text
    running.until_idle()
    return response.json()


def over_chat(running: Running, messages: Messages) -> str:
    return str(post(running, "/api/chat", messages=messages)["message"]["content"])


def over_messages(running: Running, messages: Messages) -> str:
    [block] = post(running, "/v1/messages", messages=messages, max_tokens=1000)["content"]
    return str(block["text"])


def over_completions(running: Running, messages: Messages) -> str:
    [choice] = post(running, "/v1/chat/completions", messages=messages)["choices"]
    return str(choice["message"]["content"])


def over_responses(running: Running, messages: Messages) -> str:
    [item] = post(running, "/v1/responses", input=messages)["output"]
    return str(item["content"][0]["text"])


def test_a_conversation_goes_on_live_in_another_dialect(live: Running) -> None:
    messages: Messages = []
    before = len(live.sent())
    for say in (over_chat, over_messages, over_completions, over_responses):
        messages.append(user(f"{say.__name__}: how many messages are there?"))
        messages.append({"role": "assistant", "content": say(live, messages)})
    bodies = [request.body for request in live.sent()[before:]]
    assert len(bodies) == 4
    assert len({process_of(body) for body in bodies}) == 1
    assert texts(bodies[-1]) == [(message["role"], message["content"]) for message in messages[:-1]]


def test_a_round_of_calls_goes_on_live_in_another_dialect(live: Running) -> None:
    asked = user("dialects: call get_time in Paris")
    answer = post(live, "/v1/messages", messages=[asked], max_tokens=1000, tools=CLAUDES)
    said, call = answer["content"]
    arguments = json.dumps(call["input"])
    calls = [{"id": call["id"], "type": "function", "function": {"name": "get_time", "arguments": arguments}}]
    messages = [
        asked,
        {"role": "assistant", "content": said["text"], "tool_calls": calls},
        {"role": "tool", "tool_call_id": call["id"], "content": "noon"},
    ]
    [choice] = post(live, "/v1/chat/completions", messages=messages, tools=NESTED)["choices"]
    text = choice["message"]["content"]
    assert "noon" in text
    items = [
        asked,
        {"role": "assistant", "content": said["text"]},
        {"type": "function_call", "call_id": call["id"], "name": "get_time", "arguments": arguments},
        {"type": "function_call_output", "call_id": call["id"], "output": "noon"},
        {"role": "assistant", "content": text},
        user("and?"),
    ]
    post(live, "/v1/responses", input=items, tools=FLAT)
    bodies = [request.body for request in live.sent()[-3:]]
    assert len({process_of(body) for body in bodies}) == 1
    assert [block["type"] for message in numbered(bodies[-1]) for block in message["content"]] == [
        "text",
        "text",
        "tool_use",
        "tool_result",
        "text",
        "text",
    ]
