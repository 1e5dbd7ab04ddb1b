"""Calls of tools and their results, as clients send them back."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Text, ToolCall, ToolResult
from proxy.wire.ollama import parse_chat
from proxy.wire.openai import parse_chat_completion

Parse = Callable[..., tuple[Message, ...]]
Content = Text | Image | Document

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
CITY = {"name": "weather", "arguments": {"city": "Köln"}}
DONE = {"role": "tool", "content": "done"}


def chat(*turns: object) -> tuple[Message, ...]:
    return parse_chat(json.dumps({"model": "sonnet", "messages": turns}).encode()).request.messages


def completion(*turns: object) -> tuple[Message, ...]:
    return parse_chat_completion(json.dumps({"model": "sonnet", "messages": turns}).encode()).request.messages


BOTH = pytest.mark.parametrize("parse", [chat, completion])


def refused(parse: Parse, *turns: object) -> tuple[int, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse(*turns)
    return caught.value.status, caught.value.message


def called(*calls: object, **fields: object) -> dict[str, object]:
    return {"role": "assistant", "content": "", "tool_calls": calls} | fields


def arguments_of(messages: tuple[Message, ...]) -> object:
    [call] = messages[0].parts
    assert isinstance(call, ToolCall)
    return call.arguments


@BOTH
def test_calls_stand_behind_the_words_and_results_are_the_users(parse: Parse) -> None:
    messages = parse(
        {"role": "user", "content": "Where is it warm?"},
        called({"id": "a", "function": CITY}, {"id": "b", "type": "function", "function": {"name": "now"}})
        | {"content": "I look.", "thinking": "hm", "reasoning": "hm"},
        {"role": "tool", "tool_call_id": "a", "content": "12 °C"},
        {"role": "TOOL", "tool_call_id": "b", "content": ""},
        {"role": "user", "content": "Well?"},
    )
    assert messages[1:] == (
        Message("assistant", (Text("I look."), ToolCall("a", "weather", {"city": "Köln"}), ToolCall("b", "now"))),
        Message(
            "user",
            (ToolResult("a", (Text("12 °C"),), name="weather"), ToolResult("b", name="now"), Text("Well?")),
        ),
    )


@BOTH
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({}, {}),
        (None, {}),
        ("", {}),
        ("{}", {}),
        ({"z": 1, "a": {"y": [], "b": None}}, {"z": 1, "a": {"y": [], "b": None}}),
        (' {"z":1,"a":{"y":[],"b":null}}\n', {"z": 1, "a": {"y": [], "b": None}}),
        ({"n": 2**70, "f": 0.5}, {"n": 2**70, "f": 0.5}),
        (f'{{"n":{2**70},"f":5e-1,"w":2.0}}', {"n": 2**70, "f": 0.5, "w": 2}),
        ('{"a":1,"a":2}', {"a": 2}),
        (r'{"a":"\ud83d\ude00 \ud83d"}', {"a": "😀 \ufffd"}),
    ],
)
def test_arguments_are_an_object_or_its_text(parse: Parse, sent: object, read: dict[str, Any]) -> None:
    messages = parse(called({"function": {"name": "f", "arguments": sent}}), DONE)
    assert json.dumps(arguments_of(messages)) == json.dumps(read)


@pytest.mark.parametrize("sent", ["x", "[1]", '{"a":1', '{"a":1} x', '{"a":NaN}', '"{}"', "null", [], [1], 1, True])
def test_arguments_that_are_no_object_are_refused(sent: object) -> None:
    turns = (called({"id": "1", "function": {"name": "f", "arguments": sent}}), DONE)
    assert refused(chat, *turns) == (400, "Value looks like object, but can't find closing '}' symbol")
    assert refused(completion, *turns) == (400, "invalid tool call arguments")


@BOTH
@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ('{"a":' + "[" * 200 + "]" * 200 + "}", "the JSON of the request is nested too deeply"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "the JSON of the request is nested too deeply"),
        ('{"a":1e999}', "the JSON of the request has a number that is too large"),
    ],
)
def test_arguments_beyond_all_measure_are_refused(parse: Parse, sent: str, text: str) -> None:
    assert refused(parse, called({"function": {"name": "f", "arguments": sent}}), DONE) == (400, text)


@BOTH
@pytest.mark.parametrize("call", [None, {}, {"id": "a", "function": None}, {"function": {"name": "", "arguments": {}}}])
def test_a_call_without_a_name_is_refused(parse: Parse, call: object) -> None:
    assert refused(parse, called(call), DONE) == (400, "a tool call needs the name of its function")


@BOTH
def test_only_the_assistant_calls_tools(parse: Parse) -> None:
    text = "tool_calls belong to the assistant's messages, not to the user's"
    assert refused(parse, called({"function": CITY}, role="user"), DONE) == (400, text)
    assert parse({"role": "user", "content": "x", "tool_calls": []}) == (Message("user", (Text("x"),)),)


@BOTH
def test_calls_that_nothing_follows_are_refused(parse: Parse) -> None:
    text = "the last message calls tools: send their results"
    assert refused(parse, called({"id": "a", "function": CITY})) == (400, text)


@BOTH
@pytest.mark.parametrize("content", [None, [], ""])
def test_calls_need_no_content(parse: Parse, content: object) -> None:
    first = parse(called({"id": "a", "function": CITY}, content=content), DONE)[0]
    assert first == Message("assistant", (ToolCall("a", "weather", {"city": "Köln"}),))


@pytest.mark.parametrize(
    ("hints", "answered"),
    [
        ({}, "first"),
        ({"tool_call_id": None, "tool_name": None, "name": None}, "first"),
        ({"tool_call_id": "2"}, "second"),
        ({"tool_name": "second"}, "second"),
        ({"name": "second"}, "second"),
        ({"tool_name": "second", "name": "first"}, "second"),
        ({"name": 7}, "first"),
        ({"name": {"a": []}}, "first"),
    ],
)
def test_ollamas_results_name_their_call_in_many_ways(hints: dict[str, object], answered: str) -> None:
    calls = ({"id": "1", "function": {"name": "first"}}, {"id": "2", "function": {"name": "second"}})
    results = [part for part in chat(called(*calls), DONE | hints)[1].parts if isinstance(part, ToolResult)]
    assert [result.name for result in results if not result.error] == [answered]


@pytest.mark.parametrize(
    ("hints", "answered"),
    [
        ({}, "first"),
        ({"tool_call_id": "2"}, "second"),
        ({"name": "second"}, "second"),
        ({"role": "function", "name": "second"}, "second"),
        ({"role": "Function", "name": "second", "tool_call_id": None}, "second"),
    ],
)
def test_openais_results_name_their_call_in_several_ways(hints: dict[str, object], answered: str) -> None:
    calls = ({"id": "1", "function": {"name": "first"}}, {"id": "2", "function": {"name": "second"}})
    results = [part for part in completion(called(*calls), DONE | hints)[1].parts if isinstance(part, ToolResult)]
    assert [result.name for result in results if not result.error] == [answered]


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        ({}, ()),
        ({"content": None}, ()),
        ({"content": []}, ()),
        ({"content": " \n"}, (Text(" \n"),)),
        ({"content": "x", "images": [PNG, PDF]}, (Image("image/png", PNG), Document(PDF), Text("x"))),
        ({"images": [PNG]}, (Image("image/png", PNG),)),
    ],
)
def test_ollamas_results_hold_text_and_pictures(result: dict[str, object], parts: tuple[Content, ...]) -> None:
    messages = chat(called({"id": "a", "function": CITY}), {"role": "tool"} | result)
    assert messages[1].parts == (ToolResult("a", parts, name="weather"),)


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        ({}, ()),
        ({"content": None}, ()),
        ({"content": []}, ()),
        ({"content": [{"type": "text", "text": ""}]}, ()),
        ({"content": " \n"}, (Text(" \n"),)),
        (
            {
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "text", "text": "b"},
                    {"type": "file", "file": {"file_data": PDF, "filename": "x.pdf"}},
                ]
            },
            (Text("a"), Image("image/png", PNG), Text("b"), Document(PDF, "x.pdf")),
        ),
    ],
)
def test_openais_results_hold_all_parts(result: dict[str, object], parts: tuple[Content, ...]) -> None:
    messages = completion(
        called({"id": "a", "type": "function", "function": CITY}), {"role": "tool", "tool_call_id": "a"} | result
    )
    assert messages[1].parts == (ToolResult("a", parts, name="weather"),)


def test_the_pictures_of_results_count_too() -> None:
    turns = (called({"function": CITY}), DONE | {"images": [PNG] * 60}, {"role": "user", "images": [PNG] * 41})
    assert refused(chat, *turns) == (400, "too many images: 101, at most 100")
    assert len(chat(*turns[:2])) == 2


def test_the_result_of_a_call_that_is_gone_is_the_users_text() -> None:
    told = Message("user", (Text("Result of an earlier call of weather:\n"), Text("done")))
    assert chat(DONE | {"tool_name": "weather"}) == (told,)
    assert completion(DONE | {"role": "function", "name": "weather"}) == (told,)
