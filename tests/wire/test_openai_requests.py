"""Bodies of /v1/chat/completions."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.core.errors import ModelNotFound, ServerError
from proxy.core.request import ChatRequest, Document, Image, Message, Role, Text, ToolCall, ToolResult
from proxy.wire.openai.requests import OpenAIChat, parse_chat_completion

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
HELLO = [{"role": "user", "content": "hello"}]


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def chat(**fields: Any) -> OpenAIChat:
    return parse_chat_completion(json.dumps({"model": "sonnet", "messages": HELLO} | fields).encode())


def messages(*turns: object) -> tuple[Message, ...]:
    return chat(messages=list(turns)).request.messages


def refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        parse_chat_completion(body)
    return caught.value.status, caught.value.message


def refused(**fields: Any) -> tuple[int, str]:
    return refusal(json.dumps({"model": "sonnet", "messages": HELLO} | fields).encode())


def test_a_chat_of_one_line_does_not_stream_by_default() -> None:
    request = ChatRequest("sonnet", (said("user", "hello"),))
    assert chat() == OpenAIChat(request, stream=False, include_usage=False, unsupported=())
    assert chat(model="SonneT:latest").model == "SonneT:latest"


def test_usage_is_streamed_on_demand() -> None:
    asked = chat(stream=True, stream_options={"include_usage": True})
    assert (asked.stream, asked.include_usage) == (True, True)


def test_roles_pass_and_developers_are_systems() -> None:
    turns = [{"role": role, "content": "x"} for role in ("system", "user", "assistant", "developer", "critic")]
    assert [message.role for message in messages(*turns)] == ["system", "user", "assistant", "system", "user"]


def test_parts_of_a_message_stay_together_in_order() -> None:
    content = [
        {"type": "text", "text": "this"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "text", "text": ""},
        {"type": "text", "text": "and that"},
        {"type": "image_url", "image_url": f"data:;base64,{PNG}"},
    ]
    picture = Image("image/png", PNG)
    assert messages({"role": "user", "content": content}) == (
        Message("user", (Text("this"), picture, Text("and that"), picture)),
    )


@pytest.mark.parametrize(
    ("part", "document"),
    [
        ({"file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "x.pdf"}}, Document(PDF, "x.pdf")),
        ({"file": {"file_data": f"data:application/pdf;name=x.pdf;base64,{PDF}"}}, Document(PDF)),
        ({"file": {"file_data": f"data:;base64,{PDF}", "filename": None}}, Document(PDF)),
        ({"file": {"file_data": PDF, "filename": "y.pdf", "file_id": None}}, Document(PDF, "y.pdf")),
        ({"type": "image_url", "image_url": {"url": f"data:application/pdf;base64,{PDF}"}}, Document(PDF)),
        ({"type": "image_url", "image_url": f"data:;base64,{PDF}"}, Document(PDF)),
    ],
)
def test_a_pdf_is_a_document_in_its_place(part: dict[str, object], document: Document) -> None:
    content = [{"type": "text", "text": "read"}, {"type": "file"} | part, {"type": "text", "text": "this"}]
    assert messages({"role": "user", "content": content}) == (Message("user", (Text("read"), document, Text("this"))),)


def test_the_pictures_of_a_request_are_counted_over_all_its_messages() -> None:
    turn = {"role": "user", "content": [{"type": "image_url", "image_url": f"data:;base64,{PNG}"}] * 60}
    assert refused(messages=[turn, turn]) == (400, "too many images: 120, at most 100")


def test_reasoning_of_earlier_answers_is_dropped() -> None:
    assert messages({"role": "assistant", "content": "a", "reasoning": "hm"}) == (said("assistant", "a"),)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "EOF"),
        (b"  ", "EOF"),
        (b"{", "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type openai.ChatCompletionRequest"),
        (
            b'{"model":1}',
            "json: cannot unmarshal number into Go struct field ChatCompletionRequest.model of type string",
        ),
        (
            b'{"messages":[{"role":1}]}',
            "json: cannot unmarshal number into Go struct field Message.messages.role of type string",
        ),
        (
            b'{"messages":["x"]}',
            "json: cannot unmarshal string into Go struct field ChatCompletionRequest.messages of type openai.Message",
        ),
        (
            b'{"stream_options":{"include_usage":1}}',
            "json: cannot unmarshal number into Go struct field StreamOptions.stream_options.include_usage "
            "of type bool",
        ),
        (
            b'{"temperature":"x"}',
            "json: cannot unmarshal string into Go struct field ChatCompletionRequest.temperature of type float64",
        ),
        (
            b'{"top_p":1e999}',
            "json: cannot unmarshal number 1e999 into Go struct field ChatCompletionRequest.top_p of type float64",
        ),
        (
            b'{"max_tokens":1.5}',
            "json: cannot unmarshal number 1.5 into Go struct field ChatCompletionRequest.max_tokens of type int",
        ),
        (b"{}", "[] is too short - 'messages'"),
        (b"null", "[] is too short - 'messages'"),
        (b'{"model":"m","messages":[]}', "[] is too short - 'messages'"),
        (b'{"messages":[{"role":"user","content":"x"}]}', "model is required"),
        (b'{"model":"a b","messages":[{"role":"user","content":"x"}]}', "invalid model name"),
    ],
)
def test_a_body_that_does_not_fit_is_described_in_the_words_of_go(body: bytes, text: str) -> None:
    assert refusal(body) == (400, text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "invalid message content type: <nil>"),
        (1.5, "invalid message content type: float64"),
        (True, "invalid message content type: bool"),
        ({"a": 1}, "invalid message content type: map[string]interface {}"),
        (["x"], "invalid message format"),
        ([{"type": "file"}], "invalid message format"),
        ([{"type": "file", "file": {"file_data": 1}}], "invalid message format"),
        ([{"type": "file", "file": {"file_data": PDF, "filename": 1}}], "invalid message format"),
        (
            [{"type": "file", "file": {"file_id": "file-1"}}],
            "file uploads by file_id are not supported, send file_data",
        ),
        ([{"type": "file", "file": {}}], "file uploads by file_id are not supported, send file_data"),
        (
            [{"type": "file", "file": {"file_data": "https://x/y.pdf"}}],
            "file URLs are not currently supported, please use base64 encoded data instead",
        ),
        (
            [{"type": "file", "file": {"file_data": "data:application/pdf,x"}}],
            "invalid file input: file_data must be base64, or a data URI with it",
        ),
        (
            [{"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}}],
            'unsupported file type "image/png": files must be PDF documents',
        ),
        ([{"type": "file", "file": {"file_data": "AAAA"}}], "unsupported file type: files must be PDF documents"),
        ([{"type": "input_audio", "input_audio": {"data": "AAAA"}}], "audio input is not supported"),
        ([{}], "invalid message format"),
        ([{"type": "text", "text": 1}], "invalid message format"),
        ([{"type": "image_url"}], "invalid message format"),
        ([{"type": "image_url", "image_url": {"url": 1}}], "invalid message format"),
        ([{"type": "image_url", "image_url": "AAAA"}], "invalid image input"),
        (
            [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}],
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
    ],
)
def test_content_of_another_kind_is_refused_before_the_model_is_looked_at(content: object, text: str) -> None:
    assert refused(model="", messages=[{"role": "user", "content": content}]) == (400, text)


def test_more_than_one_choice_is_refused() -> None:
    assert refused(n=2) == (400, "n must be 1: every request has one choice")
    assert chat(n=1).unsupported == ()


def test_top_logprobs_are_bounded() -> None:
    assert refused(top_logprobs=21) == (400, "top_logprobs must be between 0 and 20")


def test_a_reasoning_effort_that_does_not_exist_is_refused() -> None:
    text = (
        'invalid reasoning value: "bogus" '
        '(must be "minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none")'
    )
    assert refused(reasoning_effort="bogus") == (400, text)
    assert refused(reasoning={"effort": "bogus"}, model="") == (400, text)


def test_an_unknown_model_is_noticed_after_the_messages() -> None:
    def unknown(name: str) -> None:
        raise ModelNotFound(f"model '{name}' not found")

    with pytest.raises(ModelNotFound, match=r"^model 'nope' not found$"):
        parse_chat_completion(json.dumps({"model": "nope", "messages": HELLO}).encode(), unknown)


def test_sound_is_refused() -> None:
    assert refused(modalities=["text", "audio"], audio={"voice": "v"}) == (400, "audio output is not supported")


CALL = {"name": "weather", "arguments": '{"city":"Köln"}'}
RESULT = {"role": "function", "name": "weather", "content": "12 °C"}


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ({"content": None, "function_call": CALL}, [ToolCall("", "weather", {"city": "Köln"})]),
        ({"function_call": CALL, "tool_calls": None}, [ToolCall("", "weather", {"city": "Köln"})]),
        ({"content": "I look.", "function_call": CALL}, [Text("I look."), ToolCall("", "weather", {"city": "Köln"})]),
        (
            {"content": "", "function_call": CALL, "tool_calls": [{"id": "a", "function": {"name": "now"}}]},
            [ToolCall("", "now")],
        ),
    ],
)
def test_a_function_call_is_a_call_of_a_tool(sent: dict[str, Any], parts: list[Text | ToolCall]) -> None:
    result = RESULT | {"name": parts[-1].name} if isinstance(parts[-1], ToolCall) else RESULT
    said_first, answered = messages({"role": "assistant"} | sent, result)
    ids = [part.id for part in said_first.parts if isinstance(part, ToolCall)]
    assert [replace(part, id="") if isinstance(part, ToolCall) else part for part in said_first.parts] == parts
    assert [part.call_id for part in answered.parts if isinstance(part, ToolResult)] == ids


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"role": "developer", "content": "a"}, said("system", "a")),
        ({"role": "assistant", "content": "a", "reasoning_content": {"x": 1}}, said("assistant", "a")),
        ({"role": "assistant", "content": "a", "function_call": {}, "refusal": None}, said("assistant", "a")),
        ({"role": "assistant", "content": None, "refusal": "no"}, said("assistant", "no")),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, said("assistant", "no")),
    ],
)
def test_what_answers_hold_besides_their_words_may_come_back(sent: dict[str, Any], read: Message) -> None:
    assert messages(sent, HELLO[0]) == (read, said("user", "hello"))
