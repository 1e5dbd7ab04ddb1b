"""Calls and their results in a conversation."""

import re

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Image, Message, Part, Text, ToolCall, ToolResult
from proxy.shape.rounds import paired

HELLO = Message("user", (Text("hello"),))
SYSTEM = Message("system", (Text("be brief"),))
PICTURE = Image("image/png", "AAAA")
NOTHING_SENT = (Text("No result was sent for this call."),)


def assistant(*parts: Part) -> Message:
    return Message("assistant", parts)


def user(*parts: Part) -> Message:
    return Message("user", parts)


def result(text: str, id: str = "", name: str = "") -> ToolResult:
    return ToolResult(id, (Text(text),), name=name)


def said(message: Message) -> list[tuple[str, str]]:
    """Which call was answered with what: the name and the text of each result."""
    return [
        (part.name, "".join(piece.text for piece in part.parts if isinstance(piece, Text)))
        for part in message.parts
        if isinstance(part, ToolResult)
    ]


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [part.id for message in messages for part in message.parts if isinstance(part, ToolCall)]


def refused(*messages: Message) -> tuple[int, str]:
    with pytest.raises(InvalidRequest) as caught:
        paired(messages)
    return caught.value.status, caught.value.message


@pytest.mark.parametrize("messages", [(), (HELLO,), (SYSTEM, HELLO, assistant(Text("a")), HELLO, HELLO)])
def test_a_conversation_without_tools_is_returned_as_it_is(messages: tuple[Message, ...]) -> None:
    assert paired(messages) is messages


def test_a_round_that_is_in_order_stays_as_it_is() -> None:
    messages = (
        SYSTEM,
        HELLO,
        assistant(Text("I look."), ToolCall("a", "f", {"x": 1}), ToolCall("b", "g")),
        user(ToolResult("a", (Text("1"), PICTURE), error=True, name="f"), result("2", "b", "g")),
        assistant(ToolCall("c", "f")),
        user(result("3", "c", "f"), Text("go on")),
    )
    assert paired(messages) == messages


def test_results_take_the_order_of_the_calls_and_go_before_the_rest_of_the_round() -> None:
    assert paired(
        (
            HELLO,
            assistant(ToolCall("a", "f"), ToolCall("b", "g")),
            user(Text("one"), result("2", "b")),
            SYSTEM,
            user(PICTURE, result("1", "a"), Text("two")),
            assistant(Text("fine")),
            HELLO,
        )
    ) == (
        HELLO,
        assistant(ToolCall("a", "f"), ToolCall("b", "g")),
        user(result("1", "a", "f"), result("2", "b", "g"), Text("one"), PICTURE, Text("two")),
        SYSTEM,
        assistant(Text("fine")),
        HELLO,
    )


def test_neighbouring_messages_of_the_assistants_are_one_round() -> None:
    calls = (assistant(ToolCall("a", "f")), assistant(Text("and")), assistant(ToolCall("b", "g")))
    assert paired((*calls, user(result("2", "b")), user(result("1", "a")))) == (
        *calls,
        user(result("1", "a", "f"), result("2", "b", "g")),
    )


@pytest.mark.parametrize(
    ("calls", "results", "answers"),
    [
        # By the id.
        ([("a", "f"), ("b", "f")], [result("2", "b"), result("1", "a")], ["1", "2"]),
        ([("a", "f"), ("b", "g")], [result("2", "b", "f"), result("1", "a", "g")], ["1", "2"]),
        ([("functions.f:0", "f"), ("b", "g")], [result("2", "b"), result("1", "functions.f:0")], ["1", "2"]),
        # The same id twice: in order.
        ([("a", "f"), ("a", "g")], [result("1", "a"), result("2", "a")], ["1", "2"]),
        # The client lost the ids of the calls: by the name, else by the order.
        ([("", "f"), ("", "g")], [result("2", "x", "g"), result("1", "y", "f")], ["1", "2"]),
        ([("", "f"), ("", "g")], [result("1", "x"), result("2", "y")], ["1", "2"]),
        # By the name, the first open call of several.
        ([("a", "f"), ("b", "g"), ("c", "f")], [result("2", name="g"), result("1", name="f")], ["1", "2", None]),
        ([("a", "f"), ("b", "f")], [result("1", name="f"), result("2", name="f")], ["1", "2"]),
        ([("a", "f"), ("b", "f")], [result("1", "a"), result("2", name="f")], ["1", "2"]),
        # An unknown name is the one call that is open.
        ([("a", "f")], [result("1", name="F")], ["1"]),
        ([("a", "f"), ("b", "g")], [result("2", "b"), result("1", name="x")], ["1", "2"]),
        # With neither: in order, whatever was answered already.
        ([("a", "f"), ("b", "g"), ("c", "h")], [result("1"), result("2"), result("3")], ["1", "2", "3"]),
        ([("a", "f"), ("b", "g"), ("c", "h")], [result("1", "a"), result("3", name="h"), result("2")], ["1", "2", "3"]),
        # An id is known among calls of which some have lost theirs.
        ([("", "f"), ("b", "g")], [result("2", "b"), result("1")], ["1", "2"]),
    ],
)
def test_a_result_finds_its_call(
    calls: list[tuple[str, str]], results: list[ToolResult], answers: list[str | None]
) -> None:
    asked = assistant(*(ToolCall(id, name) for id, name in calls))
    sent, answered = paired((asked, *map(user, results)))
    assert said(answered) == [
        (name, NOTHING_SENT[0].text if answer is None else answer)
        for (_, name), answer in zip(calls, answers, strict=True)
    ]
    assert [part.call_id for part in answered.parts if isinstance(part, ToolResult)] == ids((sent,))


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([result("1", "x")], 'tool_call_id "x" answers no call of the assistant\'s last message'),
        ([result("1", "x", "f")], 'tool_call_id "x" answers no call of the assistant\'s last message'),
        ([result("1", "a"), result("2", "a")], 'the call with the id "a" has more than one result'),
        ([result("1"), result("2", "a")], 'the call with the id "a" has more than one result'),
        (
            [result("1", name="f"), result("2", name="f")],
            'there are more results of the tool "f" than calls of it',
        ),
        ([result("1", name="x")], 'the result of the tool "x" answers no call of the assistant\'s last message'),
        (
            [result("1"), result("2"), result("3")],
            "there are more tool results than calls in the assistant's last message",
        ),
        (
            [result("1"), result("2"), result("3", name="x")],
            "there are more tool results than calls in the assistant's last message",
        ),
    ],
)
def test_a_result_that_answers_no_call_is_refused(results: list[ToolResult], text: str) -> None:
    asked = assistant(ToolCall("a", "f"), ToolCall("b", "g"))
    assert refused(asked, *map(user, results), HELLO) == (400, text)
    assert refused(HELLO, asked, user(*results)) == (400, text)


def test_a_result_does_not_answer_a_call_of_an_earlier_round() -> None:
    first = (assistant(ToolCall("a", "f")), user(result("1", "a")), assistant(ToolCall("b", "f")))
    assert refused(*first, user(result("2", "a")))[1].startswith('tool_call_id "a" answers no call')


@pytest.mark.parametrize(
    ("rest", "rest_of_the_round"),
    [
        ((HELLO,), (Text("hello"),)),
        ((user(),), ()),
        ((SYSTEM, HELLO), (Text("hello"),)),
    ],
)
def test_a_call_that_the_user_talked_past_gets_an_error(
    rest: tuple[Message, ...], rest_of_the_round: tuple[Part, ...]
) -> None:
    missing = ToolResult("a", NOTHING_SENT, error=True, name="f")
    answered = paired((assistant(ToolCall("a", "f")), *rest))
    assert answered[1] == user(missing, *rest_of_the_round)
    assert answered[2:] == tuple(message for message in rest if message.role == "system")


def test_a_call_whose_neighbour_alone_was_answered_gets_an_error() -> None:
    calls = assistant(ToolCall("a", "f"), ToolCall("b", "g"))
    missing = ToolResult("a", NOTHING_SENT, error=True, name="f")
    assert paired((calls, user(result("2", "b")))) == (calls, user(missing, result("2", "b", "g")))


def test_a_call_that_only_a_system_message_parts_from_the_next_answer_gets_an_error() -> None:
    call, answer = assistant(ToolCall("a", "f")), assistant(Text("never mind"))
    missing = user(ToolResult("a", NOTHING_SENT, error=True, name="f"))
    assert paired((call, SYSTEM, answer, HELLO)) == (call, missing, SYSTEM, answer, HELLO)


@pytest.mark.parametrize(
    "end",
    [
        (assistant(ToolCall("a", "f")),),
        (assistant(Text("I look."), ToolCall("a", "f")), SYSTEM),
        (assistant(ToolCall("a", "f")), assistant(Text("The weather"))),
    ],
)
def test_calls_at_the_end_want_their_results(end: tuple[Message, ...]) -> None:
    assert refused(HELLO, *end) == (400, "the last message calls tools: send their results")


@pytest.mark.parametrize(
    "before", [(), (HELLO,), (SYSTEM,), (assistant(Text("b")),), (assistant(ToolCall("a", "f")), HELLO, assistant())]
)
def test_results_without_calls_before_them_are_text(before: tuple[Message, ...]) -> None:
    gone = user(ToolResult("a", (Text("1"), PICTURE), name="f"), Text("and"), ToolResult("x"))
    assert paired((*before, gone, HELLO))[-2:] == (
        user(
            Text("Result of an earlier call of f:\n"),
            Text("1"),
            PICTURE,
            Text("and"),
            Text("Result of an earlier call of a tool:\n"),
        ),
        HELLO,
    )


def conversation(*given: str) -> tuple[Message, ...]:
    """Rounds of one call each, with these ids."""
    return tuple(each for id in given for each in (assistant(ToolCall(id, "f")), user(result("1"))))


@pytest.mark.parametrize("id", ["a", "toolu_01A-b", "0", "x" * 64, "call_abc123"])
def test_an_id_that_the_api_takes_is_kept(id: str) -> None:
    assert ids(paired(conversation(id))) == [id]


@pytest.mark.parametrize("id", ["", "a b", "functions.f:0", "é", "a\n", "x" * 65, "\ud800"])
def test_an_id_that_the_api_does_not_take_is_replaced(id: str) -> None:
    [replaced] = ids(paired(conversation(id)))
    assert re.fullmatch(r"call_[0-9a-f]{32}", replaced)


def test_an_id_that_was_used_before_is_replaced() -> None:
    first, second, third = ids(paired(conversation("a", "a", "a")))
    assert first == "a"
    assert len({first, second, third}) == 3
    together = paired((assistant(ToolCall("a", "f"), ToolCall("a", "f")), user(result("1"), result("2"))))
    assert len(set(ids(together))) == 2


def test_no_id_depends_on_what_follows() -> None:
    given = ("", "a", "a", "?", "", "b", "call_1", "?")
    all_of_them = ids(paired(conversation(*given)))
    assert len(set(all_of_them)) == len(given)
    for length in range(1, len(given)):
        assert ids(paired(conversation(*given[:length]))) == all_of_them[:length]


def test_pairing_twice_changes_nothing() -> None:
    once = paired((HELLO, *conversation("", "a", "a", "?"), assistant(ToolCall("c", "g"), ToolCall("", "g")), HELLO))
    assert paired(once) == once


def test_thousands_of_calls_are_paired() -> None:
    count = 5_000
    calls = assistant(*(ToolCall(f"c{n}", "f") for n in range(count)))
    by_id = paired((calls, user(*(result(str(n), f"c{n}") for n in reversed(range(count))))))
    by_name = paired((calls, user(*(result(str(n), name="f") for n in range(count)))))
    assert said(by_id[1]) == said(by_name[1]) == [("f", str(n)) for n in range(count)]
