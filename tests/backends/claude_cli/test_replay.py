import json
from typing import Any

import pytest

from proxy.backends.claude_cli.replay import Script, make_script
from proxy.core.contracts import Structure, Target
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Document, Image, Message
from tests.backends.claude_cli.messages import MODEL, PAPER, PICTURE, lines, message, script, telling, text, told


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([message("u", "hi")], None),
        ([message("s"), message("s", ""), message("s", " \n"), message("u", "hi")], None),
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
    ("structure", "messages", "system"),
    [
        (Structure(instruction="Answer in JSON."), [message("u", "hi")], "Answer in JSON."),
        (
            Structure(instruction="Answer in JSON."),
            [message("s", "Be kind."), message("u", "hi")],
            "Be kind.\n\nAnswer in JSON.",
        ),
        (Structure(native={"type": "object"}), [message("s", "Be kind."), message("u", "hi")], "Be kind."),
        (Structure(), [message("u", "hi")], None),
    ],
)
def test_what_is_asked_of_the_answer_in_words_ends_the_system_prompt(
    structure: Structure, messages: list[Message], system: str | None
) -> None:
    assert script(*messages, target=Target(MODEL, structure=structure)).system == system


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
        ([message("u", "hi"), message("s", "Be kind.")], [("user", [text("hi")])]),
        ([message("u", "a", "", "b")], [("user", [text("a"), text("b")])]),
        (
            [message("u", "hi"), message("a", " \n"), message("u", " ", "?")],
            [("user", [text("hi")]), ("user", [text("?")])],
        ),
    ],
)
def test_what_says_something_is_told_in_its_order(messages: list[Message], heard: list[tuple[str, Any]]) -> None:
    assert told(telling(script(*messages))) == heard


@pytest.mark.parametrize("messages", [[message("a", "Welcome!")], [message("u", " "), message("a", "Welcome!")]])
def test_a_conversation_that_the_assistant_begins_has_an_empty_user_message_before_it(messages: list[Message]) -> None:
    spoken = telling(script(*messages, message("u", "hi")))
    assert told(spoken) == [("user", []), ("assistant", [text("Welcome!")]), ("user", [text("hi")])]
    assert len(spoken.turns) == 2, "it can be taken back like any other"


def test_a_process_that_holds_the_history_hears_only_what_is_asked() -> None:
    made = script(message("a", "Welcome!"), message("u", "a"), message("a", "b"), message("u", "c"), message("u", "d"))
    spoken = telling(made, len(made.history))
    assert told(spoken) == [("user", [text("c")]), ("user", [text("d")])]
    assert len(spoken.turns) == 2


@pytest.mark.parametrize(
    ("roles", "history"),
    [("u", 0), ("uu", 0), ("uau", 2), ("uauu", 2), ("au", 1), ("auauu", 3), ("uaaau", 4), ("usaus", 2)],
)
def test_the_history_goes_up_to_the_last_answer(roles: str, history: int) -> None:
    messages = [message(role, f"{role}{index}") for index, role in enumerate(roles)]
    made = script(*messages)
    spoken = tuple(said for said in messages if said.role != "system")
    assert (made.history, made.asked, made.whole) == (spoken[:history], spoken[history:], ())


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (PICTURE, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}),
        (
            PAPER,
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="},
                "title": "paper.pdf",
            },
        ),
        (
            Document("JVBERi0xLjQ="),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="},
            },
        ),
    ],
)
def test_pictures_and_documents_keep_their_place_among_the_texts(part: Image | Document, block: dict[str, Any]) -> None:
    made = script(message("u", "Before", part, "after"), message("a", "ho"), message("u", part))
    assert told(telling(made)) == [
        ("user", [text("Before"), block, text("after")]),
        ("assistant", [text("ho")]),
        ("user", [block]),
    ]


def test_questions_are_awaited_and_answers_are_not() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u", "c"), message("u", "d"), message("u", "e"))
    assert [step.awaited for step in telling(made).steps] == [True, False, True, True]


def test_only_the_prompt_asks() -> None:
    spoken = telling(script(message("u", "a"), message("a", "b"), message("u", "c")))
    asking = ["shouldQuery" not in json.loads(step.data) for step in spoken.steps if step.awaited]
    assert asking == [False]
    assert "shouldQuery" not in json.loads(spoken.prompt)


@pytest.mark.parametrize("held", [False, True])
def test_the_turns_name_the_user_messages_in_their_order_the_prompt_last(held: bool) -> None:
    made = script(message("u", "a"), message("a", "b"), message("u"), message("u", "c"), message("u", "d"))
    spoken = telling(made, len(made.history) if held else 0)
    assert spoken.turns == tuple(line["uuid"] for line in lines(spoken) if line["type"] == "user")
    assert len(spoken.turns) == (2 if held else 3)
    assert spoken.uuid == spoken.turns[-1]


def test_every_line_has_an_id_of_its_own() -> None:
    spoken = script(*(message(role, "x") for role in "uauauaau")).telling(MODEL, 0)
    heard = lines(spoken)
    ids = [line["uuid"] for line in heard] + [line["message"]["id"] for line in heard if line["type"] == "assistant"]
    assert len(set(ids)) == len(ids) == 12


def test_two_tellings_of_one_script_share_no_id() -> None:
    made = script(message("u", "a"), message("a", "b"), message("u", "c"))
    first, second = (made.telling(MODEL, 0) for _ in range(2))
    assert set(first.turns).isdisjoint(second.turns)


def test_answers_are_told_as_the_models_own() -> None:
    spoken = telling(script(message("u", "a"), message("a", "b"), message("u", "c")))
    answer = json.loads(spoken.steps[1].data)["message"]
    assert answer["model"] == MODEL
    assert answer["id"].startswith("msg_")


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "there is no user message"),
        ([message("s", "Be kind.")], "there is no user message"),
        ([message("u")], "the last message is empty"),
        ([message("u", "hi"), message("u", "", "")], "the last message is empty"),
        ([message("u", "hi"), message("a")], "the last message is empty"),
        ([message("u", "hi"), message("a", " \n")], "the last message is empty"),
        ([message("a", "hi")], "the last message is the assistant's"),
        ([message("u", "hi"), message("a", "ho")], "the last message is the assistant's"),
        ([message("u", "hi"), message("a", "ho"), message("s", "Go on.")], "the last message is the assistant's"),
    ],
)
def test_there_has_to_be_something_to_ask(messages: list[Message], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        script(*messages)


# Answers that the client begins

PREFILL = Target(MODEL, prefill=True)


def begun(*messages: Message) -> Script:
    return script(*messages, target=PREFILL)


@pytest.mark.parametrize(
    ("messages", "whole"),
    [
        (
            [message("u", "hi"), message("a", "The ")],
            [("user", [text("hi")]), ("assistant", [text("The")])],
        ),
        (
            [message("u", "a"), message("u", "b"), message("a", "c "), message("u", PICTURE), message("a", "{\n")],
            [
                ("user", [text("a"), text("b")]),
                ("assistant", [text("c ")]),
                ("user", told(telling(script(message("u", PICTURE))))[0][1]),
                ("assistant", [text("{")]),
            ],
        ),
        (
            [message("a", "Welcome!"), message("u", "hi"), message("s", "Be kind."), message("a", "One ", "two ")],
            [
                ("user", [text("(no content)")]),
                ("assistant", [text("Welcome!")]),
                ("user", [text("hi")]),
                ("assistant", [text("One "), text("two")]),
            ],
        ),
        (
            [message("u", "hi"), message("a", "a"), message("a", "b", " ")],
            [("user", [text("hi")]), ("assistant", [text("a"), text("b")])],
        ),
        (
            [message("u", "hi"), message("a", "See ", PICTURE)],
            [
                ("user", [text("hi")]),
                ("assistant", [text("See "), *told(telling(script(message("u", PICTURE))))[0][1]]),
            ],
        ),
    ],
)
def test_an_answer_that_is_begun_goes_to_the_api_with_the_whole_conversation(
    messages: list[Message], whole: list[tuple[str, Any]]
) -> None:
    assert [(said["role"], said["content"]) for said in begun(*messages).whole] == whole


def test_for_an_answer_that_is_begun_the_process_hears_the_last_question_alone() -> None:
    made = begun(message("u", "a"), message("a", "b"), message("u", "c"), message("a", "d"))
    spoken = telling(made)
    assert (made.history, told(spoken), len(spoken.turns)) == ((), [("user", [text("c")])], 1)


def test_where_an_answer_may_be_begun_a_question_is_still_one() -> None:
    messages = (message("u", "a"), message("a", "b"), message("u", "c"))
    assert begun(*messages) == script(*messages)


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([message("a", "The")], "there is no user message"),
        ([message("u", " "), message("a", "The")], "there is no user message"),
        ([message("u", "hi"), message("a", " ")], "the last message is empty"),
    ],
)
def test_an_answer_to_nothing_cannot_be_begun(messages: list[Message], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        make_script(ChatRequest("sonnet", tuple(messages)), PREFILL)
