"""Conversations with calls: what makes two of them one, and that results go on where their calls are held."""

from dataclasses import replace

import pytest

from proxy.backends.claude_cli.conversations import Conversation, after, begun
from proxy.core.request import Caller, Message, Text, Thought, ToolCall, ToolResult
from tests.backends.claude_cli.messages import PICTURE, TARGET, message, script

QUESTION = message("u", "5 + 7?")
MORE = message("u", "And now?")


def call(call_id: str = "call_1", name: str = "add", **arguments: object) -> ToolCall:
    return ToolCall(call_id, name, arguments)


def result(*texts: str, call_id: str = "call_1", error: bool = False) -> ToolResult:
    return ToolResult(call_id, tuple(map(Text, texts)), error)


def held(*messages: Message) -> Conversation:
    """What a process must hold to answer a question after `messages`."""
    return begun(script(*messages, MORE), Caller(), TARGET)


CALLED = message("a", "I add.", call(a=5, b=7))
DONE = message("u", result("12"))
END = message("a", "12.")
BASE = (QUESTION, CALLED, DONE, END)


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((QUESTION, message("a", "I add.", call(b=7, a=5)), DONE, END), id="keys in another order"),
        pytest.param(
            (QUESTION, message("a", "I add.", call("x", a=5, b=7)), message("u", result("12", call_id="x")), END),
            id="other ids",
        ),
        pytest.param(
            (QUESTION, message("a", "I add.", call("", a=5, b=7)), message("u", result("12", call_id="")), END),
            id="no ids",
        ),
        pytest.param((QUESTION, CALLED, message("u", replace(result("12"), name="add")), END), id="the tool is named"),
        pytest.param((QUESTION, CALLED, message("u", result("12", " \n")), END), id="a blank more"),
        pytest.param(
            (QUESTION, message("a", Thought("Hm", "c2ln"), "I add.", call(a=5, b=7)), DONE, END),
            id="with thoughts",
        ),
    ],
)
def test_what_not_every_client_sends_back_does_not_count(messages: tuple[Message, ...]) -> None:
    assert held(*messages) == held(*BASE)


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((QUESTION, message("a", "I add.", call(a=5, b=8)), DONE, END), id="another argument"),
        pytest.param((QUESTION, message("a", "I add.", call(a=5)), DONE, END), id="an argument less"),
        pytest.param((QUESTION, message("a", "I add.", call(a="5", b=7)), DONE, END), id="an argument of another type"),
        pytest.param((QUESTION, message("a", "I add.", call(name="sub", a=5, b=7)), DONE, END), id="another tool"),
        pytest.param((QUESTION, message("a", call(a=5, b=7), "I add."), DONE, END), id="the words behind the call"),
        pytest.param((QUESTION, message("a", "I add."), DONE, END), id="no call"),
        pytest.param((QUESTION, CALLED, message("u", result("13")), END), id="another result"),
        pytest.param((QUESTION, CALLED, message("u", result("1", "2")), END), id="a result in two parts"),
        pytest.param((QUESTION, CALLED, message("u", result("12", error=True)), END), id="an error"),
        pytest.param((QUESTION, CALLED, message("u", result()), END), id="an empty result"),
        pytest.param((QUESTION, CALLED, message("u", result("12"), "And?"), END), id="a question behind the result"),
        pytest.param((QUESTION, CALLED, message("u", "12"), END), id="words in place of the result"),
        pytest.param(
            (QUESTION, CALLED, message("u", ToolResult("call_1", (Text("12"), PICTURE))), END), id="a picture more"
        ),
    ],
)
def test_conversations_whose_calls_or_results_differ_are_two(messages: tuple[Message, ...]) -> None:
    assert held(*messages) != held(*BASE)


def test_which_result_is_which_calls_is_said_by_their_order() -> None:
    calls = message("a", call("call_1"), call("call_2"))
    first = message("u", result("1"), result("2", call_id="call_2"))
    swapped = message("u", result("2"), result("1", call_id="call_2"))
    assert held(QUESTION, calls, first, END) != held(QUESTION, calls, swapped, END)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((result("a"), result("b")), (result("a", "b"),)),
        ((result(), "text", "a"), (result("a"),)),
        ((result("a"), "b"), (result("a", "b"),)),
    ],
)
def test_results_that_only_look_alike_are_two(one: tuple[str | ToolResult], other: tuple[str | ToolResult]) -> None:
    assert held(QUESTION, CALLED, message("u", *one), END) != held(QUESTION, CALLED, message("u", *other), END)


@pytest.mark.parametrize("sent_back", [CALLED, message("a", "I add.", call("other", b=7, a=5))])
def test_results_go_on_where_the_calls_are_held(sent_back: Message) -> None:
    asked = script(QUESTION)
    waits = after(begun(asked, Caller(), TARGET), asked, CALLED)
    with_results = script(QUESTION, sent_back, DONE)
    assert begun(with_results, Caller(), TARGET) == waits
    answered = after(waits, with_results, END)
    assert answered == held(*BASE)
    assert (waits.answers, answered.answers) == (1, 2)
