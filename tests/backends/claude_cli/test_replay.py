import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from proxy.backends.claude_cli.replay import Script, make_script
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Image, Message, Part, Role, Text

ROLES: dict[str, Role] = {"s": "system", "u": "user", "a": "assistant"}
PICTURE = Image("image/png", "iVBORw0KGgo=")


def message(role: str, *parts: Part | str) -> Message:
    return Message(ROLES[role], tuple(Text(part) if isinstance(part, str) else part for part in parts))


def numbered() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def script(*messages: Message) -> Script:
    return make_script(ChatRequest("sonnet", messages), "claude-x", numbered())


def told(script: Script) -> list[tuple[str, Any]]:
    """Every message of a script, the prompt last: its role, its content without the blank guard."""
    lines = [json.loads(line) for line in (*(step.data for step in script.steps), script.prompt)]
    return [(line["type"], unguarded(line)) for line in lines]


def unguarded(line: dict[str, Any]) -> Any:
    content = line["message"]["content"]
    if line["type"] == "assistant":
        return content
    assert content[-1] == {"type": "text", "text": " "}
    return content[:-1]


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([message("u", "hi")], None),
        ([message("s"), message("s", ""), message("u", "hi")], None),
        ([message("s", "Be kind."), message("u", "hi")], "Be kind."),
        ([message("s", "Be ", "kind."), message("u", "hi")], "Be kind."),
        (
            [message("s", "Be kind."), message("u", "hi"), message("s", ""), message("s", "Be brief.")],
            "Be kind.\n\nBe brief.",
        ),
        ([message("s", "One."), message("s", "Two."), message("u", "hi")], "One.\n\nTwo."),
        (
            [message("u", "hi"), message("s", "One."), message("a", "ho"), message("u", "?"), message("s", "Two.")],
            "One.\n\nTwo.",
        ),
        ([message("s", "See", PICTURE), message("u", "hi")], "See"),
    ],
)
def test_system_messages_form_the_system_prompt_in_their_order(messages: list[Message], system: str | None) -> None:
    assert script(*messages).system == system


@pytest.mark.parametrize(
    ("messages", "heard"),
    [
        ([message("u", "hi")], [("user", [text("hi")])]),
        (
            [message("u", "hi"), message("a", "ho"), message("u", "?")],
            [("user", [text("hi")]), ("assistant", [text("ho")]), ("user", [text("?")])],
        ),
        (
            [message("u", "a"), message("u", "b"), message("a", "c"), message("a", "d"), message("u", "e")],
            [
                ("user", [text("a")]),
                ("user", [text("b")]),
                ("assistant", [text("c")]),
                ("assistant", [text("d")]),
                ("user", [text("e")]),
            ],
        ),
        (
            [message("u"), message("a", ""), message("u", "hi"), message("a", "", ""), message("u", "?")],
            [("user", [text("hi")]), ("user", [text("?")])],
        ),
        ([message("a", "Welcome!"), message("u", "hi")], [("assistant", [text("Welcome!")]), ("user", [text("hi")])]),
        ([message("u", "hi"), message("s", "Be kind.")], [("user", [text("hi")])]),
        ([message("u", "a", "", "b")], [("user", [text("a"), text("b")])]),
        (
            [message("u", "hi"), message("a", " \n"), message("u", " ", "?")],
            [("user", [text("hi")]), ("user", [text("?")])],
        ),
    ],
)
def test_what_says_something_is_told_in_its_order(messages: list[Message], heard: list[tuple[str, Any]]) -> None:
    assert told(script(*messages)) == heard


def test_pictures_keep_their_place_among_the_texts() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    assert told(script(message("u", "Before", PICTURE, "after"), message("a", "ho"), message("u", PICTURE))) == [
        ("user", [text("Before"), picture, text("after")]),
        ("assistant", [text("ho")]),
        ("user", [picture]),
    ]


def test_questions_are_awaited_and_answers_are_not() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u", "c"), message("u", "d"), message("u", "e"))
    assert [step.awaited for step in made.steps] == [True, False, True, True]


def test_only_the_prompt_asks() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u", "c"))
    asking = ["shouldQuery" not in json.loads(step.data) for step in made.steps if step.awaited]
    assert asking == [False]
    assert "shouldQuery" not in json.loads(made.prompt)


def test_the_turns_name_the_user_messages_in_their_order_the_prompt_last() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u"), message("u", "c"), message("u", "d"))
    lines = [json.loads(line) for line in (*(step.data for step in made.steps), made.prompt)]
    assert made.turns == tuple(line["uuid"] for line in lines if line["type"] == "user")
    assert len(made.turns) == 3


def test_every_line_has_an_id_of_its_own() -> None:
    request = ChatRequest("sonnet", tuple(message(role, "x") for role in "uauauaau"))
    made = make_script(request, "claude-x")
    lines = [json.loads(line) for line in (*(step.data for step in made.steps), made.prompt)]
    ids = [line["uuid"] for line in lines] + [line["message"]["id"] for line in lines if line["type"] == "assistant"]
    assert len(set(ids)) == len(ids) == 12


def test_answers_are_told_as_the_models_own() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u", "c"))
    answer = json.loads(made.steps[1].data)["message"]
    assert answer["model"] == "claude-x"
    assert answer["id"].startswith("msg_")


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "the last message is empty"),
        ([message("s", "Be kind.")], "the last message is empty"),
        ([message("u")], "the last message is empty"),
        ([message("u", "hi"), message("u", "", "")], "the last message is empty"),
        ([message("a", "hi")], "the last message is the assistant's"),
        ([message("u", "hi"), message("a", "ho")], "the last message is the assistant's"),
        ([message("u", "hi"), message("a")], "the last message is the assistant's"),
        ([message("u", "hi"), message("a", "ho"), message("s", "Go on.")], "the last message is the assistant's"),
    ],
)
def test_there_has_to_be_something_to_ask(messages: list[Message], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        script(*messages)
