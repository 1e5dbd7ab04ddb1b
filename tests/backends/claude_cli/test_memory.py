"""Answers are remembered as the API gave them: where they stood, or by their calls, and only for who asked."""

import json
from typing import Any

import pytest

from proxy.backends.claude_cli.conversations import after, begun
from proxy.backends.claude_cli.memory import MOST_BYTES, Memory
from proxy.backends.claude_cli.replay import Recalled, make_script, thinks
from proxy.backends.claude_cli.tools import PREFIX, Naming
from proxy.core.contracts import Target, Thinking
from proxy.core.request import Caller, ChatRequest, Message, Part, Text, Thought, ToolCall, ToolResult
from tests.backends.claude_cli.messages import MODEL, TARGET, message, script, text

ANN = Caller("ann")
QUESTION = message("u", "5 + 7?")
MORE = message("u", "And now?")
THOUGHT = {"type": "thinking", "thinking": "Let me add.", "signature": "c2ln"}


def call_block(call: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": "add", "input": arguments}


def results(*calls: str) -> Message:
    return message("u", *(ToolResult(call, (Text("12"),)) for call in calls))


CALLS = Recalled(MODEL, (THOUGHT, text("I add."), call_block("toolu_1", a=5)))
CALLED = message("a", "I add.", ToolCall("toolu_1", "add", {"a": 5}))
ANSWER = Recalled(MODEL, (THOUGHT, text("12.")))
ANSWERED = message("a", "12.")


def keep(
    memory: Memory, answer: Message, given: Recalled, *asked: Message, caller: Caller = ANN, target: Target = TARGET
) -> None:
    """Have `memory` keep what was given to the messages `asked`."""
    made = script(*asked, target=target)
    memory.keep(after(begun(made, caller, target), made, answer), answer, given, made.naming)


def recalled(memory: Memory, *messages: Message, caller: Caller = ANN, target: Target = TARGET) -> dict[int, Recalled]:
    """What `memory` knows of the answers in a conversation, by their place in its history."""
    made = script(*messages, target=target)
    return dict(memory.recalled(made, begun(made, caller, target)).recalled)


def test_a_memory_without_answers_leaves_a_script_as_it_is() -> None:
    made = script(QUESTION, CALLED, results("toolu_1"))
    assert Memory().recalled(made, begun(made, ANN, TARGET)) == made


@pytest.mark.parametrize(
    ("answer", "given", "following"),
    [(CALLED, CALLS, results("toolu_1")), (ANSWERED, ANSWER, MORE)],
    ids=["calls", "an answer after thinking"],
)
def test_an_answer_is_found_where_it_stood(answer: Message, given: Recalled, following: Message) -> None:
    memory = Memory()
    keep(memory, answer, given, QUESTION)
    assert recalled(memory, QUESTION, answer, following) == {1: given}


def test_every_answer_of_a_conversation_is_found() -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    keep(memory, ANSWERED, ANSWER, QUESTION, CALLED, results("toolu_1"))
    assert recalled(memory, QUESTION, CALLED, results("toolu_1"), ANSWERED, MORE) == {1: CALLS, 3: ANSWER}


@pytest.mark.parametrize("system", ["Be brief.", ""])
def test_neither_the_system_prompt_nor_the_effort_hides_an_answer(system: str) -> None:
    memory = Memory()
    keep(memory, ANSWERED, ANSWER, message("s", "Be kind."), QUESTION)
    target = Target(MODEL, thinking=Thinking("adaptive", effort="high"))
    assert recalled(memory, message("s", system), QUESTION, ANSWERED, MORE, target=target) == {1: ANSWER}


def test_calls_are_found_by_their_ids_where_the_conversation_was_edited_before_them() -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    assert recalled(memory, message("u", "Five and seven?"), CALLED, results("toolu_1")) == {1: CALLS}


def test_an_answer_without_calls_is_not_found_in_another_conversation() -> None:
    memory = Memory()
    keep(memory, ANSWERED, ANSWER, QUESTION)
    assert recalled(memory, message("u", "Five and seven?"), ANSWERED, MORE) == {}


def test_calls_whose_ids_did_not_come_back_are_found_and_their_results_get_the_ids() -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    sent_back = message("a", "I add.", ToolCall("made_up", "add", {"a": 5}))
    made = script(QUESTION, sent_back, results("made_up"))
    found = memory.recalled(made, begun(made, ANN, TARGET))
    assert dict(found.recalled) == {1: CALLS}
    assert found.asked == (results("toolu_1"),)


@pytest.mark.parametrize(
    "asked_by", [{"caller": Caller("bob")}, {"caller": Caller()}, {"target": Target("claude-y")}], ids=repr
)
def test_an_answer_is_not_for_another_caller_or_model(asked_by: dict[str, Any]) -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    assert recalled(memory, QUESTION, CALLED, results("toolu_1"), **asked_by) == {}


@pytest.mark.parametrize(
    "parts",
    [
        ("I'll add.", ToolCall("toolu_1", "add", {"a": 5})),
        (ToolCall("toolu_1", "add", {"a": 5}),),
        ("I add.", ToolCall("toolu_1", "add", {"a": 6})),
    ],
    ids=["other words", "no words", "other arguments"],
)
def test_where_the_words_came_back_otherwise_they_count_behind_the_thoughts(parts: tuple[Part | str, ...]) -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    sent_back = message("a", *parts)
    made = script(QUESTION, sent_back, results("toolu_1"))
    assert recalled(memory, QUESTION, sent_back, results("toolu_1")) == {
        1: Recalled(MODEL, (THOUGHT, *made.content(sent_back)))
    }


def test_thoughts_that_came_back_themselves_are_not_told_twice() -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    call = ToolCall("toolu_1", "add", {"a": 5})
    for words in ("I add.", "I'll add."):
        sent_back = message("a", Thought("Let me add.", "c2ln"), words, call)
        [found] = recalled(memory, QUESTION, sent_back, results("toolu_1")).values()
        assert found.blocks == (THOUGHT, text(words), call_block("toolu_1", a=5))


def test_under_other_names_of_the_tools_the_calls_are_told_anew_behind_the_thoughts() -> None:
    memory = Memory()
    keep(memory, CALLED, CALLS, QUESTION)
    made = make_script(ChatRequest("x", (QUESTION, CALLED, results("toolu_1")), ANN), TARGET, Naming(PREFIX))
    found = memory.recalled(made, begun(made, ANN, TARGET)).recalled[1]
    assert [block.get("name") for block in found.blocks] == [None, None, f"{PREFIX}add"]
    assert found.blocks[0] == THOUGHT


def test_words_alone_are_not_kept_since_every_client_sends_them_back() -> None:
    memory = Memory()
    keep(memory, ANSWERED, Recalled(MODEL, (text("12."),)), QUESTION)
    assert recalled(memory, QUESTION, ANSWERED, MORE) == {}


def test_neighbouring_answers_were_never_given_like_that() -> None:
    memory = Memory()
    keep(memory, ANSWERED, ANSWER, QUESTION)
    assert recalled(memory, QUESTION, ANSWERED, message("a", "I am sure."), MORE) == {}
    assert recalled(memory, QUESTION, message("a", "So:"), ANSWERED, MORE) == {}


def test_neighbouring_questions_are_one() -> None:
    memory = Memory()
    keep(memory, ANSWERED, ANSWER, message("u", "5"), message("u", "+ 7?"))
    assert recalled(memory, message("u", "5"), message("u", "+ 7?"), ANSWERED, MORE) == {2: ANSWER}
    assert recalled(memory, message("u", "5", "+ 7?"), ANSWERED, MORE) == {1: ANSWER}


def test_the_same_conversation_kept_twice_has_the_last_answer() -> None:
    memory = Memory()
    other = Recalled(MODEL, ({"type": "redacted_thinking", "data": "eA=="}, text("12.")))
    keep(memory, ANSWERED, ANSWER, QUESTION)
    keep(memory, ANSWERED, other, QUESTION)
    assert recalled(memory, QUESTION, ANSWERED, MORE) == {1: other}


# Room


def question(number: int) -> Message:
    return message("u", f"question {number}")


def size(given: Recalled) -> int:
    return len(json.dumps(given.blocks))


def kept(memory: Memory, count: int) -> list[int]:
    """Which of the questions' answers are still known, the least recently used first."""
    return [number for number in range(count) if recalled(memory, question(number), ANSWERED, MORE)]


def test_what_was_not_used_for_longest_makes_room() -> None:
    memory = Memory(3 * size(ANSWER))
    for number in range(3):
        keep(memory, ANSWERED, ANSWER, question(number))
    assert recalled(memory, question(0), ANSWERED, MORE) == {1: ANSWER}
    keep(memory, ANSWERED, ANSWER, question(3))
    assert kept(memory, 4) == [0, 2, 3]


def test_an_answer_that_is_kept_again_takes_no_more_room() -> None:
    memory = Memory(2 * size(ANSWER))
    for number in (0, 1, 1, 1):
        keep(memory, ANSWERED, ANSWER, question(number))
    assert kept(memory, 2) == [0, 1]


def test_a_large_answer_drives_out_as_many_as_it_takes_and_one_too_large_none() -> None:
    memory = Memory(3 * size(ANSWER))
    for number in range(3):
        keep(memory, ANSWERED, ANSWER, question(number))
    large = {**THOUGHT, "thinking": "x" * size(ANSWER)}
    keep(memory, ANSWERED, Recalled(MODEL, (large,) * 9), question(3))
    assert kept(memory, 4) == [0, 1, 2]
    keep(memory, ANSWERED, Recalled(MODEL, (large,)), question(4))
    assert kept(memory, 5) == [2, 4]


def test_calls_that_make_room_are_not_found_by_their_ids_either() -> None:
    memory = Memory(size(CALLS))
    keep(memory, CALLED, CALLS, QUESTION)
    keep(memory, ANSWERED, ANSWER, question(1))
    assert recalled(memory, QUESTION, CALLED, results("toolu_1")) == {}
    assert recalled(memory, message("u", "Five and seven?"), CALLED, results("toolu_1")) == {}


def test_there_is_room_for_many_answers() -> None:
    assert size(CALLS) * 1000 < MOST_BYTES


@pytest.mark.parametrize(
    ("blocks", "thinking"),
    [
        ((THOUGHT, text("12.")), True),
        (({"type": "redacted_thinking", "data": "eA=="},), True),
        ((text("12."), call_block("toolu_1")), False),
        ((), False),
    ],
)
def test_an_answer_says_whether_it_holds_thoughts(blocks: tuple[dict[str, Any], ...], thinking: bool) -> None:
    assert thinks(blocks) is thinking
