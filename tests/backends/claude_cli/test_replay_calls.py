"""Calls and their results in a conversation: as blocks, by whom they are named, and what can be taken back."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.backends.claude_cli.replay import Recalled, make_script, size_of
from proxy.backends.claude_cli.tools import Naming
from proxy.core.request import ChatRequest, Message, Part, Text, Thought, ToolCall, ToolResult
from tests.backends.claude_cli.messages import (
    MODEL,
    PAPER,
    PICTURE,
    TARGET,
    lines,
    message,
    script,
    telling,
    text,
    told,
)

CALL = ToolCall("call_1", "add", {"b": 7, "a": 5})
CALLED = message("a", "I add.", CALL)
TWELVE = ToolResult("call_1", (Text("12"),))
BLOCK = {"type": "tool_use", "id": "call_1", "name": "add", "input": {"b": 7, "a": 5}}
DONE = {"tool_use_id": "call_1", "type": "tool_result", "content": [text("12")]}
QUESTION = message("u", "5 + 7?")


def blocks(*parts: Part | str) -> list[dict[str, Any]]:
    return script(message("u", "hi")).content(message("u", *parts))


[PICTURED], [PAPERED] = blocks(PICTURE), blocks(PAPER)


def result(*parts: Any, error: bool = False) -> ToolResult:
    return ToolResult("call_1", parts, error)


def failed(words: str) -> dict[str, Any]:
    return {"type": "tool_result", "content": words, "is_error": True, "tool_use_id": "call_1"}


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((result(Text("12")),), [DONE]),
        ((result(Text("12"), Text(" \n"), Text("13")),), [{**DONE, "content": [text("12"), text("13")]}]),
        ((result(),), [{**DONE, "content": []}]),
        ((result(Text("")),), [{**DONE, "content": []}]),
        ((result(Text("See"), PICTURE, PAPER),), [{**DONE, "content": [text("See"), PICTURED, PAPERED]}]),
        ((result(Text("gone"), error=True),), [failed("gone")]),
        ((result(Text("gone"), Text("again"), error=True),), [failed("gone\nagain")]),
        ((result(error=True),), [failed("")]),
        ((result(Text("gone"), PICTURE, error=True), "And?"), [failed("gone"), text("And?"), PICTURED]),
        (
            (TWELVE, ToolResult("call_2", (Text("13"),))),
            [DONE, {**DONE, "tool_use_id": "call_2", "content": [text("13")]}],
        ),
        ((TWELVE, "And?", PICTURE), [DONE, text("And?"), PICTURED]),
    ],
)
def test_results_are_the_blocks_that_the_cli_itself_would_make(
    parts: tuple[Part | str, ...], content: list[dict[str, Any]]
) -> None:
    assert blocks(*parts) == content


def test_a_round_of_calls_is_told_in_its_order() -> None:
    made = script(QUESTION, CALLED, message("u", TWELVE))
    assert told(telling(made)) == [
        ("user", [text("5 + 7?")]),
        ("assistant", [text("I add."), BLOCK]),
        ("user", [DONE]),
    ]


def test_the_arguments_keep_the_order_of_their_keys() -> None:
    assert list(blocks(CALL)[0]["input"]) == ["b", "a"]


@pytest.mark.parametrize("naming", [Naming("mcp__client__"), Naming(reserved=frozenset({"add"}))])
def test_calls_have_the_names_that_the_api_knows(naming: Naming) -> None:
    request = ChatRequest("sonnet", (QUESTION, CALLED, message("u", TWELVE)))
    [(_, _), (_, content), (_, _)] = told(telling(make_script(request, TARGET, naming)))
    assert content[1]["name"] == naming.api_name("add") != "add"


@pytest.mark.parametrize(
    ("thought", "block"),
    [
        (Thought("Hm", "c2ln"), {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}),
        (Thought(redacted="eA=="), {"type": "redacted_thinking", "data": "eA=="}),
    ],
)
def test_thoughts_that_a_client_sends_back_are_told_as_such(thought: Thought, block: dict[str, str]) -> None:
    assert blocks(thought, "So.") == [block, text("So.")]


# Taking back


ROUND = (QUESTION, CALLED, message("u", TWELVE))
SECOND = (message("a", ToolCall("call_2", "add")), message("u", ToolResult("call_2")))


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        (ROUND, [0]),
        ((*ROUND, *SECOND), [0]),
        ((*ROUND, message("a", "12."), message("u", "And 6 + 7?")), [0, 2]),
        ((*ROUND, message("a", "12."), *ROUND), [0, 2]),
        ((*ROUND[:2], message("u", TWELVE, "And?")), [0]),
        ((*ROUND, message("u", "And?")), [0, 2]),
    ],
)
def test_results_are_taken_back_with_the_question_before_the_calls(messages: list[Message], turns: list[int]) -> None:
    spoken = telling(script(*messages))
    asked = [line["uuid"] for line in lines(spoken) if line["type"] == "user"]
    assert spoken.turns == tuple(asked[index] for index in turns)
    assert spoken.uuid == asked[-1]


def test_a_process_that_holds_the_calls_hears_their_results_alone() -> None:
    made = script(*ROUND)
    spoken = telling(made, len(made.history))
    assert told(spoken) == [("user", [DONE])]
    assert spoken.turns == ()


@pytest.mark.parametrize(
    ("messages", "start"),
    [
        (ROUND, 0),
        ((*ROUND, *SECOND), 0),
        ((message("u", "Hi"), message("a", "Hello."), *ROUND), 2),
        ((message("u", "Hi"), message("a", "Hello."), *ROUND, *SECOND), 2),
        ((message("a", "Hello."), *ROUND), 1),
        ((message("u", "Hi"), message("u", "again"), *ROUND[1:]), 1),
        ((*ROUND, message("a", "12."), message("u", "And?"), message("a", "13.")), 4),
    ],
)
def test_a_round_starts_with_the_last_question(messages: tuple[Message, ...], start: int) -> None:
    asked = messages if messages[-1].role == "user" else (*messages, message("u", "Why?"))
    assert script(*asked).round_start == start


# Results alone, or with something else


@pytest.mark.parametrize(
    ("asked", "results"),
    [
        ((message("u", TWELVE),), (TWELVE,)),
        ((message("u", TWELVE, " \n"),), (TWELVE,)),
        ((message("u", TWELVE, ToolResult("call_2")),), (TWELVE, ToolResult("call_2"))),
        ((message("u", TWELVE), message("u", ToolResult("call_2"))), (TWELVE, ToolResult("call_2"))),
        ((message("u", TWELVE, "And?"),), None),
        ((message("u", TWELVE), message("u", "And?")), None),
        ((message("u", TWELVE, PICTURE),), None),
        ((message("u", "And?"),), None),
    ],
)
def test_results_are_alone_when_nothing_else_is_asked(
    asked: tuple[Message, ...], results: tuple[ToolResult, ...] | None
) -> None:
    assert script(QUESTION, CALLED, *asked).results == results


# Answers as the API gave them


def test_an_answer_that_is_remembered_is_told_as_the_api_gave_it() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    plain = script(*ROUND)
    made = replace(plain, recalled={1: Recalled("claude-y", (thought, text("I add."), BLOCK))})
    spoken = telling(made)
    assert told(spoken)[1] == ("assistant", [thought, text("I add."), BLOCK])
    assert [line["message"].get("model") for line in lines(spoken)] == [None, "claude-y", None]
    assert lines(telling(plain))[1]["message"]["model"] == MODEL


# Size


@pytest.mark.parametrize(
    "parts",
    [
        ("abc", PICTURE),
        (ToolCall("call_1", "add", {"a": "x" * 500_000}),),
        (ToolCall("call_1", "add", {"a": [[[]] * 5000]}),),
        (result(Text("x" * 500_000)),),
        (result(PICTURE),) * 5000,
        (ToolCall("call_1", "add"),) * 5000,
        (Thought("abc", "c2ln"), Thought(redacted="e" * 500_000)),
    ],
)
def test_what_takes_long_to_tell_counts_as_large(parts: tuple[Part | str, ...]) -> None:
    small = parts == ("abc", PICTURE)
    assert (size_of([message("u", *parts)]) < 256 << 10) is small
