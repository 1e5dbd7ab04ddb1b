"""Rounds of calls over the real CLI: gone on with live, replayed, elsewhere; asserted on what reached the API."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.chatting import Messages, ask, assistant, png, process_of, unload, user
from tests.support.children import wait_until_none
from tests.support.running import Running, running_daemon
from tests.support.tools import TOOLS, WAYS, Talk, ask_client, numbered, results, waiting, whole

OLDER = "claude-sonnet-4-5"
THREE = "call get_weather, get_time and find_hotels in Paris"
PARIS = {"city": "Paris"}


@pytest.fixture
def live(emptied: Running) -> Running:
    return emptied


@pytest.mark.line_by_line
@pytest.mark.parametrize("way", WAYS)
def test_a_round_of_three_calls_and_another_one_go_on_in_one_process(live: Running, way: str) -> None:
    talk = Talk(live, way)
    first = talk.say(THREE)
    assert first.called == [("get_weather", PARIS), ("get_time", PARIS), ("find_hotels", PARIS)]
    assert first.reason == ("stop" if way.startswith("ollama") else "tool_calls")
    assert waiting(live) == 1
    second = talk.give("sunny", "noon", "Ritz")
    assert all(word in second.text for word in ("sunny", "noon", "Ritz"))
    assert waiting(live) == 0
    assert talk.say("call get_time in Rome").called == [("get_time", {"city": "Rome"})]
    assert "evening" in talk.give("evening").text

    bodies = [request.body for request in live.sent()[-4:]]
    assert len({process_of(body) for body in bodies}) == 1
    assert numbered(bodies[-1]) == talk.told[:-1]
    unload(live)
    talk.again()
    assert whole(live.last()) == whole(bodies[-1])
    assert live.last()["tools"] == bodies[0]["tools"]


@pytest.mark.parametrize(("way", "together"), [("ollama", False), ("openai, streamed", True)])
def test_a_round_goes_on_after_a_restart_and_on_another_machine(tmp_path: Path, way: str, together: bool) -> None:
    talk = None
    with ExitStack() as stack:
        for name in ("first", "second"):
            folder = tmp_path / name
            with ExitStack() as alone:
                running = (stack if together else alone).enter_context(running_daemon(folder, settings={"spares": "0"}))
                if talk is None:
                    talk = Talk(running, way)
                    talk.say(THREE)
                    continue
                talk.running = running
                assert "Ritz" in talk.give("sunny", "noon", "Ritz").text
                assert numbered(running.last()) == talk.told[:-1]
                assert len(running.sent()) == 1
                # From here on it is this one's conversation.
                talk.say("call get_time in Rome")
                talk.give("evening")
                assert numbered(running.last()) == talk.told[:-1]
                assert process_of(running.last()) == process_of(running.sent()[0].body)
    wait_until_none(tmp_path)


@pytest.mark.line_by_line
def test_two_conversations_that_wait_are_answered_crosswise(live: Running) -> None:
    talks = [Talk(live, "ollama"), Talk(live, "openai, streamed")]
    asked = []
    for talk, city in zip(talks, ("Oslo", "Bern"), strict=True):
        talk.say(f"call get_weather and get_time in {city}")
        asked.append(process_of(live.last()))
    assert waiting(live) == 2
    for talk, process, weather in reversed(list(zip(talks, asked, ("snow", "fog"), strict=True))):
        assert weather in talk.give(weather, "noon").text
        assert numbered(live.last()) == talk.told[:-1]
        assert process_of(live.last()) == process
    assert waiting(live) == 0


def test_a_round_goes_on_after_an_edit_of_what_was_said_before_it(live: Running) -> None:
    talk = Talk(live)
    talk.say("my name is Ann")
    talk.say(THREE)
    for messages in (talk.messages, talk.told):
        messages[0]["content"] = "my name is Bob"
    talk.told[0]["content"] = [{"type": "text", "text": "my name is Bob"}]
    talk.give("sunny", "noon", "Ritz")
    assert numbered(live.last()) == talk.told[:-1]


def _without_ids(answer: dict[str, Any]) -> None:
    for call in answer["tool_calls"]:
        del call["id"]


def _with_sorted_keys(answer: dict[str, Any]) -> None:
    for call in answer["tool_calls"]:
        call["function"]["arguments"] = dict(sorted(call["function"]["arguments"].items()))


def _with_another_text(answer: dict[str, Any]) -> None:
    answer["content"] = "Hello."


CHANGES = {"none": lambda answer: None, "ids": _without_ids, "keys": _with_sorted_keys, "text": _with_another_text}


@pytest.mark.line_by_line
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("model", ["sonnet", OLDER])
def test_live_and_replayed_rounds_are_equal_with_their_thinking(live: Running, model: str, change: str) -> None:
    asked = f'{change} [simulate: tool get_time {{"z": 1, "a": [2]}} get_weather {{}} text="hi" think=3]'
    answer = ask(live, [user(asked)], model, tools=TOOLS, think=True).json()["message"]
    assert answer["thinking"] == "thought1 thought2 thought3"
    process = process_of(live.last())
    live.until_idle()
    CHANGES[change](answer)
    by_id = [{"role": "tool", "tool_call_id": call.get("id", "")} for call in answer["tool_calls"]]
    given = [{**by_id[1], "tool_name": "get_weather", "content": "fog"}, {**by_id[0], "content": "noon"}]
    messages = [user(asked), answer, *given]
    response = ask(live, messages, model, tools=TOOLS, think=True)
    assert "x-unsupported-options" not in response.headers
    first = live.last()
    live.until_idle()
    unload(live, model)
    ask(live, messages, model, tools=TOOLS, think=True)

    _, told, brought = (message for message in whole(first) if message["role"] != "system")
    assert whole(live.last()) == whole(first)
    thinking, text, *calls = told["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", answer["thinking"])
    assert thinking["signature"]
    assert text["text"] == answer["content"]
    assert [call["input"] for call in calls] == [{"z": 1, "a": [2]}, {}]
    if change != "keys":
        assert list(calls[0]["input"]) == ["z", "a"]
    assert [result["tool_use_id"] for result in brought["content"]] == [call["id"] for call in calls]
    assert [result["content"][0]["text"] for result in brought["content"]] == ["noon", "fog"]
    assert change == "text" or process_of(first) == process


def block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def result(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_result", "content": list(content)}


PICTURE = png(20, 10)
SHOWN = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
URL = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
JSON_TEXT = '{"b": [1, 2], "a": "\\u00e9 \u2028"}\n'
SENT: dict[str, tuple[Messages, Messages]] = {
    "text": ([{"content": "noon"}], [result(block("noon"))]),
    "JSON": ([{"content": JSON_TEXT}], [result(block(JSON_TEXT))]),
    "parts": ([{"content": [block("one"), block("two")]}], [result(block("one"), block("two"))]),
    "a picture": ([{"content": [block("seen"), URL]}], [result(block("seen"), SHOWN)]),
    "a picture alone": ([{"content": [URL]}], [result(SHOWN)]),
    "empty": ([{"content": ""}], [result()]),
    "300 kB": ([{"content": "word " * 60_000}], [result(block("word " * 60_000))]),
    "1 MB": ([{"content": "word " * 200_000}], [result(block("word " * 200_000))]),
    "words beside it": ([{"content": "noon"}, user("echo: and?")], [result(block("noon")), block("echo: and?")]),
    "none, but words": (
        [user("never mind")],
        [{**result(), "content": "No result was sent for this call.", "is_error": True}, block("never mind")],
    ),
}


@pytest.mark.parametrize("kind", SENT)
def test_results_of_every_kind_arrive_live_and_replayed(live: Running, kind: str) -> None:
    given, expected = SENT[kind]
    question = user(f"{kind}: call get_time in Paris")
    [call] = ask_client("openai", live, [question]).calls
    process = process_of(live.last())
    live.until_idle()
    function = {"name": call.name, "arguments": '{"city": "Paris"}'}
    said = {
        **assistant("Simulated answer: I will call get_time."),
        "tool_calls": [{"id": call.id, "function": function}],
    }
    messages = [question, said, *({"role": "tool", "tool_call_id": call.id, **each} for each in given)]
    before = len(live.sent())
    ask_client("openai", live, messages)
    assert results(live.last()) == expected
    assert process_of(live.last()) == process
    first = live.last()
    live.until_idle()
    unload(live)
    ask_client("openai", live, messages)
    assert whole(live.last()) == whole(first)
    assert len(live.sent()) == before + 2
    assert waiting(live) == 0


@pytest.mark.line_by_line
def test_a_conversation_that_begins_with_calls_takes_back_a_round(live: Running) -> None:
    """The client has cut off the beginning; what answers the second round cannot be given to the waiting process."""
    calls = [{"id": "one", "function": {"name": "get_time", "arguments": PARIS}}]
    messages: Messages = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "one", "content": "noon"},
        user('[simulate: tool get_weather {"city":"Rome"}]'),
    ]
    message = ask(live, messages, tools=TOOLS).json()["message"]
    live.until_idle()
    assert waiting(live) == 1
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": ""}]
    assert 'the tool returned ""' in ask(live, messages, tools=TOOLS).json()["message"]["content"]
    roles = [sent["role"] for sent in live.last()["messages"] if sent["role"] != "system"]
    assert roles == ["user", "assistant", "user", "assistant", "user"]


def test_a_result_that_is_long_for_the_cli_alone_arrives_whole(live: Running) -> None:
    talk = Talk(live)
    talk.say("call get_time in Paris")
    talk.give("😀" * 250_001)
    assert [block["content"][0]["text"] for block in results(live.last())] == ["😀" * 250_001]


@pytest.mark.parametrize("text", ["\ufeff", "\u0085x", "<persisted-output>\nx", "Error: x", "\r\n x \x00"])
def test_odd_results_arrive_as_they_are(live: Running, text: str) -> None:
    talk = Talk(live)
    talk.say("call get_time in Paris")
    talk.give(text)
    assert [block["content"] for block in results(live.last())] == [[{"type": "text", "text": text}]]
