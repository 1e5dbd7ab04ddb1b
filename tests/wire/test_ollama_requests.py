"""Bodies of /api/chat, /api/generate and /api/show."""

import base64
import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.request import ChatRequest, Document, Image, Message, Role, Text
from proxy.wire.context import encode_context
from proxy.wire.durations import FOREVER
from proxy.wire.images import MAX_IMAGES
from proxy.wire.ollama.requests import (
    OllamaChat,
    OllamaGenerate,
    OllamaShow,
    parse_chat,
    parse_generate,
    parse_show,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
HELLO = [{"role": "user", "content": "hello"}]


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def chat(**fields: Any) -> OllamaChat:
    return parse_chat(json.dumps({"model": "sonnet", "messages": HELLO} | fields).encode())


def generate(**fields: Any) -> OllamaGenerate:
    return parse_generate(json.dumps({"model": "sonnet", "prompt": "hello"} | fields).encode())


def messages(*turns: object) -> tuple[Message, ...]:
    return chat(messages=list(turns)).request.messages


def chat_refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        parse_chat(body)
    return caught.value.status, caught.value.message


def generate_refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        parse_generate(body)
    return caught.value.status, caught.value.message


def refused(**fields: Any) -> tuple[int, str]:
    return chat_refusal(json.dumps({"model": "sonnet", "messages": HELLO} | fields).encode())


def unknown_model(name: str) -> None:
    raise ModelNotFound(f"model '{name}' not found")


def test_a_chat_of_one_line_streams_by_default() -> None:
    body = b'{"model":"sonnet","messages":[{"role":"user","content":"hello"}]}'
    request = ChatRequest("sonnet", (said("user", "hello"),))
    assert parse_chat(body) == OllamaChat(request, stream=True, action="answer", unsupported=())


def test_a_prompt_of_one_line_streams_by_default() -> None:
    asked = parse_generate(b'{"model":"sonnet","prompt":"hello"}')
    assert asked.request == ChatRequest("sonnet", (said("user", "hello"),))
    assert (asked.stream, asked.action, asked.request.raw, asked.unsupported) == (True, "answer", False, ())


def test_a_conversation_keeps_its_turns_where_they_stand() -> None:
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "thinking": "hm"},
        {"role": "system", "content": "Be long."},
        {"role": "user", "content": "c"},
    ]
    assert messages(*turns) == (
        said("system", "Be short."),
        said("user", "a"),
        said("assistant", "b"),
        said("system", "Be long."),
        said("user", "c"),
    )


@pytest.mark.parametrize(
    ("role", "core"),
    [
        ("SYSTEM", "system"),
        ("developer", "system"),
        ("User", "user"),
        ("Assistant", "assistant"),
        ("", "user"),
        ("narrator", "user"),
        (None, "user"),
    ],
)
def test_roles_are_not_validated(role: str | None, core: Role) -> None:
    assert messages({"role": role, "content": "x"}) == (said(core, "x"),)


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}, {"content": []}])
def test_a_message_may_have_no_content(content: dict[str, object]) -> None:
    assert messages({"role": "user"} | content) == (Message("user"),)


def test_a_null_message_is_an_empty_one() -> None:
    assert messages(None) == (Message("user"),)


def test_pictures_come_before_the_text_and_are_known_by_content() -> None:
    assert messages({"role": "user", "content": "what?", "images": [PNG, JPEG]}) == (
        Message("user", (Image("image/png", PNG), Image("image/jpeg", JPEG), Text("what?"))),
    )
    assert messages({"role": "user", "content": [], "images": [PNG]}) == (Message("user", (Image("image/png", PNG),)),)


def test_a_pdf_among_the_pictures_is_a_document() -> None:
    parts = (Document(PDF), Image("image/png", PNG), Text("what?"))
    assert messages({"role": "user", "content": "what?", "images": [PDF, PNG]}) == (Message("user", parts),)
    assert generate(prompt="what?", images=[PDF, PNG]).request.messages == (Message("user", parts),)


def test_the_pictures_of_a_request_are_counted_over_all_its_messages() -> None:
    turn = {"role": "user", "images": [PNG] * (MAX_IMAGES // 2)}
    assert len(messages(turn, turn)) == 2
    text = "too many images: 101, at most 100"
    assert refused(messages=[turn, turn, {"role": "user", "images": [PNG]}]) == (400, text)
    body = {"model": "m", "prompt": "p", "images": [PNG] * (MAX_IMAGES + 1)}
    assert generate_refusal(json.dumps(body).encode()) == (400, text)


def test_whitespace_and_odd_characters_arrive_as_they_are() -> None:
    text = " \n\te\u0301\u2028\u0085 😀 "
    assert messages({"role": "user", "content": text}) == (said("user", text),)


@pytest.mark.parametrize(
    "body",
    [
        b'{"MODEL":"sonnet","Messages":[{"Role":"user","CONTENT":"hello"}]}',
        b'{"model":"x","model":"sonnet","messages":[{"role":"user","content":"hello"}]}',
        b'{"model":"","name":"sonnet","messages":[{"role":"user","content":"hello"}]}',
        b'{"name":"sonnet","messages":[{"role":"user","content":"hello"}],"nonsense":{"a":[1]}}',
        b'{"model":"sonnet","model":null,"stream":null,"options":null,"keep_alive":null,"think":null,"format":null,'
        b'"tools":null,"messages":[{"role":"user","content":"hello","images":null,"tool_calls":null}]} trailing',
    ],
)
def test_keys_match_in_any_case_null_is_unset_and_the_last_duplicate_counts(body: bytes) -> None:
    asked = parse_chat(body)
    assert asked.request == ChatRequest("sonnet", (said("user", "hello"),))
    assert asked.stream


def test_the_name_of_the_model_is_repeated_as_it_was_sent() -> None:
    assert chat(model=" SonneT ").model == " SonneT "


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b"{", "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.ChatRequest"),
        (b"1.5", "json: cannot unmarshal number into Go value of type api.ChatRequest"),
        (b'"x"', "json: cannot unmarshal string into Go value of type api.ChatRequest"),
        (b"true", "json: cannot unmarshal bool into Go value of type api.ChatRequest"),
        (b'{"model":1}', "json: cannot unmarshal number into Go struct field ChatRequest.model of type string"),
        (b'{"model":{}}', "json: cannot unmarshal object into Go struct field ChatRequest.model of type string"),
        (b'{"MODEL":[]}', "json: cannot unmarshal array into Go struct field ChatRequest.model of type string"),
        (b'{"stream":"no"}', "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool"),
        (
            b'{"stream":0,"model":1}',
            "json: cannot unmarshal number into Go struct field ChatRequest.stream of type bool",
        ),
        (
            b'{"top_logprobs":1.5}',
            "json: cannot unmarshal number 1.5 into Go struct field ChatRequest.top_logprobs of type int",
        ),
        (
            b'{"top_logprobs":99999999999999999999}',
            "json: cannot unmarshal number 99999999999999999999 into Go struct field ChatRequest.top_logprobs "
            "of type int",
        ),
        (
            b'{"top_logprobs":"1"}',
            "json: cannot unmarshal string into Go struct field ChatRequest.top_logprobs of type int",
        ),
        (
            b'{"options":[]}',
            "json: cannot unmarshal array into Go struct field ChatRequest.options of type map[string]interface {}",
        ),
        (
            b'{"options":{"x":1e999}}',
            "json: cannot unmarshal number 1e999 into Go struct field ChatRequest.options of type float64",
        ),
        (
            b'{"messages":{}}',
            "json: cannot unmarshal object into Go struct field ChatRequest.messages of type []api.Message",
        ),
        (
            b'{"messages":["x"]}',
            "json: cannot unmarshal string into Go struct field ChatRequest.messages of type api.Alias",
        ),
        (
            b'{"messages":[{"content":[{"type":"text"}]}]}',
            "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
        ),
        (
            b'{"messages":[{"role":1}]}',
            "json: cannot unmarshal number into Go struct field ChatRequest.messages.role of type string",
        ),
        (
            b'{"messages":[{"images":"x"}]}',
            "json: cannot unmarshal string into Go struct field ChatRequest.messages.images of type []api.ImageData",
        ),
        (
            b'{"messages":[{"images":[1]}]}',
            "json: cannot unmarshal number into Go struct field ChatRequest.messages.images of type api.ImageData",
        ),
        (
            b'{"messages":[{"tool_calls":[{"function":{"name":1}}]}]}',
            "json: cannot unmarshal number into Go struct field ChatRequest.messages.tool_calls.function.name "
            "of type string",
        ),
        (b'{"tools":{}}', "json: cannot unmarshal object into Go struct field ChatRequest.tools of type api.Tools"),
        (b'{"tools":["x"]}', "json: cannot unmarshal string into Go struct field ChatRequest.tools of type api.Tool"),
        (
            b'{"tools":[{"function":{"name":1}}]}',
            "json: cannot unmarshal number into Go struct field ToolFunction.tools.function.name of type string",
        ),
        (
            b'{"tools":[{"function":{"parameters":[]}}]}',
            "json: cannot unmarshal array into Go struct field ToolFunction.tools.function.parameters "
            "of type api.ToolFunctionParameters",
        ),
        (b'{"messages":[{"images":["data:image/png;base64,AAAA"]}]}', "illegal base64 data at input byte 4"),
        (b'{"keep_alive":"bogus"}', 'time: invalid duration "bogus"'),
        (b'{"keep_alive":"10"}', 'time: missing unit in duration "10"'),
        (b'{"keep_alive":true}', "Unsupported type: 'bool'"),
        (
            b'{"think":"bogus"}',
            'invalid think value: "bogus" (must be "high", "medium", "low", "max", true, or false)',
        ),
        (b'{"think":1}', 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)'),
        # What has an unmarshaler of its own in Go speaks before a mismatch noted earlier.
        (b'{"model":1,"keep_alive":true}', "Unsupported type: 'bool'"),
        (
            b'{"model":1,"messages":[{"role":2}]}',
            "json: cannot unmarshal number into Go struct field ChatRequest.messages.role of type string",
        ),
    ],
)
def test_a_body_that_does_not_fit_is_described_in_the_words_of_go(body: bytes, text: str) -> None:
    assert chat_refusal(body) == (400, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.GenerateRequest"),
        (b'{"model":1}', "json: cannot unmarshal number into Go struct field GenerateRequest.model of type string"),
        (b'{"raw":1}', "json: cannot unmarshal number into Go struct field GenerateRequest.raw of type bool"),
        (
            b'{"context":"x"}',
            "json: cannot unmarshal string into Go struct field GenerateRequest.context of type []int",
        ),
        (
            b'{"context":[1,1.5]}',
            "json: cannot unmarshal number 1.5 into Go struct field GenerateRequest.context of type int",
        ),
        (b'{"images":["!"],"model":1}', "illegal base64 data at input byte 0"),
    ],
)
def test_a_generate_body_that_does_not_fit_is_described_too(body: bytes, text: str) -> None:
    assert generate_refusal(body) == (400, text)


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"model":""}', b'{"model":null}'])
def test_a_missing_model_is_400_in_chat_and_404_in_generate(body: bytes) -> None:
    assert chat_refusal(body) == (400, "model is required")
    assert generate_refusal(body) == (404, "model '' not found")


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("a b", (400, "invalid model name")),
        ("x:cloud:local", (400, 'use either :local or :cloud, not both: "x:cloud:local"')),
        ("x:cloud", (403, "ollama cloud is disabled: remote model is unavailable")),
    ],
)
def test_a_bad_name_is_refused(model: str, answer: tuple[int, str]) -> None:
    assert refused(model=model) == answer
    assert generate_refusal(json.dumps({"model": model}).encode()) == answer


def test_a_cloud_name_is_the_clients_fault() -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(model="x:cloud")
    assert caught.value.fault == "client"


@pytest.mark.parametrize("count", [-1, 21])
def test_top_logprobs_are_bounded_before_the_model_is_looked_at(count: int) -> None:
    text = "top_logprobs must be between 0 and 20"
    assert refused(model="", top_logprobs=count) == (400, text)
    assert generate_refusal(json.dumps({"top_logprobs": count}).encode()) == (400, text)


@pytest.mark.parametrize(
    "rest",
    [
        {"options": {"temperature": "hot"}},
        {"format": "xml"},
        {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
        {"tools": [{}]},
        {"raw": True, "system": "s", "prompt": "p"},
        {"suffix": "x", "prompt": "p"},
        {"context": [1], "prompt": "p"},
    ],
)
def test_an_unknown_model_is_noticed_before_the_rest(rest: dict[str, object]) -> None:
    body = json.dumps({"model": "nope", "messages": HELLO} | rest).encode()
    for parse in (parse_chat, parse_generate):
        with pytest.raises(ModelNotFound, match=r"^model 'nope' not found$"):
            parse(body, unknown_model)


def test_a_bad_body_is_noticed_before_an_unknown_model() -> None:
    with pytest.raises(InvalidRequest, match="Unsupported type"):
        parse_chat(b'{"model":"nope","keep_alive":[]}', unknown_model)


@pytest.mark.parametrize("keep_alive", [0, "0", "0s", 0.0, "0h0m"])
def test_no_messages_and_keep_alive_zero_unload_even_with_bad_options(keep_alive: object) -> None:
    rest = {"keep_alive": keep_alive, "options": {"temperature": "hot"}, "format": "xml"}
    assert chat(messages=[], **rest).action == "unload"
    assert generate(prompt="", raw=True, system="x", suffix="y", **rest).action == "unload"


@pytest.mark.parametrize(
    "fields", [{}, {"keep_alive": 5}, {"keep_alive": "-1m"}, {"keep_alive": None}, {"format": "xml"}]
)
def test_no_messages_load_the_model(fields: dict[str, object]) -> None:
    assert chat(messages=[], **fields).action == "load"
    assert chat(messages=None, **fields).action == "load"
    assert generate(prompt="", **fields).action == "load"
    assert generate(prompt=None, system="s", images=[PNG], **fields).request.messages == ()


@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [(0, 0), (5, 5), ("10m", 600), ("-1s", FOREVER), (-1, FOREVER), (1.5, 1.5), (None, None)],
)
def test_keep_alive_is_in_the_request_in_seconds(keep_alive: object, seconds: float | None) -> None:
    for asked in (chat(keep_alive=keep_alive), generate(keep_alive=keep_alive)):
        assert (asked.action, asked.request.keep_alive) == ("answer", seconds)
    assert chat(messages=[], keep_alive=keep_alive).request.keep_alive == seconds


def test_loading_still_checks_raw_and_options() -> None:
    assert refused(messages=[], options={"top_k": "x"}) == (500, 'option "top_k" must be of type integer')
    assert generate_refusal(b'{"model":"m","raw":true,"system":"s"}') == (
        400,
        "raw mode does not support template, system, or context",
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": "0.7"}, 'option "temperature" must be of type float32'),
        ({"top_p": True}, 'option "top_p" must be of type float32'),
        ({"num_predict": "9"}, 'option "num_predict" must be of type integer'),
        ({"seed": [1]}, 'option "seed" must be of type integer'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
        ({"stop": ["x", 1]}, 'option "stop" must be of an array of strings'),
        ({"num_ctx": {}, "top_k": ""}, 'option "num_ctx" must be of type integer'),
    ],
)
def test_an_option_of_a_wrong_type_is_500_and_the_clients_fault(options: dict[str, object], text: str) -> None:
    assert refused(options=options) == (500, text)
    with pytest.raises(ServerError) as caught:
        generate(options=options)
    assert (caught.value.message, caught.value.fault, caught.value.should_retry) == (text, "client", False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("xml", r"\"xml\""),
        (["json"], r"[\"json\"]"),
        (7, "7"),
        (True, "true"),
        ([{"a": 1.5}], r"[{\"a\":1.5}]"),
        ("é\n", r"\"é\\n\""),
    ],
)
def test_a_bad_format_is_500(value: object, shown: str) -> None:
    text = f'invalid format: "{shown}"; expected "json" or a valid JSON Schema object'
    assert refused(format=value) == (500, text)
    assert generate_refusal(json.dumps({"model": "m", "prompt": "p", "format": value}).encode()) == (500, text)


def test_a_picture_of_another_format_is_refused() -> None:
    text = "unsupported image format: images must be PNG, JPEG, GIF, WebP or PDF"
    assert refused(messages=[{"role": "user", "images": ["AAAA"]}]) == (400, text)


def test_a_system_prompt_and_pictures_become_messages() -> None:
    assert generate(system="Be kind.", images=[PNG]).request.messages == (
        said("system", "Be kind."),
        Message("user", (Image("image/png", PNG), Text("hello"))),
    )


def test_suffixes_are_refused_with_the_full_name() -> None:
    body = b'{"model":"sonnet","prompt":"p","suffix":"s"}'
    assert generate_refusal(body) == (400, "registry.ollama.ai/library/sonnet:latest does not support insert")


@pytest.mark.parametrize("conflict", [{"system": "s"}, {"template": "t"}, {"context": [1, 2]}])
def test_raw_refuses_what_would_change_the_prompt(conflict: dict[str, object]) -> None:
    body = json.dumps({"model": "m", "prompt": "p", "raw": True} | conflict).encode()
    assert generate_refusal(body) == (400, "raw mode does not support template, system, or context")


def test_a_raw_prompt_is_sent_as_it_is_and_not_remembered() -> None:
    asked = generate(raw=True, system="", context=[], prompt="[INST] x [/INST]")
    assert asked.request.messages == (said("user", "[INST] x [/INST]"),)
    assert asked.remembered is None
    assert generate().remembered == (said("user", "hello"),)


TALK = (said("system", "Be kind."), said("user", "I am Ann."), said("assistant", "Hello Ann."))


def test_a_context_continues_the_conversation() -> None:
    asked = generate(context=encode_context(TALK), prompt="Who am I?")
    assert asked.request.messages == (*TALK, said("user", "Who am I?"))


def test_a_system_prompt_that_is_in_the_context_is_not_repeated() -> None:
    asked = generate(context=encode_context(TALK), system="Be kind.")
    assert asked.request.messages == (*TALK, said("user", "hello"))


def test_a_new_system_prompt_comes_after_the_context() -> None:
    asked = generate(context=encode_context(TALK), system="Be rude.")
    assert asked.request.messages == (*TALK, said("system", "Be rude."), said("user", "hello"))


def test_a_foreign_context_is_refused() -> None:
    status, text = generate_refusal(b'{"model":"m","prompt":"p","context":[424,383]}')
    assert (status, text.partition(":")[0]) == (400, "the context was not made by this server")


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"model":"sonnet"}', OllamaShow("sonnet")),
        (b'{"name":"sonnet","verbose":true}', OllamaShow("sonnet")),
        (
            b'{"model":"","system":"","template":"","verbose":false,"options":null,"name":"sonnet"}',
            OllamaShow("sonnet"),
        ),
        (b'{"model":"a","name":"b","system":"s","options":{"x":"y"}}', OllamaShow("a", "s", {"x": "y"})),
    ],
)
def test_show_takes_a_model_or_its_old_name(body: bytes, asked: OllamaShow) -> None:
    assert parse_show(body) == asked


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "missing request body"),
        (b"{}", "model is required"),
        (b'{"model":"","name":""}', "model is required"),
        (b'{"model":"a b"}', "invalid model name"),
        (b'{"template":1}', "json: cannot unmarshal number into Go struct field ShowRequest.template of type string"),
        (b"[]", "json: cannot unmarshal array into Go value of type api.ShowRequest"),
    ],
)
def test_show_refuses_what_names_no_model(body: bytes, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_show(body)
    assert (caught.value.status, caught.value.message) == (400, text)


def test_show_has_words_of_its_own_for_a_cloud_model() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_show(b'{"model":"x:cloud"}')
    text = "ollama cloud is disabled: remote model details are unavailable"
    assert (caught.value.status, caught.value.message) == (403, text)
