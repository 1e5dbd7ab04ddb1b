"""Bodies of /v1/responses: what they want of a model, and what an answer repeats of them."""

import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.request import ChatRequest, JsonFormat, Message, Options, Text, Think, Tool, ToolChoice
from proxy.wire.responses import SPELLINGS, Responses, parse_response

HELLO = (Message("user", (Text("hello"),)),)
WEATHER = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}, "strict": False}
TOOL = Tool("weather", "d", {"type": "object"})


def response(**fields: Any) -> Responses:
    return parse_response(json.dumps({"model": "sonnet", "input": "hello"} | fields).encode())


def read(**fields: Any) -> ChatRequest:
    return ChatRequest("sonnet", HELLO, **fields)


def refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        parse_response(body)
    return caught.value.status, caught.value.message


def refused(**fields: Any) -> tuple[int, str]:
    return refusal(json.dumps({"model": "sonnet", "input": "hello"} | fields).encode())


@pytest.mark.parametrize(
    ("fields", "request_read"),
    [
        ({}, read()),
        ({"model": None, "name": "sonnet"}, read()),
        ({"temperature": 0, "top_p": 0.5}, read(options=Options(temperature=0.0, top_p=0.5))),
        ({"temperature": None, "top_p": None, "max_output_tokens": None}, read()),
        ({"max_output_tokens": 7}, read(options=Options(max_tokens=7))),
        ({"max_output_tokens": 0}, read()),
        ({"truncation": "auto"}, read()),
        ({"truncation": None}, read()),
        ({"truncation": "disabled"}, read(truncate=False)),
        ({"text": {"format": {"type": "text"}}}, read()),
        ({"text": {}}, read()),
        ({"text": {"format": {"type": "json_object"}}}, read(format=JsonFormat())),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": {"minimum": 2.0}}}},
            read(format=JsonFormat({"minimum": 2})),
        ),
        ({"store": True, "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}, "user": "u"}, read()),
        ({"previous_response_id": None, "conversation": None, "background": False, "prompt": None}, read()),
        ({"stream_options": {"include_obfuscation": False}, "service_tier": "flex"}, read()),
        ({"tools": [WEATHER]}, read(tools=(TOOL,))),
        ({"tools": [{"type": "function", "function": WEATHER}]}, read(tools=(TOOL,))),
        ({"tools": [{"name": "now", "description": None, "parameters": None}]}, read(tools=(Tool("now"),))),
        (
            {"tools": [WEATHER, {"type": "namespace", "name": "ns", "tools": [WEATHER, {"name": "now"}]}]},
            read(tools=(TOOL, Tool("ns.weather", "d", {"type": "object"}), Tool("ns.now"))),
        ),
        ({"tools": [{"type": "namespace", "name": "ns"}]}, read()),
        ({"parallel_tool_calls": False}, read(tool_choice=ToolChoice(parallel=False))),
        ({"tool_choice": "none"}, read(tool_choice=ToolChoice("none"))),
        ({"tools": [WEATHER], "tool_choice": "required"}, read(tools=(TOOL,), tool_choice=ToolChoice("required"))),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "weather"}},
            read(tools=(TOOL,), tool_choice=ToolChoice("named", "weather")),
        ),
        (
            {
                "tools": [{"type": "namespace", "name": "ns", "tools": [{"name": "now"}]}],
                "tool_choice": {"type": "function", "name": "now", "namespace": "ns"},
            },
            read(tools=(Tool("ns.now"),), tool_choice=ToolChoice("named", "ns.now")),
        ),
    ],
)
def test_what_a_model_may_do_is_read(fields: dict[str, Any], request_read: ChatRequest) -> None:
    call = response(**fields)
    assert (call.request, call.stream, call.unsupported) == (request_read, False, ())
    assert call.model == "sonnet"


@pytest.mark.parametrize(
    ("effort", "think"),
    [(None, None), ("", None), ("none", False), ("minimal", "low"), ("medium", "medium"), ("xhigh", "xhigh")],
)
def test_an_effort_is_a_level_of_thinking(effort: str | None, think: Think | None) -> None:
    assert response(reasoning={"effort": effort, "summary": "auto"}).request.think == think


def test_every_spelling_is_a_field_of_a_body() -> None:
    fields: dict[str, Any] = {SPELLINGS[name]: 2 for name in ("temperature", "top_p", "max_tokens")}
    for name, value in (("think", {"effort": "high"}), ("format", {"format": {"type": "json_object"}})):
        fields[SPELLINGS[name].partition(".")[0]] = value
    assert response(**fields).request == read(options=Options(2.0, 2.0, None, (), 2), think="high", format=JsonFormat())


def test_a_response_streams_when_it_is_asked_to() -> None:
    assert response(stream=True).stream


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"seed": 1, "frequency_penalty": 1, "presence_penalty": 0}, ("seed", "frequency_penalty")),
        ({"top_logprobs": 3}, ("top_logprobs",)),
        ({"top_logprobs": 0, "text": {"verbosity": "medium"}}, ()),
        ({"text": {"verbosity": "low", "format": {"type": "grammar"}}}, ("text.format", "text.verbosity")),
    ],
)
def test_what_no_model_does_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert response(**fields).unsupported == names


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"previous_response_id": "resp_1"},
            "previous_response_id is not supported: send the whole conversation as input",
        ),
        ({"conversation": "conv_1"}, "conversation is not supported: send the whole conversation as input"),
        ({"background": True}, "background is not supported: stay for the answer"),
        (
            {"prompt": {"id": "pmpt_1"}},
            "prompt is not supported: no templates are stored here, send instructions and input",
        ),
        (
            {"reasoning": {"effort": "bogus"}},
            'invalid reasoning value: "bogus" '
            '(must be "minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none")',
        ),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format: json_schema needs a schema object"),
        ({"top_logprobs": 21}, "top_logprobs must be between 0 and 20"),
        (
            {
                "tools": [
                    {"type": "local_shell"},
                    {"type": "namespace", "name": "ns", "tools": [{"type": "custom"}, {}]},
                ]
            },
            "tools[1].tools[1] has no name",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0] has no name"),
        ({"tools": [None]}, "tools[0] has no name"),
        ({"tools": [{"type": "namespace"}]}, "tools[0] has no name"),
        ({"tool_choice": "required"}, 'tool_choice "required" needs tools'),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, 'tool_choice "required" needs tools'),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "now"}},
            'tool_choice names "now", which is not among the tools',
        ),
        (
            {"tools": [WEATHER, {"type": "web_search"}], "tool_choice": {"type": "web_search"}},
            'invalid tool_choice: {"type":"web_search"}; expected "auto", "none", "required" or '
            '{"type":"function","function":{"name":"..."}}',
        ),
        (
            {"temperature": "1"},
            "json: cannot unmarshal string into Go struct field ResponsesRequest.temperature of type float64",
        ),
        (
            {"tools": [{"type": "function", "name": "f", "parameters": "x"}]},
            "json: cannot unmarshal string into Go struct field ResponsesTool.tools.parameters "
            "of type map[string]interface {}",
        ),
        ({"model": ""}, "model is required"),
        ({"model": "a b"}, "invalid model name"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refused(**fields) == (400, text)


@pytest.mark.parametrize(("body", "text"), [(b"", "EOF"), (b"null", "input is empty: there is nothing to answer")])
def test_a_body_that_holds_nothing_is_refused(body: bytes, text: str) -> None:
    assert refusal(body) == (400, text)


def test_an_unknown_model_is_noticed_after_the_input() -> None:
    def unknown(name: str) -> None:
        raise ModelNotFound(f"model '{name}' not found")

    with pytest.raises(ModelNotFound, match=r"^model 'nope' not found$"):
        parse_response(b'{"model":"nope","input":"hello"}', unknown)
    with pytest.raises(InvalidRequest, match="input is empty"):
        parse_response(b'{"model":"nope"}', unknown)


def test_the_defaults_are_repeated_where_a_body_says_nothing() -> None:
    assert response().echo == {
        "background": False,
        "frequency_penalty": 0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "presence_penalty": 0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1,
        "truncation": "auto",
        "user": None,
    }


def test_what_a_body_says_is_repeated() -> None:
    choice = {"type": "function", "name": "weather"}
    wanted = {"type": "json_schema", "name": "n", "strict": True, "schema": {"type": "object"}}
    echo = response(
        instructions="Be brief.",
        max_output_tokens=5,
        metadata={"a": "b"},
        parallel_tool_calls=False,
        prompt_cache_key="k",
        reasoning={"effort": "low"},
        store=True,
        temperature=0,
        text={"format": wanted},
        tool_choice=choice,
        tools=[WEATHER],
        top_p=0.5,
        truncation="disabled",
        user="u",
    ).echo
    assert echo == {
        **response().echo,
        "instructions": "Be brief.",
        "max_output_tokens": 5,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "k",
        "reasoning": {"effort": "low", "summary": None},
        "temperature": 0.0,
        "text": {"format": wanted},
        "tool_choice": choice,
        "tools": [WEATHER],
        "top_p": 0.5,
        "truncation": "disabled",
        "user": "u",
    }


def test_the_namespaces_of_tools_are_kept_for_the_answer() -> None:
    tools = [WEATHER, {"type": "namespace", "name": "a.b", "tools": [{"name": "now"}]}]
    assert response(tools=tools).namespaces == {"a.b.now": "a.b"}


def test_tools_that_nobody_here_serves_are_left_out_and_named() -> None:
    custom = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}}
    inner = {"type": "namespace", "name": "ns", "tools": [custom, {"name": "now"}, {"type": "namespace", "name": "x"}]}
    search = {"type": "web_search_2025_08_26", "filters": {}}
    read = response(tools=[search, WEATHER, {"type": "image_generation"}, {"type": "mcp", "server_label": "s"}, inner])
    assert read.request.tools == (TOOL, Tool("ns.now"))
    assert read.namespaces == {"ns.now": "ns"}
    left_out = ("tools.web_search", "tools.image_generation", "tools.mcp", "tools.custom", "tools.other")
    assert read.unsupported == left_out


def test_what_a_tool_asks_for_in_vain_is_named() -> None:
    assert response(tools=[WEATHER | {"strict": True}]).unsupported == ("tools.strict",)
