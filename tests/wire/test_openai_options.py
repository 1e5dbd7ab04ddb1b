"""What bodies of /v1/chat/completions want of a model: options, thinking, a format."""

import json
from typing import Any

import pytest

from proxy.core.errors import ServerError
from proxy.core.request import ChatRequest, JsonFormat, Message, Options, Text, Think
from proxy.wire.openai import SPELLINGS, OpenAIChat, parse_chat_completion


def chat(**fields: Any) -> OpenAIChat:
    turns = [{"role": "user", "content": "hello"}]
    return parse_chat_completion(json.dumps({"model": "sonnet", "messages": turns} | fields).encode())


def refused(**fields: Any) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        chat(**fields)
    return caught.value.status, caught.value.message


def read(**fields: Any) -> ChatRequest:
    return ChatRequest("sonnet", (Message("user", (Text("hello"),)),), **fields)


@pytest.mark.parametrize(
    ("fields", "request_read"),
    [
        ({}, read()),
        ({"temperature": 0, "top_p": 1}, read(options=Options(temperature=0.0, top_p=1.0))),
        ({"temperature": None, "top_p": None, "top_k": None, "stop": None, "max_tokens": None}, read()),
        ({"top_k": 5}, read(options=Options(top_k=5))),
        ({"top_k": -1}, read()),
        ({"stop": "x"}, read(options=Options(stop=("x",)))),
        ({"stop": ["x", "", "\n"]}, read(options=Options(stop=("x", "\n")))),
        ({"stop": ""}, read()),
        ({"stop": []}, read()),
        ({"max_tokens": 7}, read(options=Options(max_tokens=7))),
        ({"max_completion_tokens": 8}, read(options=Options(max_tokens=8))),
        ({"max_tokens": 7, "max_completion_tokens": 8}, read(options=Options(max_tokens=8))),
        ({"max_tokens": 7, "max_completion_tokens": None}, read(options=Options(max_tokens=7))),
        ({"max_tokens": 0}, read()),
        ({"max_tokens": -1}, read()),
        ({"max_tokens": 2**63 - 1}, read(options=Options(max_tokens=2**63 - 1))),
        ({"response_format": None}, read()),
        ({"response_format": {"type": "text"}}, read()),
        ({"response_format": {"type": "grammar"}}, read()),
        ({"response_format": {}}, read()),
        ({"response_format": {"type": "json_object"}}, read(format=JsonFormat())),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {}}}},
            read(format=JsonFormat({})),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"minimum": 2.0, "enum": [None]}}}},
            read(format=JsonFormat({"minimum": 2, "enum": [None]})),
        ),
        ({"keep_alive": "5m", "truncate": False}, read()),
    ],
)
def test_what_a_model_may_do_is_read(fields: dict[str, Any], request_read: ChatRequest) -> None:
    assert chat(**fields).request == request_read


@pytest.mark.parametrize(
    ("effort", "think"),
    [
        (None, None),
        ("", None),
        ("none", False),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "xhigh"),
        ("ultra", "max"),
        ("max", "max"),
    ],
)
def test_an_effort_is_a_level_of_thinking(effort: str | None, think: Think | None) -> None:
    assert chat(reasoning_effort=effort).request.think == think
    assert chat(reasoning={"effort": effort}).request.think == think


def test_the_nested_effort_goes_first() -> None:
    assert chat(reasoning={"effort": "high"}, reasoning_effort="none").request.think == "high"


@pytest.mark.parametrize(
    ("stop", "go_type"),
    [
        (1.5, "float64"),
        (["x", 1], "float64"),
        ([None], "<nil>"),
        (True, "bool"),
        ([["x"]], "[]interface {}"),
        ({}, "map[string]interface {}"),
    ],
)
def test_a_stop_that_is_no_string_is_refused(stop: object, go_type: str) -> None:
    assert refused(stop=stop, model="") == (400, f"invalid type for 'stop' field: {go_type}")


@pytest.mark.parametrize("json_schema", [None, {}, {"schema": None}, {"schema": []}, {"schema": "object"}])
def test_a_schema_format_needs_a_schema(json_schema: object) -> None:
    wanted = {"type": "json_schema", "json_schema": json_schema}
    assert refused(response_format=wanted) == (400, "response_format: json_schema needs a schema object")


def test_every_field_that_a_model_may_lack_has_a_spelling_and_this_dialect_reads_it() -> None:
    fields: dict[str, Any] = {SPELLINGS[name]: 2 for name in ("temperature", "top_p", "top_k", "max_tokens")}
    fields |= {SPELLINGS["stop"]: "x", SPELLINGS["think"]: "high", SPELLINGS["format"]: {"type": "json_object"}}
    assert chat(**fields).request == read(options=Options(2.0, 2.0, 2, ("x",), 2), think="high", format=JsonFormat())


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0, "top_p": 0.5, "top_k": 2, "stop": "x", "max_tokens": 3, "reasoning_effort": "low"},
        {"frequency_penalty": 0, "presence_penalty": 0.0, "seed": None},
        {"tools": [], "functions": [], "logit_bias": {}, "response_format": {"type": "json_object"}},
        {"logprobs": False, "top_logprobs": 0, "reasoning": {}, "response_format": {}},
        {"user": "u", "metadata": {"a": "b"}, "store": True, "parallel_tool_calls": False, "tool_choice": "auto"},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
        {"verbosity": "medium", "seed": -1, "modalities": ["text"], "stream_options": {"include_usage": False}},
    ],
)
def test_what_some_models_do_and_what_asks_for_nothing_is_not_reported(fields: dict[str, Any]) -> None:
    assert chat(**fields).unsupported == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (
            {"seed": 0, "frequency_penalty": 1, "presence_penalty": -1},
            ("seed", "frequency_penalty", "presence_penalty"),
        ),
        ({"functions": [{}], "function_call": "auto"}, ("functions", "function_call")),
        ({"verbosity": "low"}, ("verbosity",)),
        ({"response_format": {"type": "grammar"}}, ("response_format",)),
        ({"logprobs": True, "top_logprobs": 2, "logit_bias": {"1": 2}}, ("logprobs", "top_logprobs", "logit_bias")),
        ({"prediction": {"content": "x"}, "audio": {"voice": "v"}}, ("prediction", "audio")),
        ({"web_search_options": {}}, ("web_search_options",)),
    ],
)
def test_what_no_model_does_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert chat(**fields).unsupported == names
