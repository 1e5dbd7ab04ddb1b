"""Thinking goes only with the conversation that it was thought in."""

from typing import Any

import httpx
import pytest

from proxy.simulator.binding import binding_of, signature
from proxy.simulator.errors import ApiError
from proxy.simulator.models import MODELS
from proxy.simulator.rules.request import check_request
from proxy.simulator.server import serve_simulator
from tests.simulator.conftest import HEADERS, Post

Body = dict[str, Any]

MODEL = "claude-sonnet-5-5"
CACHED = {"cache_control": {"type": "ephemeral"}}
EFFORT = {"role": "system", "content": [], "output_config": {"effort": "low"}}
TOOL = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
OTHER_TOOL = TOOL | {"description": "Tells the time."}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {}}


def user(content: Any) -> Body:
    return {"role": "user", "content": content}


def text(words: str, **fields: Any) -> Body:
    return {"type": "text", "text": words, **fields}


def result(content: Any, **fields: Any) -> Body:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **fields}


def body(*messages: Body, **fields: Any) -> Body:
    return {"model": MODEL, "max_tokens": 100, "messages": [*messages], **fields}


def answered(request: Body, *blocks: Body, thought: str = "hm") -> Body:
    """The assistant's message that answers a request with bound thinking, then `blocks`."""
    thinking = {"type": "thinking", "thinking": thought, "signature": signature(thought, binding_of(request))}
    return {"role": "assistant", "content": [thinking, *(blocks or (text("hello"),))]}


def refusal(request: Body) -> str:
    """What the API says against a request; nothing where it takes it."""
    try:
        check_request(request)
    except ApiError as error:
        return error.message
    return ""


ASKED = body(user("hi"), system="Be brief.", tools=[TOOL])
ANSWER = answered(ASKED)
HEAD: Body = {"system": "Be brief.", "tools": [TOOL]}

SAME: dict[str, Body] = {
    "the conversation goes on": body(user("hi"), ANSWER, user("bye"), **HEAD),
    "a text is a block": body(user([text("hi")]), ANSWER, user("bye"), system=[text("Be brief.")], tools=[TOOL]),
    "the marks for the cache stand elsewhere": body(
        user([text("hi", **CACHED)]), ANSWER, user("bye"), system=[text("Be brief.", **CACHED)], tools=[TOOL | CACHED]
    ),
    "an effort is set": body(user("hi"), EFFORT, ANSWER, EFFORT, user("bye"), EFFORT, **HEAD),
    "the fields of a tool come in another order": body(
        user("hi"), ANSWER, user("bye"), system="Be brief.", tools=[dict(reversed(TOOL.items()))]
    ),
    "the rest of the answer differs": body(user("hi"), answered(ASKED, text("hey")), user("bye"), **HEAD),
    "the CLI's billing header differs": body(
        user("hi"), ANSWER, user("x"), system=[text("x-anthropic-billing-header: 1"), text("Be brief.")], tools=[TOOL]
    ),
    "other parameters differ": body(user("hi"), ANSWER, user("bye"), **HEAD, tool_choice={"type": "none"}),
    "the client asks to drop it": body(
        user("hey"),
        ANSWER,
        user("bye"),
        thinking={"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}},
    ),
    "an older model reads it": body(user("hey"), ANSWER, user("bye")) | {"model": "claude-opus-4-8"},
    "Fable 5 reads it": body(user("hey"), ANSWER, user("bye")) | {"model": "claude-fable-5"},
}
CHANGED: dict[str, Body] = {
    "the system prompt": body(user("hi"), ANSWER, user("bye"), system="Be brief!", tools=[TOOL]),
    "no system prompt": body(user("hi"), ANSWER, user("bye"), tools=[TOOL]),
    "a tool": body(user("hi"), ANSWER, user("bye"), system="Be brief.", tools=[OTHER_TOOL]),
    "no tools": body(user("hi"), ANSWER, user("bye"), system="Be brief."),
    "the message before": body(user("hi!"), ANSWER, user("bye"), **HEAD),
    "one more block in the message before": body(user([text("hi"), text("you")]), ANSWER, user("bye"), **HEAD),
    "a system message before": body(user("hi"), {"role": "system", "content": "Now."}, ANSWER, user("bye"), **HEAD),
    "the reader, to another that looks": body(user("hey"), ANSWER, user("bye"), **HEAD) | {"model": "claude-fable-5-2"},
}


@pytest.mark.parametrize("name", SAME)
def test_thinking_is_taken_back_though(name: str) -> None:
    assert refusal(SAME[name]) == ""


@pytest.mark.parametrize("name", CHANGED)
def test_thinking_is_refused_after_a_change_of(name: str) -> None:
    place = 2 if name == "a system message before" else 1
    assert refusal(CHANGED[name]) == (
        f"messages.{place}.content.0: Invalid `signature` in `thinking` block. "
        "The block is bound to a different conversation. "
        'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
    )


def test_thinking_in_a_round_of_calls_is_bound_to_the_results_before_it() -> None:
    first = answered(body(user("hi"), **HEAD), CALL)
    asked = body(user("hi"), first, user([result("noon")]), **HEAD)
    second = answered(asked, thought="So it is noon.")
    listed = [result([text("noon", **CACHED)], **CACHED)]
    assert refusal(body(user("hi"), first, user(listed), second, user("bye"), **HEAD)) == ""
    changed = body(user("hi"), first, user([result("night")]), second, user("bye"), **HEAD)
    assert refusal(changed).startswith("messages.3.content.0: Invalid `signature`")


def test_thinking_may_be_left_out_from_the_start_and_not_from_the_middle() -> None:
    conversation: list[Body] = []
    for words in ("one", "two", "three"):
        conversation.append(user(words))
        conversation.append(answered(body(*conversation), thought=f"about {words}"))

    def without(*places: int) -> Body:
        messages = [
            message | {"content": message["content"][1:]} if at in places else message
            for at, message in enumerate(conversation)
        ]
        return body(*messages, user("bye"))

    assert [refusal(without(*places)) for places in ((), (1,), (1, 3), (5,), (1, 3, 5))] == [""] * 5
    assert refusal(without(3)).startswith("messages.5.content.0: Invalid `signature`")


def test_a_thought_moved_to_another_turn_is_refused() -> None:
    moved = body(user("hi"), {"role": "assistant", "content": "hello"}, user("bye"), ANSWER, user("x"), **HEAD)
    assert refusal(moved).startswith("messages.3.content.0: Invalid `signature`")


def test_bound_thinking_whose_text_was_changed_is_refused() -> None:
    thought = ANSWER["content"][0] | {"thinking": "hm!"}
    changed = body(user("hi"), {"role": "assistant", "content": [thought, text("hello")]}, user("bye"), **HEAD)
    assert refusal(changed) == "messages.1.content.0: Invalid `signature` in `thinking` block"


def test_the_newest_models_bind_their_thinking() -> None:
    assert {name for name, model in MODELS.items() if model.binds_thinking} == {
        *("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2", "claude-fable-5-1")
    }


@pytest.mark.parametrize("shown", ["summarized", "omitted"])
async def test_the_thinking_of_an_answer_is_bound_to_its_request(post: Post, shown: str) -> None:
    asked = "[simulate: think 3] hello"
    thinking = {"type": "adaptive", "display": shown}
    answer = {"role": "assistant", "content": (await post(asked, thinking=thinking)).json()["content"]}
    assert answer["content"][0]["type"] == "thinking"
    same = await post(messages=[user(asked), answer, user("bye")])
    other = await post(messages=[user("hello"), answer, user("bye")])
    assert (same.status_code, other.status_code) == (200, 400)
    assert "bound to a different conversation" in other.json()["error"]["message"]


async def test_another_simulator_knows_the_binding(post: Post) -> None:
    asked = "[simulate: think 3] hello"
    answer = {"role": "assistant", "content": (await post(asked)).json()["content"]}
    async with serve_simulator() as other, httpx.AsyncClient(base_url=other.url, headers=HEADERS) as http:
        sent = [body(user(words), answer, user("bye")) for words in (asked, "hello")]
        assert [(await http.post("/v1/messages", json=each)).status_code for each in sent] == [200, 400]


async def test_a_simulator_can_leave_thinking_unbound() -> None:
    asked = "[simulate: think 3] hello"
    async with (
        serve_simulator(binds_thinking=False) as simulator,
        httpx.AsyncClient(base_url=simulator.url, headers=HEADERS) as http,
    ):
        first = await http.post("/v1/messages", json=body(user(asked)))
        answer = {"role": "assistant", "content": first.json()["content"]}
        assert (await http.post("/v1/messages", json=body(user("hey"), answer, user("bye")))).status_code == 200
