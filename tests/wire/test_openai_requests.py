"""Bodies of /v1/chat/completions."""

import base64
import json
from typing import Any

import pytest

from proxy.core.errors import ModelNotFound, ServerError
from proxy.core.request import ChatRequest, Image, Message, Role, Text
from proxy.wire.openai.requests import OpenAIChat, parse_chat_completion

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
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


def test_an_assistant_message_may_have_tool_calls_in_place_of_content() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = chat(messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}])
    assert asked.request.messages == (said("user", "hello"), Message("assistant"))
    assert asked.unsupported == ("tool_calls",)


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


@pytest.mark.parametrize("role", ["tool", "function"])
def test_tool_results_are_refused_until_there_are_tools(role: str) -> None:
    text = f'messages with role "{role}" are not supported yet'
    assert refused(messages=[{"role": role, "content": "x"}]) == (400, text)


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


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8}, 8),
        ({"max_tokens": 7, "max_completion_tokens": 8}, 8),
        ({"max_tokens": 7, "max_completion_tokens": None}, 7),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 2**63 - 1}, 2**63 - 1),
        ({}, None),
    ],
)
def test_both_names_of_the_bound_count(fields: dict[str, object], limit: int | None) -> None:
    assert chat(**fields).request.max_tokens == limit


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 1, "top_p": 1.0, "frequency_penalty": 0, "presence_penalty": 0.0},
        {"temperature": None, "seed": None, "stop": None},
        {"stop": [], "tools": [], "functions": [], "logit_bias": {}, "response_format": {"type": "text"}},
        {"stop": "", "reasoning_effort": "none", "logprobs": False, "top_logprobs": 0},
        {"reasoning": {}, "response_format": {}, "reasoning_effort": ""},
        {"user": "u", "metadata": {"a": "b"}, "store": True, "parallel_tool_calls": False, "tool_choice": "auto"},
    ],
)
def test_what_asks_for_nothing_is_not_reported(fields: dict[str, Any]) -> None:
    assert chat(**fields).unsupported == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"temperature": 0, "seed": 0, "stop": "x"}, ("temperature", "seed", "stop")),
        (
            {"top_p": 0.5, "frequency_penalty": 1, "presence_penalty": -1},
            ("top_p", "frequency_penalty", "presence_penalty"),
        ),
        ({"tools": [{"type": "function"}]}, ("tools",)),
        ({"response_format": {"type": "json_object"}}, ("response_format",)),
        ({"reasoning_effort": "low"}, ("reasoning_effort",)),
        ({"reasoning": {"effort": "xhigh"}}, ("reasoning_effort",)),
        ({"logprobs": True, "top_logprobs": 2, "logit_bias": {"1": 2}}, ("logprobs", "top_logprobs", "logit_bias")),
        ({"web_search_options": {}}, ("web_search_options",)),
    ],
)
def test_what_is_not_done_yet_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert chat(**fields).unsupported == names
