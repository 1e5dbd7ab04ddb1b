"""The tools that requests offer, and the choice among them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Tool, ToolChoice
from proxy.wire.ollama import parse_chat
from proxy.wire.openai import parse_chat_completion

Parse = Callable[..., ChatRequest]

SCHEMA = {"type": "object", "properties": {"z": {"type": "integer", "maximum": 2**70}, "a": {"default": None}}}
F = {"type": "function", "function": {"name": "f"}}


def chat(**fields: Any) -> ChatRequest:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]} | fields
    return parse_chat(json.dumps(body).encode()).request


def completion(**fields: Any) -> ChatRequest:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]} | fields
    return parse_chat_completion(json.dumps(body).encode()).request


BOTH = pytest.mark.parametrize("parse", [chat, completion])


def refused(parse: Parse, **fields: Any) -> tuple[int, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    return caught.value.status, caught.value.message


@BOTH
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (None, ()),
        ([], ()),
        ([F], (Tool("f"),)),
        ([{"function": {"name": "f"}}], (Tool("f"),)),
        ([{"type": "", "function": {"name": "f", "description": None, "parameters": None}}], (Tool("f"),)),
        (
            [{"type": "function", "function": {"name": "a b/ü", "description": "d", "parameters": SCHEMA}}],
            (Tool("a b/ü", "d", SCHEMA),),
        ),
        (
            [{"function": {"name": "f", "parameters": {"nonsense": [None, 1.5]}, "strict": True}}],
            (Tool("f", "", {"nonsense": [None, 1.5]}),),
        ),
        ([F, F], (Tool("f"), Tool("f"))),
    ],
)
def test_tools_are_read_as_they_are(parse: Parse, sent: object, read: tuple[Tool, ...]) -> None:
    assert parse(tools=sent).tools == read


@BOTH
def test_a_schema_keeps_the_order_of_its_keys_and_its_whole_numbers(parse: Parse) -> None:
    [tool] = parse(tools=[{"function": {"name": "f", "parameters": SCHEMA}}]).tools
    assert json.dumps(tool.schema) == json.dumps(SCHEMA)


@BOTH
@pytest.mark.parametrize(
    ("tools", "text"),
    [
        ([F, {}], "tools[1] has no function name"),
        ([None], "tools[0] has no function name"),
        ([{"type": "function", "function": {"name": ""}}], "tools[0] has no function name"),
        (
            [{"function": {"name": "f", "parameters": "{}"}}],
            "json: cannot unmarshal string into Go struct field ToolFunction.tools.function.parameters "
            "of type api.ToolFunctionParameters",
        ),
    ],
)
def test_what_is_no_tool_is_refused(parse: Parse, tools: list[object], text: str) -> None:
    assert refused(parse, tools=tools) == (400, text)


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        ([{"type": "custom", "custom": {"name": "f"}}], ("tools.custom",)),
        (
            [{"type": "web_search"}, {"type": "web_search_preview_2025_03_11"}],
            ("tools.web_search", "tools.web_search_preview"),
        ),
        ([{"type": "web_search_20250305"}, {"type": "web_search_20260209"}], ("tools.web_search",)),
        ([{"type": "x"}, {"type": "y_20250305"}, {"type": "web_search_20250305x"}], ("tools.other",)),
    ],
)
def test_tools_that_nobody_here_serves_are_left_out_and_named(tools: list[object], names: tuple[str, ...]) -> None:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "tools": [*tools, F]}
    read = parse_chat_completion(json.dumps(body).encode())
    assert (read.request.tools, read.unsupported) == ((Tool("f"),), names)


def test_what_a_tool_asks_for_in_vain_is_named() -> None:
    for strict, names in ((True, ("tools.strict",)), (False, ())):
        tools = [{"type": "function", "function": {"name": "f", "strict": strict}}, F]
        body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "tools": tools}
        assert parse_chat_completion(json.dumps(body).encode()).unsupported == names


def test_the_place_of_a_tool_counts_those_that_are_left_out() -> None:
    assert refused(completion, tools=[{"type": "custom"}, {}]) == (400, "tools[1] has no function name")


@pytest.mark.parametrize("kind", ["web_search", "custom"])
def test_ollama_has_no_tools_but_functions(kind: str) -> None:
    text = f'tools[1] is of type "{kind}": only "function" is supported'
    assert refused(chat, tools=[F, {"type": kind}]) == (400, text)


@BOTH
def test_a_schema_that_is_too_deep_is_refused(parse: Parse) -> None:
    schema: dict[str, Any] = {}
    for _ in range(200):
        schema = {"not": schema}
    text = "the JSON of the request is nested too deeply"
    assert refused(parse, tools=[{"function": {"name": "f", "parameters": schema}}]) == (400, text)


def test_the_tools_of_a_request_that_only_loads_the_model_are_not_looked_at() -> None:
    assert chat(messages=[], tools=[{}]).tools == ()


@pytest.mark.parametrize(
    ("sent", "choice"),
    [
        ({}, ToolChoice()),
        ({"tool_choice": None, "parallel_tool_calls": None}, ToolChoice()),
        ({"tool_choice": "auto"}, ToolChoice()),
        ({"tool_choice": "none"}, ToolChoice("none")),
        ({"tool_choice": "required"}, ToolChoice("required")),
        ({"tool_choice": {"type": "auto"}}, ToolChoice()),
        ({"tool_choice": {"type": "none"}}, ToolChoice("none")),
        ({"tool_choice": {"type": "required"}}, ToolChoice("required")),
        ({"tool_choice": F}, ToolChoice("named", "f")),
        ({"parallel_tool_calls": True}, ToolChoice()),
        ({"parallel_tool_calls": False}, ToolChoice(parallel=False)),
        ({"tool_choice": "none", "parallel_tool_calls": False}, ToolChoice("none", parallel=False)),
        ({"tool_choice": "required", "parallel_tool_calls": False}, ToolChoice("required", parallel=False)),
        ({"tool_choice": F, "parallel_tool_calls": False}, ToolChoice("named", "f", parallel=False)),
    ],
)
def test_a_choice_is_read(sent: dict[str, object], choice: ToolChoice) -> None:
    assert completion(tools=[F], **sent).tool_choice == choice


@pytest.mark.parametrize("sent", [None, "auto", "none", {"type": "auto"}])
def test_without_tools_there_is_a_choice_that_chooses_none(sent: object) -> None:
    assert completion(tool_choice=sent).tools == ()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "any",
        "f",
        1,
        True,
        [],
        {},
        {"type": None},
        {"type": "function"},
        {"type": "function", "name": "f"},
        {"type": "function", "function": "f"},
        {"type": "function", "function": {"name": ""}},
        {"type": "function", "function": {"name": 1}},
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F]}},
        {"function": {"name": "f"}},
    ],
)
def test_another_choice_is_refused(value: object) -> None:
    shown = json.dumps(value, separators=(",", ":"))
    choices = '"auto", "none", "required" or {"type":"function","function":{"name":"..."}}'
    assert refused(completion, tools=[F], tool_choice=value) == (
        400,
        f"invalid tool_choice: {shown}; expected {choices}",
    )


@pytest.mark.parametrize(
    ("tools", "value", "text"),
    [
        ([], "required", 'tool_choice "required" needs tools'),
        ([{"type": "web_search"}], "required", 'tool_choice "required" needs tools'),
        ([], {"type": "required"}, 'tool_choice "required" needs tools'),
        ([], F, 'tool_choice names "f", which is not among the tools'),
        ([{"type": "custom", "name": "f"}], F, 'tool_choice names "f", which is not among the tools'),
        ([{"function": {"name": "F"}}], F, 'tool_choice names "f", which is not among the tools'),
    ],
)
def test_a_choice_that_the_tools_cannot_do_is_refused(tools: list[object], value: object, text: str) -> None:
    assert refused(completion, tools=tools, tool_choice=value) == (400, text)


def test_ollama_has_no_choice_to_read() -> None:
    assert chat(tools=[F], tool_choice="required", parallel_tool_calls=1).tool_choice == ToolChoice()
