"""The input of /v1/responses, as the messages of a conversation."""

import base64
import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Role, Text, Thought, ToolCall, ToolResult
from proxy.wire.responses import parse_response
from proxy.wire.responses.seal import sealed, unsealed

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
THOUGHT = Thought("hm \u2028\u00e9", "c2lnbmVk")
SEALED = Thought(redacted="c2VhbGVk")
HELLO = {"role": "user", "content": "hello"}
RESULT = {"type": "function_call_output", "call_id": "a", "output": "12 °C"}


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def messages(sent: object, **fields: Any) -> tuple[Message, ...]:
    return parse_response(json.dumps({"model": "sonnet", "input": sent} | fields).encode()).request.messages


def refused(sent: object) -> tuple[int, str]:
    with pytest.raises(InvalidRequest) as caught:
        messages(sent)
    return caught.value.status, caught.value.message


def called(id: str = "a", **fields: object) -> dict[str, object]:
    return {"type": "function_call", "id": "fc_1", "call_id": id, "name": "weather", "arguments": '{"x":1}'} | fields


def reasoned(thought: Thought) -> dict[str, object]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed(thought)}


CALL = ToolCall("a", "weather", {"x": 1})
ANSWERED = Message("user", (ToolResult("a", (Text("12 °C"),), name="weather"),))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("hello", (said("user", "hello"),)),
        ([HELLO], (said("user", "hello"),)),
        ([HELLO | {"type": "message", "status": "completed", "id": "msg_1"}], (said("user", "hello"),)),
        (
            [{"role": "developer", "content": "a"}, {"role": "SYSTEM", "content": "b"}, {"role": "x", "content": "c"}],
            (said("system", "a"), said("system", "b"), said("user", "c")),
        ),
        ([{"type": "message", "content": "a"}], (said("user", "a"),)),
        ([{"role": "user", "content": None}, HELLO], (Message("user"), said("user", "hello"))),
        ([{"role": "user"}], (Message("user"),)),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "a"},
                        {"type": "input_text", "text": ""},
                        {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"},
                        {"type": "input_file", "filename": "x.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
                    ],
                }
            ],
            (Message("user", (Text("a"), Image("image/png", PNG), Document(PDF, "x.pdf"))),),
        ),
        (
            [
                HELLO,
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [
                        {"type": "output_text", "text": "a", "annotations": []},
                        {"type": "refusal", "refusal": "b"},
                    ],
                },
                HELLO,
            ],
            (said("user", "hello"), Message("assistant", (Text("a"), Text("b"))), said("user", "hello")),
        ),
        ([HELLO, {"type": "web_search_call", "id": "ws_1"}, {"type": "mcp_call"}], (said("user", "hello"),)),
    ],
)
def test_an_item_is_a_message(sent: object, read: tuple[Message, ...]) -> None:
    assert messages(sent) == read


def test_instructions_come_first() -> None:
    sent = [{"role": "system", "content": "b"}, HELLO]
    assert messages(sent, instructions="a") == (said("system", "a"), said("system", "b"), said("user", "hello"))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([called(), RESULT], (Message("assistant", (CALL,)), ANSWERED)),
        (
            [{"role": "assistant", "content": "I look."}, called(), called("b", arguments=""), RESULT],
            (
                Message("assistant", (Text("I look."), CALL, ToolCall("b", "weather"))),
                Message(
                    "user",
                    (
                        *ANSWERED.parts,
                        ToolResult("b", (Text("No result was sent for this call."),), error=True, name="weather"),
                    ),
                ),
            ),
        ),
        (
            [called(), {"type": "web_search_call"}, called("b"), RESULT, RESULT | {"call_id": "b", "output": None}],
            (
                Message("assistant", (CALL, ToolCall("b", "weather", {"x": 1}))),
                Message("user", (*ANSWERED.parts, ToolResult("b", name="weather"))),
            ),
        ),
        (
            [called(), RESULT, called("b"), RESULT | {"call_id": "b"}],
            (
                Message("assistant", (CALL,)),
                ANSWERED,
                Message("assistant", (ToolCall("b", "weather", {"x": 1}),)),
                Message("user", (ToolResult("b", (Text("12 °C"),), name="weather"),)),
            ),
        ),
        (
            [called(namespace="ns"), RESULT],
            (
                Message("assistant", (ToolCall("a", "ns.weather", {"x": 1}),)),
                Message("user", (ToolResult("a", (Text("12 °C"),), name="ns.weather"),)),
            ),
        ),
        (
            [
                called(arguments={"x": 1}),
                RESULT
                | {
                    "output": [
                        {"type": "input_text", "text": "t"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                        {"type": "input_file", "file_data": PDF},
                    ]
                },
            ],
            (
                Message("assistant", (CALL,)),
                Message(
                    "user", (ToolResult("a", (Text("t"), Image("image/png", PNG), Document(PDF)), name="weather"),)
                ),
            ),
        ),
    ],
)
def test_calls_are_one_message_and_results_the_next(sent: list[object], read: tuple[Message, ...]) -> None:
    assert messages([HELLO, *sent]) == (said("user", "hello"), *read)


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ([reasoned(THOUGHT), {"role": "assistant", "content": "a"}], (THOUGHT, Text("a"))),
        (
            [reasoned(THOUGHT), reasoned(SEALED), {"role": "assistant", "content": "a"}, called()],
            (THOUGHT, SEALED, Text("a"), CALL),
        ),
        ([called("b"), reasoned(THOUGHT), called()], (ToolCall("b", "weather", {"x": 1}), THOUGHT, CALL)),
        ([{"role": "assistant", "content": "a"}, reasoned(THOUGHT)], (Text("a"),)),
    ],
)
def test_a_thought_stands_before_what_the_assistant_said_next(sent: list[object], parts: tuple[Any, ...]) -> None:
    read = messages([HELLO, *sent, HELLO])
    assert read[1] == Message("assistant", parts)


@pytest.mark.parametrize(
    "encrypted",
    [
        None,
        "",
        "so I thought",
        "gAAAAABo",
        base64.b64encode(b"[" * 100_000).decode(),
        "////",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"thinking":"x"}').decode(),
        base64.b64encode(b'{"thinking":"x","signature":""}').decode(),
        base64.b64encode(b'{"thinking":1,"signature":"x"}').decode(),
        base64.b64encode(b'{"redacted":""}').decode(),
    ],
)
def test_a_thought_of_another_server_is_left_out(encrypted: str | None) -> None:
    other = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": encrypted}
    read = messages([HELLO, other, {"role": "assistant", "content": "a"}, HELLO])
    assert read == (said("user", "hello"), said("assistant", "a"), said("user", "hello"))


@pytest.mark.parametrize("thought", [THOUGHT, SEALED, Thought("", "c2ln")])
def test_a_sealed_thought_comes_back_as_it_was(thought: Thought) -> None:
    assert sealed(thought).isascii()
    assert unsealed(sealed(thought)) == thought


def test_a_thought_without_a_proof_is_not_sealed() -> None:
    assert sealed(Thought("hm")) == ""


@pytest.mark.parametrize("sent", ["", [], None, [reasoned(THOUGHT)], [{"type": "web_search_call"}]])
def test_an_input_that_asks_nothing_is_refused(sent: object) -> None:
    assert refused(sent) == (400, "input is empty: there is nothing to answer")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            1,
            "input must be a string or array: json: cannot unmarshal number into Go value of type []json.RawMessage",
        ),
        (
            {"role": "user"},
            "input must be a string or array: json: cannot unmarshal object into Go value of type []json.RawMessage",
        ),
        (["x"], "input[0] must be an object"),
        ([{"type": "bogus"}], 'input[0]: unknown input item type: "bogus"'),
        ([HELLO, {"content": "x"}], "input[1]: input item missing required 'type' field"),
        ([{"role": 1}], "input[0]: role must be a string"),
        (
            [{"type": "item_reference", "id": "msg_1"}],
            "input[0]: item_reference is not supported: nothing is stored here, send the item itself",
        ),
        ([{"role": "user", "content": 1}], "input[0]: content must be a string or array"),
        ([{"role": "user", "content": ["x"]}], "input[0]: content[0] must be an object"),
        ([{"role": "user", "content": [{"type": "bogus"}]}], "input[0]: content[0]: unknown content type: bogus"),
        ([{"role": "user", "content": [{}]}], "input[0]: content[0]: unknown content type: "),
        (
            [{"role": "user", "content": [{"type": "input_text", "text": 1}]}],
            "input[0]: content[0]: text must be a string",
        ),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "audio input is not supported"),
        (
            [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}],
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "invalid image input"),
        (
            [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}],
            "file uploads by file_id are not supported, send image_url",
        ),
        (
            [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
            "file uploads by file_id are not supported, send file_data",
        ),
        (
            [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x/y.pdf"}]}],
            "file URLs are not currently supported, please use base64 encoded data instead",
        ),
        ([called(name=None)], "input[0]: a function call needs a name"),
        ([called(arguments="[1]")], "input[0]: invalid function call arguments"),
        ([called(arguments=[1])], "input[0]: invalid function call arguments"),
        ([called()], "the last message calls tools: send their results"),
        (
            [called(), RESULT | {"output": [{"type": "bogus"}]}],
            "input[1]: output[0]: unknown content type: bogus",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_refused(sent: object, text: str) -> None:
    assert refused(sent) == (400, text)


def test_the_pictures_of_results_count_too() -> None:
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    sent = [{"role": "user", "content": [picture] * 60}, called(), RESULT | {"output": [picture] * 41}]
    assert refused(sent) == (400, "too many images: 101, at most 100")
