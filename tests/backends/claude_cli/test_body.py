"""A request as one API body: what the API gets, and where the cache marks and remembered thinking go."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from proxy.backends.claude_cli.body import Blocks, TurnBody, make_body
from proxy.backends.claude_cli.tools import PLAIN
from proxy.core.contracts import Structure, Target
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Image, Message, Text, Thought, Tool, ToolCall, ToolResult
from tests.backends.claude_cli.messages import PAPER, PICTURE, TARGET, message

MARK = {"type": "ephemeral"}
MIDDLE = replace(TARGET, middle_system=True)


def made(*messages: Message, target: Target = TARGET, **fields: Any) -> TurnBody:
    return make_body(ChatRequest("sonnet", messages), target, PLAIN, **fields)


def sent(body: TurnBody) -> list[tuple[str, list[Any]]]:
    """The messages by role, texts in short and without marks."""
    return [(each["role"], [_short(block) for block in each["content"]]) for each in json.loads(body.json)["messages"]]


def _short(block: dict[str, Any]) -> Any:
    bare = {name: value for name, value in block.items() if name != "cache_control"}
    return bare["text"] if bare["type"] == "text" else bare


def marks(body: TurnBody) -> list[tuple[int, int]]:
    """Where the cache marks stand: message and block."""
    messages = json.loads(body.json)["messages"]
    return [
        (i, j)
        for i, each in enumerate(messages)
        for j, block in enumerate(each["content"])
        if MARK.items() <= block.get("cache_control", {}).items()
    ]


def test_roles_order_pictures_and_documents_arrive_as_they_are() -> None:
    body = made(message("u", "see", PICTURE), message("a", "I do"), message("u", PAPER, "and this"))
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE.data}}
    paper = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PAPER.data},
        "title": "paper.pdf",
    }
    assert sent(body) == [("user", ["see", picture]), ("assistant", ["I do"]), ("user", [paper, "and this"])]


def test_system_messages_before_the_first_user_message_form_the_system_prompt() -> None:
    body = made(message("s", "one"), message("s", " "), message("s", "two"), message("u", "hello"))
    assert (body.system, sent(body)) == ("one\n\ntwo", [("user", ["hello"])])


def test_a_later_system_message_stands_behind_the_user_message_that_follows_it() -> None:
    body = made(message("u", "a"), message("a", "b"), message("s", "now"), message("u", "c"), target=MIDDLE)
    assert body.system is None
    assert sent(body) == [("user", ["a"]), ("assistant", ["b"]), ("user", ["c"]), ("system", ["now"])]


def test_system_messages_around_a_user_message_are_joined_behind_it() -> None:
    body = made(message("u", "a"), message("s", "x"), message("u", "b"), message("s", "y"), target=MIDDLE)
    assert sent(body) == [("user", ["a", "b"]), ("system", ["x\n\ny"])]


def test_a_model_without_system_messages_in_the_middle_gets_them_as_reminders_there() -> None:
    body = made(message("u", "a"), message("s", "x"), message("a", "b"), message("u", "c"))
    assert sent(body)[0] == ("user", ["a", "<system-reminder>\nx\n</system-reminder>"])


def test_a_later_system_message_leaves_the_beginning_as_it_was() -> None:
    start = (message("s", "head"), message("u", "a"), message("a", "b"))
    before, after = made(*start, message("u", "c")), made(*start, message("s", "now"), message("u", "c"), target=MIDDLE)
    assert before.system == after.system
    assert sent(before)[:2] == sent(after)[:2]


def test_the_instruction_of_a_format_stands_behind_the_last_user_message() -> None:
    target = replace(TARGET, structure=Structure(instruction="JSON only"))
    body = made(message("s", "head"), message("u", "a"), target=target)
    assert (body.system, sent(body)) == ("head", [("user", ["a", "JSON only"])])


def test_blank_texts_and_empty_messages_are_left_out_and_neighbours_joined() -> None:
    body = made(message("u", "a", " "), message("a"), message("u", "b"))
    assert sent(body) == [("user", ["a", "b"])]


def test_a_conversation_that_the_assistant_begins_has_a_user_message_before_it() -> None:
    assert sent(made(message("a", "hi"), message("u", "a")))[0] == ("user", ["(no content)"])


@pytest.mark.parametrize("messages", [(), (message("s", "x"),), (message("u", " "),)])
def test_there_has_to_be_a_user_message(messages: Sequence[Message]) -> None:
    with pytest.raises(InvalidRequest, match="no user message"):
        made(*messages)


def test_an_answer_that_is_continued_loses_the_blanks_at_its_end() -> None:
    body = made(message("u", "a"), message("a", "so \n"), target=replace(TARGET, prefill=True))
    assert sent(body)[-1] == ("assistant", ["so"])


def test_an_answer_comes_last_only_where_the_model_continues_it() -> None:
    with pytest.raises(InvalidRequest, match="end with a user message"):
        made(message("u", "a"), message("a", "so"))


def test_tools_calls_and_results_arrive_whole() -> None:
    tool = Tool("look", "d" * 9000, {"type": "object"})
    call, result = ToolCall("call_1", "look", {"b": 1, "a": 2}), ToolResult("call_1", (Text("\n x "), PICTURE))
    body = made(message("u", "go"), message("a", call), message("u", result), target=replace(TARGET, tools=(tool,)))
    whole = json.loads(body.json)
    assert whole["tools"] == [{"name": "look", "description": "d" * 9000, "input_schema": {"type": "object"}}]
    assert list(whole["messages"][1]["content"][0]["input"]) == ["b", "a"]
    assert [block["type"] for block in whole["messages"][2]["content"][0]["content"]] == ["text", "image"]


def test_the_pictures_of_a_failed_result_follow_after_it() -> None:
    failed = ToolResult("call_1", (Text("no"), Image("image/png", "x")), error=True)
    content = sent(made(message("u", "go"), message("a", ToolCall("call_1", "look")), message("u", failed)))[-1][1]
    assert [(block["type"], block.get("is_error")) for block in content] == [("tool_result", True), ("image", None)]


def test_marks_stand_on_the_last_block_and_where_the_last_request_left_one() -> None:
    talk = [message("u", "1"), message("a", "2"), message("u", "3", "4")]
    assert marks(made(*talk)) == [(0, 0), (2, 1)]
    assert marks(made(*talk, message("a", "5"), message("u", "6"))) == [(2, 1), (4, 0)]
    assert marks(made(message("u", "1"))) == [(0, 0)]


def test_a_round_of_many_calls_still_has_the_mark_of_the_request_before_it() -> None:
    calls = [ToolCall(f"c{number}", "look") for number in range(30)]
    results = [ToolResult(call.id, (Text("x"),)) for call in calls]
    assert marks(made(message("u", "go"), message("a", *calls), message("u", *results))) == [(0, 0), (2, 29)]


def test_the_marks_have_the_time_to_live_that_is_asked_for() -> None:
    body = json.loads(made(message("u", "1"), ttl="1h").json)
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_the_prefix_is_equal_for_equal_requests_alone() -> None:
    talk = (message("s", "head"), message("u", "a"))
    tools = replace(TARGET, tools=(Tool("look", "", {"type": "object"}),))
    others = (
        made(message("s", "other"), message("u", "a")),
        made(message("s", "head"), message("u", "b")),
        made(*talk, target=tools),
        made(*talk, target=replace(TARGET, model="other")),
    )
    prefix = made(*talk).prefix
    assert made(*talk, ttl="1h").prefix == prefix
    assert prefix not in [other.prefix for other in others]


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}


def recalling(prefix: bytes, *blocks: dict[str, Any]) -> Any:
    def recall(wanted: bytes) -> Blocks | None:
        return blocks if wanted == prefix else None

    return recall


def test_known_thinking_goes_back_into_the_same_prefix_and_the_calls_get_their_own_ids() -> None:
    question = message("u", "go")
    rest = (message("a", ToolCall("call_x", "look")), message("u", ToolResult("call_x", (Text("r"),))))
    recall = recalling(made(question).prefix, THOUGHT, CALL)
    body = made(question, *rest, recall=recall)
    assert body.thinks
    assert sent(body)[1] == ("assistant", [THOUGHT, CALL])
    assert sent(body)[2][1][0]["tool_use_id"] == "toolu_1"


@pytest.mark.parametrize("changed", ["question", "answer"])
def test_thinking_stays_out_of_what_was_changed(changed: str) -> None:
    recall = recalling(made(message("u", "go")).prefix, THOUGHT, CALL)
    question = message("u", "other" if changed == "question" else "go")
    arguments = {"edited": True} if changed == "answer" else {}
    rest = (message("a", ToolCall("c", "look", arguments)), message("u", ToolResult("c", (Text("r"),))))
    body = made(question, *rest, recall=recall)
    assert not body.thinks
    assert [block["type"] for block in sent(body)[1][1]] == ["tool_use"]


def test_thinking_that_the_client_sends_is_its_own() -> None:
    recall = recalling(made(message("u", "go")).prefix, THOUGHT, {"type": "text", "text": "x"})
    mine = Thought("mine", "signature")
    body = made(message("u", "go"), message("a", mine, "x"), message("u", "on"), recall=recall)
    assert body.thinks
    assert sent(body)[1][1][0]["thinking"] == "mine"
