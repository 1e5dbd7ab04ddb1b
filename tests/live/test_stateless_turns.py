"""Any idle process answers any request, and the API gets the request's own bytes."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import ask, assistant, chat, png, process_of, system, texts, thoughts, user
from tests.support.running import Running
from tests.support.tools import TOOLS

BUDGET_MODEL = "claude-sonnet-4-5"


@pytest.fixture
def alone(make_daemon: MakeDaemon) -> Iterator[Running]:
    """A daemon with one process at a time, none of them a spare."""
    running = make_daemon(settings={"spares": "0"})
    yield running
    assert all(request.error is None for request in running.sent())


def unmarked(body: dict[str, Any]) -> dict[str, Any]:
    """What has to be equal of equal requests: all but cache marks and ids."""
    whole = json.loads(json.dumps(body))
    for name in ("metadata", "diagnostics"):
        whole.pop(name, None)
    for message in (*whole["messages"], {"content": whole["system"]}):
        for block in message["content"]:
            block.pop("cache_control", None)
    return dict(whole)


def test_one_process_serves_many_conversations_system_prompts_and_tools_one_request_each(alone: Running) -> None:
    chat(alone, [system("One."), user("a"), assistant("b"), user("c")])
    alone.until_idle()
    chat(alone, [system("Two."), user("hello")], model="opus", tools=TOOLS)
    alone.until_idle()
    chat(alone, [system("Three."), user("x")])
    bodies = [request.body for request in alone.sent()]
    assert [texts(body) for body in bodies] == [
        [("user", "a"), ("assistant", "b"), ("user", "c")],
        [("user", "hello")],
        [("user", "x")],
    ]
    assert [body["system"][1]["text"] for body in bodies] == ["One.", "Two.", "Three."]
    assert [len(body["tools"]) for body in bodies] == [0, len(TOOLS), 0]
    assert len({process_of(body) for body in bodies}) == 1


def test_a_request_without_a_system_prompt_never_gets_an_earlier_one(alone: Running) -> None:
    chat(alone, [system("SECRET"), user("a")])
    alone.until_idle()
    chat(alone, [user("b")])
    assert "SECRET" not in json.dumps(alone.last())
    assert len(alone.last()["system"]) == 1


def test_system_messages_in_the_middle_stay_there(alone: Running) -> None:
    talk = [system("Head."), user("a"), assistant("b"), system("Now in French."), user("c")]
    chat(alone, talk)
    assert [message["role"] for message in alone.last()["messages"]] == ["user", "assistant", "user", "system"]
    assert [block["text"] for block in alone.last()["system"]][1:] == ["Head."]
    chat(alone, talk, model=BUDGET_MODEL)
    assert texts(alone.last())[0] == ("user", "a")
    assert (
        alone.last()["messages"][-1]["content"][-1]["text"] == "<system-reminder>\nNow in French.\n</system-reminder>"
    )


def test_a_tool_round_goes_on_on_another_process_with_its_thinking(alone: Running) -> None:
    question = user('[simulate: tool get_time {"city": "Rome"} think=3]')
    answer = ask(alone, [question], tools=TOOLS, think=True).json()["message"]
    first = process_of(alone.last())
    alone.until_idle()

    async def renew() -> None:
        alone.daemon.pool.renew()

    alone.run(renew())
    alone.until(lambda: not alone.daemon.pool.processes, "without processes")
    talk = [question, answer, {"role": "tool", "tool_name": "get_time", "content": "noon"}]
    assert "noon" in chat(alone, talk, tools=TOOLS, think=True)
    assert process_of(alone.last()) != first
    assert thoughts(alone.last()) == 1
    # An edit before the thinking makes it another conversation's: it stays out, and nothing is refused.
    talk[0] = user('edited [simulate: tool get_time {"city": "Rome"} think=3]')
    chat(alone, talk, tools=TOOLS, think=True)
    assert thoughts(alone.last()) == 0


def test_ten_calls_come_back_with_pictures_and_errors(alone: Running) -> None:
    calls = " ".join(f'get_time {{"city": "{number}"}}' for number in range(10))
    answer = ask(alone, [user(f"[simulate: tool {calls}]")], tools=TOOLS).json()["message"]
    assert len(answer["tool_calls"]) == 10
    assert len(alone.sent()) == 1
    blocks: list[dict[str, Any]] = []
    for number, call in enumerate(answer["tool_calls"]):
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(2, 2)}}
        content = [{"type": "text", "text": str(number)}, *([picture] if number == 3 else [])]
        blocks.append({"type": "tool_result", "tool_use_id": call["id"], "content": content, "is_error": number == 7})
    uses = [
        {"type": "tool_use", "id": call["id"], "name": "get_time", "input": call["function"]["arguments"]}
        for call in answer["tool_calls"]
    ]
    messages = [
        {"role": "user", "content": "ten"},
        {"role": "assistant", "content": uses},
        {"role": "user", "content": blocks},
    ]
    tools = [{"name": "get_time", "input_schema": {"type": "object"}}]
    with alone.client() as client:
        body = {"model": "sonnet", "max_tokens": 99, "messages": messages, "tools": tools}
        assert client.post("/v1/messages", json=body).status_code == 200
    results = alone.last()["messages"][-1]["content"]
    assert [block["tool_use_id"] for block in results] == [call["id"] for call in answer["tool_calls"]]
    assert [block["type"] for block in results[3]["content"]] == ["text", "image"]
    assert [bool(block.get("is_error")) for block in results] == [number == 7 for number in range(10)]


def test_commands_and_mentions_are_nothing_but_text(alone: Running) -> None:
    for text in ("/cost", "/clear", "see @/etc/hostname"):
        chat(alone, [user(text)])
        assert texts(alone.last()) == [("user", text)]
        alone.until_idle()


def test_random_conversations_never_mix_and_equal_ones_are_equal(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"spares": "0", "max_processes": "3"})
    source = random.Random(16)
    talks: list[list[dict[str, Any]]] = [[user(f"talk{number} begins")] for number in range(4)]
    seen: dict[str, dict[str, Any]] = {}
    for step in range(60):
        number = source.randrange(len(talks))
        talk = talks[number]
        match source.choice(["go on", "edit", "again", "system"]):
            case "go on":
                talk += [assistant(f"talk{number} said {step}"), user(f"talk{number} asks {step}")]
            case "edit":
                del talk[1:]
                talk[0] = user(f"talk{number} edited {step}")
            case "system" if talk[0]["role"] != "system":
                talk.insert(0, system(f"talk{number} system"))
            case _:
                pass
        before = len(running.sent())
        chat(running, talk)
        assert len(running.sent()) == before + 1
        body = unmarked(running.last())
        words = json.dumps([body["messages"], body["system"]])
        assert not [other for other in range(len(talks)) if other != number and f"talk{other}" in words]
        assert seen.setdefault(json.dumps(talk), body) == body


def test_broken_arguments_are_an_error_and_cost_one_request(alone: Running) -> None:
    with alone.client() as client:
        body = {"model": "sonnet", "messages": [user("[simulate: tool get_time {} broken=1]")], "tools": TOOLS}
        answer = client.post("/api/chat", json={**body, "stream": False})
    assert answer.status_code == 502
    assert 'called the tool "get_time" with arguments that' in answer.json()["error"]
    alone.until_idle()
    assert len(alone.sent()) == 1
    chat(alone, [user("go on")])
    assert texts(alone.last()) == [("user", "go on")]
