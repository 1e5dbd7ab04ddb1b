"""The conversation in a body of /v1/messages."""

import base64
import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Part, Text, Thought, ToolCall, ToolResult
from proxy.wire.anthropic import AnthropicMessages, parse_messages

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}
CALLED = ToolCall("toolu_1", "weather", {"city": "Köln"})
CACHED = {"cache_control": {"type": "ephemeral"}}


def source(data: str, kind: str = "base64") -> dict[str, Any]:
    return {"type": kind, "media_type": "image/png", "data": data}


def asked(*turns: object, **fields: object) -> AnthropicMessages:
    return parse_messages(json.dumps({"model": "sonnet", "max_tokens": 9, "messages": turns} | fields).encode())


def user(*blocks: object) -> dict[str, object]:
    return {"role": "user", "content": blocks}


def assistant(*blocks: object) -> dict[str, object]:
    return {"role": "assistant", "content": blocks}


def parts(turn: dict[str, object]) -> tuple[Part, ...]:
    [message] = asked(turn).request.messages
    return message.parts


def result(**fields: object) -> ToolResult:
    """The result that a client sends for `CALL`."""
    _, answer = asked(
        assistant(CALL), user({"type": "tool_result", "tool_use_id": "toolu_1"} | fields)
    ).request.messages
    [part] = answer.parts
    assert isinstance(part, ToolResult)
    return part


def refused(*turns: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        asked(*turns)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize(
    ("system", "first"),
    [
        ("Be brief.", (Message("system", (Text("Be brief."),)),)),
        (
            [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."} | CACHED],
            (Message("system", (Text("Be brief."),)),),
        ),
        ("", ()),
        ([], ()),
        (None, ()),
        ([{"type": "text", "text": ""}], ()),
    ],
)
def test_the_system_prompt_comes_first_as_one_text(system: object, first: tuple[Message, ...]) -> None:
    assert asked(user(), system=system).request.messages == (*first, Message("user"))


def test_system_messages_may_stand_anywhere_and_say_nothing() -> None:
    turns = (
        {"role": "user", "content": "a"},
        {"role": "system", "content": "b", "output_config": {"effort": "low"}},
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
        {"role": "system"},
        {"role": "Assistant", "content": None},
        {"role": "developer", "content": "c"},
        {"content": "d"},
    )
    assert asked(*turns).request.messages == (
        Message("user", (Text("a"),)),
        Message("system", (Text("b"),)),
        Message("assistant"),
        Message("system", (Text("c"),)),
        Message("user", (Text("d"),)),
    )


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a\u2028b"} | CACHED, Text("a\u2028b")),
        ({"type": "image", "source": source(PNG)}, Image("image/png", PNG)),
        ({"type": "image", "source": source(PNG[:8] + "\n" + PNG[8:])}, Image("image/png", PNG)),
        ({"type": "image", "source": source(PDF)}, Document(PDF)),
        ({"type": "document", "source": source(PDF), "title": "x.pdf", "context": "c"}, Document(PDF, "x.pdf")),
        ({"type": "document", "source": source(PDF), "title": None}, Document(PDF)),
        ({"type": "document", "source": source("plain words", "text")}, Text("plain words")),
    ],
)
def test_what_a_user_shows(block: dict[str, object], part: Part) -> None:
    assert parts(user(block)) == (part,)
    assert result(content=[block]).parts == (part,)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": ""},
        {"type": "text"},
        {"type": "document", "source": source("", "text")},
        {"type": "search_result", "source": "https://x", "content": 1, "title": 2},
    ],
)
def test_blocks_that_hold_nothing_are_left_out(block: dict[str, object]) -> None:
    assert parts(user(block, {"type": "text", "text": "a"})) == (Text("a"),)
    assert result(content=[block]).parts == ()


@pytest.mark.parametrize(
    ("block", "thoughts"),
    [
        ({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, (Thought("hm", "c2ln"),)),
        ({"type": "thinking", "thinking": "", "signature": "c2ln"}, (Thought("", "c2ln"),)),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, ()),
        ({"type": "thinking", "thinking": "hm"}, ()),
        ({"type": "redacted_thinking", "data": "c2Vh"}, (Thought(redacted="c2Vh"),)),
        ({"type": "redacted_thinking"}, ()),
    ],
)
def test_thoughts_come_back_when_they_are_proved(block: object, thoughts: tuple[Thought, ...]) -> None:
    assert parts(assistant(block, {"type": "text", "text": "Yes."})) == (*thoughts, Text("Yes."))


@pytest.mark.parametrize(
    ("sent", "arguments"),
    [({}, {}), (None, {}), ({"b": 2.0, "a": [0.5, None]}, {"b": 2, "a": [0.5, None]}), ('{"x":1}', {"x": 1})],
)
def test_the_input_of_a_call_is_an_object(sent: object, arguments: dict[str, Any]) -> None:
    called, _ = asked(assistant(CALL | {"input": sent}), user()).request.messages
    assert called.parts == (ToolCall("toolu_1", "weather", arguments),)


@pytest.mark.parametrize(
    ("fields", "shown", "error"),
    [
        ({}, (), False),
        ({"content": None, "is_error": None}, (), False),
        ({"content": ""}, (), False),
        ({"content": "12 °C", "is_error": False}, (Text("12 °C"),), False),
        ({"content": [{"type": "text", "text": "No such city."}], "is_error": True}, (Text("No such city."),), True),
    ],
)
def test_a_result_has_what_the_tool_said(fields: dict[str, Any], shown: tuple[Text, ...], error: bool) -> None:
    assert result(**fields) == ToolResult("toolu_1", shown, error, "weather")


def test_results_stand_before_what_the_user_says_in_the_order_of_the_calls() -> None:
    messages = asked(
        {"role": "user", "content": "Where is it warm?"},
        assistant({"type": "text", "text": "I look."}, CALL, CALL | {"id": "toolu_2", "name": "now", "input": {}}),
        user(
            {"type": "text", "text": "Well?"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "noon"},
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12 °C"},
        ),
    ).request.messages
    assert messages[1:] == (
        Message("assistant", (Text("I look."), CALLED, ToolCall("toolu_2", "now"))),
        Message(
            "user",
            (
                ToolResult("toolu_1", (Text("12 °C"),), name="weather"),
                ToolResult("toolu_2", (Text("noon"),), name="now"),
                Text("Well?"),
            ),
        ),
    )


def test_blocks_that_mean_nothing_here_are_named_once() -> None:
    search = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": {"error_code": "unavailable"}}
    turns = (
        user({"type": "text", "text": "a"}),
        assistant(
            {"type": "server_tool_use", "id": 1, "input": []}, search, search, {"type": "x\r\ny"}, {"type": "z"}, CALL
        ),
        user({"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "tool_reference"}, CALL]}),
    )
    assert asked(*turns).unsupported == (
        "content.server_tool_use",
        "content.web_search_tool_result",
        "content.other",
        "content.tool_reference",
    )


def image(**fields: object) -> dict[str, object]:
    return user({"type": "image", "source": fields or None})


def document(**fields: object) -> dict[str, object]:
    return user({"type": "document", "source": fields or None})


UNMARSHAL = "json: cannot unmarshal {} into Go struct field"


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        (
            {"content": 1},
            f"{UNMARSHAL.format('number')} MessageParam.messages.content of type []anthropic.ContentBlock",
        ),
        (user("x"), f"{UNMARSHAL.format('string')} MessageParam.messages.content of type anthropic.ContentBlock"),
        (
            user({"type": "text", "text": 1}),
            f"{UNMARSHAL.format('number')} ContentBlock.messages.content.text of type string",
        ),
        (user({}), "content block missing required 'type' field"),
        (user(None), "content block missing required 'type' field"),
        (assistant({"type": "tool_use", "name": "x"}), "tool_use block missing required 'id' field"),
        (assistant({"type": "tool_use", "id": "x"}), "tool_use block missing required 'name' field"),
        (assistant(CALL | {"input": [1]}), "tool_use block has an 'input' that is not an object"),
        (assistant(CALL), "the last message calls tools: send their results"),
        (user({"type": "tool_result"}), "tool_result block missing required 'tool_use_id' field"),
        (user(CALL), "tool_use blocks belong to the assistant's messages, not to the user's"),
        (
            assistant({"type": "tool_result", "tool_use_id": "x"}),
            "tool_result blocks belong to the user's messages, not to the assistant's",
        ),
        (
            user({"type": "thinking", "thinking": "hm"}),
            "thinking blocks belong to the assistant's messages, not to the user's",
        ),
        (image(), "invalid image source"),
        (image(data=PNG), "invalid image source"),
        (image(type="base64"), "invalid image source"),
        (image(type="url", url="https://x"), "invalid image source type: url. Only base64 images are supported."),
        (image(type="file", file_id="f"), "invalid image source type: file. Only base64 images are supported."),
        (image(type="text", data="x"), "invalid image source type: text. Only base64 images are supported."),
        (image(type="base64", data="a*"), "invalid base64 image data: illegal base64 data at input byte 1"),
        (image(type="base64", data="eHh4"), "unsupported image format: images must be PNG, JPEG, GIF, WebP or PDF"),
        (document(), "invalid document source"),
        (document(type="text"), "invalid document source"),
        (
            document(type="content", content=[]),
            "invalid document source type: content. Only base64 and text documents are supported.",
        ),
        (document(type="base64", data="a"), "invalid base64 document data: illegal base64 data at input byte 0"),
        (document(type="base64", data=PNG), "unsupported file type: files must be PDF documents"),
    ],
)
def test_blocks_that_make_no_sense_are_refused(turn: object, text: str) -> None:
    assert refused(turn) == text


def test_pictures_in_results_count() -> None:
    picture = {"type": "image", "source": source(PNG)}
    shown = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [picture] * 60}
    assert refused(assistant(CALL), user(shown, *[picture] * 41)) == "too many images: 101, at most 100"
