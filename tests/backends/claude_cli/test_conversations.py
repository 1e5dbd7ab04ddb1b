"""Which conversations are one, and that what a process holds is what the client's next request goes on with."""

import random
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from proxy.backends.claude_cli.conversations import Conversation, after, begun
from proxy.core.contracts import Structure, Target, Thinking
from proxy.core.request import Caller, Document, Image, Message, Options, Part, Text
from tests.backends.claude_cli.messages import MODEL, PAPER, PICTURE, TARGET, message, script, telling, told

CALLER = Caller("ann")
QUESTION = message("u", "And now?")


def held(*messages: Message, caller: Caller = CALLER, target: Target = TARGET) -> Conversation | None:
    """What a process must hold to answer a question after `messages`."""
    return begun(script(*messages, QUESTION, target=target), caller, target)


BASE = (message("u", "one", PICTURE, PAPER), message("a", "two"), message("u", "three"), message("a", "four"))
FIRST, *REST = BASE


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((), id="nothing"),
        pytest.param(BASE[:2], id="the beginning alone"),
        pytest.param((*BASE, QUESTION, message("a", "five")), id="one turn more"),
        pytest.param((message("u", "one ", PICTURE, PAPER), *REST), id="a blank more"),
        pytest.param((message("u", "One", PICTURE, PAPER), *REST), id="a capital"),
        pytest.param((message("u", "on", "e", PICTURE, PAPER), *REST), id="a text in two parts"),
        pytest.param((message("u", PICTURE, "one", PAPER), *REST), id="parts in another order"),
        pytest.param((message("u", "one", PICTURE), *REST), id="no document"),
        pytest.param((message("u", "one", PICTURE, PICTURE, PAPER), *REST), id="a picture more"),
        pytest.param((message("u", "one", replace(PICTURE, media_type="image/gif"), PAPER), *REST), id="media type"),
        pytest.param((message("u", "one", replace(PICTURE, data="iVBORw0KGgp="), PAPER), *REST), id="another picture"),
        pytest.param((message("u", "one", PICTURE, replace(PAPER, name="p.pdf")), *REST), id="document name"),
        pytest.param((message("u", "one", PICTURE, replace(PAPER, name="")), *REST), id="no document name"),
        pytest.param((message("u", "one", PICTURE, replace(PAPER, data="JVBERi0xLjc=")), *REST), id="another document"),
        pytest.param((FIRST, message("a", "four"), message("u", "three"), message("a", "two")), id="answers swapped"),
        pytest.param((*BASE[2:], *BASE[:2]), id="turns swapped"),
        pytest.param((message("a", "Welcome!"), *BASE), id="a greeting before"),
        pytest.param((*BASE, message("a", "five")), id="an answer more"),
        pytest.param((*BASE[:2], message("a", "three"), message("a", "four")), id="another role"),
        pytest.param((*BASE[:2], message("a", "four")), id="a question less"),
        pytest.param((message("s", "Be kind."), *BASE), id="a system prompt"),
    ],
)
def test_conversations_that_differ_in_anything_are_two(messages: tuple[Message, ...]) -> None:
    assert held(*messages) != held(*BASE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("ab", "c"), ("abc",)),
        (("a", "b"), ("a4:text1:b",)),
        (("a",), ("a\x00",)),
        (("é",), ("e\u0301",)),
        (("\ud83d",), ("\ude00",)),
        (("\ud83d",), ("?",)),
        (("\ud83d\ude00",), ("\U0001f600",)),
        ((Text("data"),), (Image("text", "data"),)),
        ((Document("data", "x"),), (Image("document x", "data"),)),
        ((Document("data", "xy"),), (Document("ydata", "x"),)),
        ((Image("image/pngA", "B"),), (Image("image/png", "AB"),)),
    ],
)
def test_contents_that_only_look_alike_are_two(one: tuple[Part | str, ...], other: tuple[Part | str, ...]) -> None:
    first, second = (held(message("u", *parts), message("a", "ho")) for parts in (one, other))
    assert first != second


def test_the_same_words_of_the_other_one_are_another_conversation() -> None:
    assert held(message("u", "a"), message("a", "b")) != held(message("a", "a"), message("u", "b"), message("a", "c"))
    assert held(message("a", "hi")) != held(message("u", "hi"), message("a", "hi"))


@pytest.mark.parametrize(
    "other",
    [
        held(*BASE, caller=Caller("bob")),
        held(*BASE, caller=Caller()),
        held(*BASE, target=Target("claude-y")),
        held(*BASE, target=Target(MODEL, thinking=Thinking(effort="high"))),
        held(message("s", "Be kind."), *BASE),
        held(*BASE, target=Target(MODEL, structure=Structure(instruction="Answer in JSON."))),
    ],
)
def test_another_caller_model_effort_or_system_prompt_is_another_conversation(other: Conversation) -> None:
    assert other != held(*BASE)


@pytest.mark.parametrize(
    ("messages", "same"),
    [
        (BASE, BASE),
        (
            (message("u", "a"), message("u", "b"), message("a", "c"), message("a", "d")),
            (message("u", "a", "b"), message("a", "c", "d")),
        ),
        (
            (message("u", "a", "", " \n", "b"), message("a", "c", "")),
            (message("u", "a", "b"), message("a", "c")),
        ),
        (
            (
                message("u"),
                message("u", "a"),
                message("a", " "),
                message("u", ""),
                message("u", "b"),
                message("a", "c"),
            ),
            (message("u", "a", "b"), message("a", "c")),
        ),
        (
            (message("u", "a"), message("s", "Be kind."), message("a", "b")),
            (message("s", "Be kind."), message("u", "a"), message("a", "b")),
        ),
        ((message("u", "\ud83d"), message("a", "b")), (message("u", "\ud83d"), message("a", "b"))),
        ((message("u", " "), message("a", "Welcome!")), (message("a", "Welcome!"),)),
    ],
)
def test_what_the_api_takes_for_the_same_is_one_conversation(
    messages: tuple[Message, ...], same: tuple[Message, ...]
) -> None:
    conversation = held(*messages)
    assert conversation == held(*same)
    assert hash(conversation) == hash(held(*same))


@pytest.mark.parametrize(
    "target",
    [
        Target(MODEL, thinking=Thinking("adaptive", shown=True)),
        Target(MODEL, thinking=Thinking("budget", budget=2048)),
        Target(MODEL, options=Options(temperature=0.5, top_p=0.9, top_k=4, stop=("END",), max_tokens=9)),
        Target(MODEL, structure=Structure({"type": "object"}, {"type": "object"})),
        Target(MODEL, prefill=True),
    ],
)
def test_how_the_next_answer_is_made_is_no_part_of_the_conversation(target: Target) -> None:
    assert held(*BASE, target=target) == held(*BASE)


@pytest.mark.parametrize(
    "messages",
    [
        (message("u", "hi"),),
        (message("s", "Be kind."), message("u", "hi"), message("u", "ho")),
        (message("u", "hi"), message("a", " "), message("u", "ho")),
    ],
)
def test_a_conversation_that_only_begins_goes_on_with_nothing(messages: tuple[Message, ...]) -> None:
    assert begun(script(*messages), CALLER, TARGET).messages == ()


def test_an_answer_that_the_client_begins_goes_on_with_nothing() -> None:
    target = Target(MODEL, prefill=True)
    messages = (message("u", "a"), message("a", "b"), message("u", "c"), message("a", "d"))
    assert begun(script(*messages, target=target), CALLER, target).messages == ()


def test_a_conversation_keeps_no_contents() -> None:
    picture = Image("image/png", "A" * 100_000)
    conversation = held(message("u", "my secret", picture), message("a", "ho"))
    assert conversation is not None
    assert sum(map(len, conversation.messages)) < 100
    assert b"secret" not in b"".join(conversation.messages)


# What a process holds after its answer

GREETING = message("a", "Welcome!")
GOOD_DAY = message("a", "Good day.")
KIND = message("s", "Be kind.")


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param([[message("u", "hi")], [message("u", "?")], [message("u", "!")]], id="plain chat"),
        pytest.param([[KIND, message("u", "hi")], [message("u", "?")]], id="a system prompt"),
        pytest.param([[message("u", "See", PICTURE)], [message("u", PICTURE, PAPER)], [QUESTION]], id="pictures"),
        pytest.param(
            [[message("u", "a"), message("u", "b")], [message("u", "c"), message("u", "d")], [QUESTION]],
            id="two in a row",
        ),
        pytest.param([[GREETING, message("u", "hi")], [message("u", "?")]], id="the assistant first"),
        pytest.param([[message("u", " "), GREETING, message("u", "hi")], [message("u", "?")]], id="an empty one first"),
        pytest.param(
            [[message("u"), message("u", "hi")], [message("a", ""), message("u", ""), message("u", "?")], [QUESTION]],
            id="empty ones between",
        ),
        pytest.param([[message("u", "\ud83d")], [message("u", "\ude00")], [QUESTION]], id="halves of an emoji"),
        pytest.param([[*BASE, message("u", "c")], [message("u", "d")]], id="begun elsewhere"),
    ],
)
@pytest.mark.parametrize("answer", ["Good day.", " \n```\ncode  \n", "\U0001f600\u2028\ud83d"])
def test_a_client_that_sends_the_answer_back_goes_on_where_it_is_held(rounds: list[list[Message]], answer: str) -> None:
    sent: list[Message] = []
    holds: Conversation | None = None
    for said in rounds:
        sent += said
        asked = script(*sent)
        if holds is not None:
            assert begun(asked, CALLER, TARGET) == holds
        holds = after(begun(asked, CALLER, TARGET), asked, message("a", answer))
        sent.append(message("a", answer))


@pytest.mark.parametrize(
    "sent_back",
    [
        [message("a", "Good day")],
        [message("a", "Good day. ")],
        [message("a", "Good ", "day.")],
        [message("a", "Good day."), message("a", "More.")],
        [message("u", "Good day.")],
        [],
    ],
)
def test_an_answer_that_the_client_changed_is_not_the_one_that_is_held(sent_back: list[Message]) -> None:
    holds = after(begun(script(message("u", "hi")), CALLER, TARGET), script(message("u", "hi")), GOOD_DAY)
    assert held(message("u", "hi"), message("a", "Good day.")) == holds
    assert held(message("u", "hi"), *sent_back) != holds


@pytest.mark.parametrize(
    ("roles", "answers"), [("u", 1), ("uu", 1), ("uau", 2), ("uauau", 3), ("uaauuau", 3), ("au", 1), ("auau", 2)]
)
def test_answers_are_counted(roles: str, answers: int) -> None:
    asked = script(*(message(role, "x") for role in roles))
    assert after(begun(asked, CALLER, TARGET), asked, GOOD_DAY).answers == answers


# Whatever the conversation

PARTS: tuple[Part, ...] = (Text("a"), Text("aa"), Text(" "), Text(""), PICTURE, PAPER)


def heard(messages: tuple[Message, ...]) -> list[tuple[str, Any]]:
    """The history as the API would get it from a process that was told it."""
    *before, _ = told(telling(script(*messages, QUESTION)))
    if before and before[0] == ("user", []):
        del before[0]
    grouped = groupby(before, key=lambda said: said[0])
    return [(role, [block for _, content in group for block in content]) for role, group in grouped]


def any_conversation(chance: random.Random) -> tuple[Message, ...]:
    said = [message(chance.choice("ua"), *chance.choices(PARTS, k=chance.randrange(3))) for _ in range(4)]
    return (*said[: chance.randrange(5)], message("a", "ho"))


def test_two_conversations_are_one_exactly_if_the_api_gets_the_same() -> None:
    chance = random.Random(7)
    conversations = [any_conversation(chance) for _ in range(400)]
    seen: dict[Conversation, list[tuple[str, Any]]] = {}
    for messages in conversations:
        conversation = held(*messages)
        assert conversation is not None
        assert seen.setdefault(conversation, heard(messages)) == heard(messages)
    different = {repr(heard(messages)) for messages in conversations}
    assert len(seen) == len(different) < len(conversations)
