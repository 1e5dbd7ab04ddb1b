"""What bodies of /api/chat and /api/generate want of a model: options, thinking, a format."""

import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, JsonFormat, Message, Options, Text, Think
from proxy.wire.ollama import SPELLINGS, OllamaChat, OllamaGenerate, parse_chat, parse_generate

HELLO = (Message("user", (Text("hello"),)),)


def chat(**fields: Any) -> OllamaChat:
    turns = [{"role": "user", "content": "hello"}]
    return parse_chat(json.dumps({"model": "sonnet", "messages": turns} | fields).encode())


def generate(**fields: Any) -> OllamaGenerate:
    return parse_generate(json.dumps({"model": "sonnet", "prompt": "hello"} | fields).encode())


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({}, Options()),
        ({"temperature": 0}, Options(temperature=0.0)),
        ({"temperature": 0.7, "top_p": 0.9, "top_k": 40}, Options(temperature=0.7, top_p=0.9, top_k=40)),
        ({"temperature": -1, "top_p": 7e300}, Options(temperature=-1.0, top_p=7e300)),
        ({"top_k": 1.9}, Options(top_k=1)),
        ({"top_k": 0.9}, Options()),
        ({"top_k": 0}, Options()),
        ({"top_k": -1}, Options()),
        ({"top_k": 1e300}, Options(top_k=2**63 - 1)),
        ({"stop": ["a", "", " b\n"]}, Options(stop=("a", " b\n"))),
        ({"stop": [""]}, Options()),
        ({"stop": []}, Options()),
        ({"num_predict": 7}, Options(max_tokens=7)),
        ({"num_predict": 1.9}, Options(max_tokens=1)),
        ({"num_predict": 1e300}, Options(max_tokens=2**63 - 1)),
        ({"num_predict": 0}, Options()),
        ({"num_predict": -1}, Options()),
        ({"num_predict": -2}, Options()),
        ({"temperature": None, "top_p": None, "top_k": None, "stop": None, "num_predict": None}, Options()),
        ({"Temperature": 1, "mirostat": 1, "num_ctx": 4096}, Options(others={"mirostat": 1, "num_ctx": 4096})),
        ({"seed": 5, "min_p": 0.1, "use_mmap": True}, Options(others={"seed": 5, "min_p": 0.1, "use_mmap": True})),
        ({"seed": None, "mirostat": "x", "unheard_of": 1}, Options()),
    ],
)
def test_options_are_read(sent: dict[str, object], read: Options) -> None:
    assert chat(options=sent).request == ChatRequest("sonnet", HELLO, options=read)
    assert generate(options=sent).request == ChatRequest("sonnet", HELLO, options=read)


def test_a_number_with_many_digits_is_one() -> None:
    digits = "1" + "0" * 300
    body = f'{{"model":"m","prompt":"p","options":{{"num_predict":{digits},"temperature":0.{digits}}}}}'
    assert parse_generate(body.encode()).request.options == Options(temperature=0.1, max_tokens=2**63 - 1)


def test_an_option_has_a_type_of_python_and_not_of_this_package() -> None:
    options = chat(options={"temperature": 1, "top_p": 1, "top_k": 2, "num_predict": 3}).request.options
    values = (options.temperature, options.top_p, options.top_k, options.max_tokens)
    assert [type(value) for value in values] == [float, float, int, int]


@pytest.mark.parametrize("think", [True, False, "low", "medium", "high", "max", None])
def test_think_is_read(think: Think | None) -> None:
    assert chat(think=think).request.think == think
    assert generate(think=think).request.think == think


@pytest.mark.parametrize(
    ("wanted", "format"),
    [
        (None, None),
        ("", None),
        ("json", JsonFormat()),
        ({}, JsonFormat({})),
        ({"type": "object", "required": ["a"]}, JsonFormat({"type": "object", "required": ["a"]})),
    ],
)
def test_a_format_is_read(wanted: object, format: JsonFormat | None) -> None:
    assert chat(format=wanted).request.format == format
    assert generate(format=wanted).request.format == format


def test_a_schema_is_made_of_values_that_json_can_write() -> None:
    body = b'{"model":"m","prompt":"p","format":{"a":1,"a":{"maximum":2.0,"enum":[1e2,0.5,null,true,"x"]}}}'
    wanted = parse_generate(body).request.format
    assert wanted is not None
    assert json.dumps(wanted.schema) == '{"a": {"maximum": 2, "enum": [100, 0.5, null, true, "x"]}}'


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ('{"items":' * 101 + "1" + "}" * 101, "the JSON of the request is nested too deeply"),
        ('{"maximum":1e999}', "the JSON of the request has a number that is too large"),
    ],
)
def test_a_schema_that_nothing_could_check_is_refused(schema: str, text: str) -> None:
    for parse, rest in ((parse_chat, '"messages":[{"role":"user"}]'), (parse_generate, '"prompt":"p"')):
        with pytest.raises(InvalidRequest) as caught:
            parse(f'{{"model":"m",{rest},"format":{schema}}}'.encode())
        assert (caught.value.status, caught.value.message) == (400, text)


@pytest.mark.parametrize(("truncate", "read"), [(None, True), (True, True), (False, False)])
def test_a_client_may_forbid_to_leave_anything_out(truncate: bool | None, read: bool) -> None:
    assert chat(truncate=truncate, shift=False).request.truncate is read
    assert generate(truncate=truncate, shift=False).request.truncate is read


def test_loading_looks_at_no_format() -> None:
    asked = chat(messages=[], format={"type": "object"}, think="high", options={"top_k": 3})
    assert asked.request == ChatRequest("sonnet", (), options=Options(top_k=3), think="high")


def test_every_field_that_a_model_may_lack_has_a_spelling_and_this_dialect_reads_it() -> None:
    assert SPELLINGS["max_tokens"] == "num_predict"
    options = {SPELLINGS[name]: 2 for name in ("temperature", "top_p", "top_k", "max_tokens")}
    fields = {SPELLINGS["think"]: True, SPELLINGS["format"]: "json", "options": options | {SPELLINGS["stop"]: ["x"]}}
    assert chat(**fields).request == ChatRequest(
        "sonnet",
        HELLO,
        options=Options(2.0, 2.0, 2, ("x",), 2),
        think=True,
        format=JsonFormat(),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"format": "json", "think": "high"},
        {"truncate": False, "shift": False},
        {"logprobs": False, "top_logprobs": 0},
        {"tool_choice": "auto", "insecure": True, "metadata": {}},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": None},
        {"options": {"temperature": 0, "top_p": 0.5, "top_k": 1, "stop": ["x"], "num_predict": 5}},
        {"options": {"num_ctx": 10**9, "num_gpu": 1, "num_thread": 4, "use_mmap": True, "num_keep": 24}},
        {"options": {"seed": None, "min_p": None, "repeat_last_n": None}},
        {"options": {"seed": -1, "min_p": 0, "typical_p": 1, "repeat_last_n": 64, "repeat_penalty": 1}},
        {"options": {"repeat_penalty": 1.1, "repeat_last_n": 0, "presence_penalty": 0, "frequency_penalty": 0.0}},
        {"options": {"mirostat": 1, "nonsense": "x"}},
    ],
)
def test_what_some_models_do_and_what_asks_for_nothing_is_not_reported(fields: dict[str, Any]) -> None:
    assert chat(**fields).unsupported == ()
    assert generate(**fields, suffix="", template="").unsupported == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"tool_choice": "none"}, ("tool_choice",)),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ("tool_choice",)),
        ({"logprobs": True, "top_logprobs": 3}, ("logprobs", "top_logprobs")),
        ({"options": {"seed": 0, "top_k": 40}}, ("seed",)),
        (
            {"options": {"min_p": 0.1, "typical_p": 0.5, "repeat_last_n": -1, "repeat_penalty": 1.2}},
            ("min_p", "typical_p", "repeat_last_n", "repeat_penalty"),
        ),
        ({"options": {"presence_penalty": -1, "frequency_penalty": 2}}, ("presence_penalty", "frequency_penalty")),
        ({"_debug_render_only": True}, ("_debug_render_only",)),
    ],
)
def test_what_no_model_does_is_named(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert chat(**fields).unsupported == names
    assert chat(**fields | {"messages": []}).unsupported == ()


def test_a_template_is_named_as_unsupported() -> None:
    assert generate(template="{{ .Prompt }}").unsupported == ("template",)
