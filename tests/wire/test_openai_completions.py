"""/v1/completions: bodies, and answers byte by byte."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from proxy.core.errors import ModelNotFound, ServerError, TimedOut
from proxy.core.events import Event, Finished, FinishReason, Started, TextDelta, ThinkingDelta, Usage
from proxy.core.reply import Reply
from proxy.core.request import ChatRequest, Message, Options, Text
from proxy.wire.openai import CompletionStream, OpenAICompletion, parse_completion

HEAD = '{"id":"cmpl-8","object":"text_completion","created":1795219965,"choices":['
MODEL = '"model":"plain","system_fingerprint":"fp_ollama"'
FINISHED = Finished("stop", Usage(3, 7, 5, 2))
USAGE = '{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}'
DONE = "data: [DONE]\n\n"


def completion(**fields: Any) -> OpenAICompletion:
    return parse_completion(json.dumps({"model": "sonnet", "prompt": "hello"} | fields).encode())


def read(**fields: Any) -> ChatRequest:
    return ChatRequest("sonnet", (Message("user", (Text("hello"),)),), **fields)


def refused(**fields: Any) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        completion(**fields)
    return caught.value.status, caught.value.message


def stream(*, include_usage: bool = False) -> CompletionStream:
    return CompletionStream("cmpl-8", 1795219965, "plain", include_usage=include_usage)


def choice(text: str, reason: str) -> str:
    return f'{{"text":"{text}","index":0,"finish_reason":{reason}}}'


def chunk(text: str, reason: str = "null", usage: str = "") -> str:
    return f"data: {HEAD}{choice(text, reason)}],{MODEL}{usage}}}\n\n"


@pytest.mark.parametrize(
    ("fields", "request_read"),
    [
        ({}, read()),
        ({"model": "", "name": "sonnet", "suffix": "", "n": 1, "best_of": 1, "echo": False}, read()),
        ({"temperature": 0, "top_p": 0.5, "max_tokens": 7}, read(options=Options(0.0, 0.5, max_tokens=7))),
        ({"stop": "x", "top_k": 3}, read(options=Options(top_k=3, stop=("x",)))),
        ({"stop": ["x", "\n"]}, read(options=Options(stop=("x", "\n")))),
        ({"seed": None, "logprobs": None, "user": "u", "logit_bias": {}}, read()),
    ],
)
def test_a_prompt_is_the_users_message(fields: dict[str, Any], request_read: ChatRequest) -> None:
    assert completion(**fields) == OpenAICompletion(
        request_read, stream=False, include_usage=False, action="answer", unsupported=()
    )


def test_an_answer_streams_when_it_is_asked_to() -> None:
    call = completion(stream=True, stream_options={"include_usage": True})
    assert (call.stream, call.include_usage, call.model) == (True, True, "sonnet")


def test_what_no_model_does_is_named() -> None:
    asked = {"seed": 1, "presence_penalty": 1, "echo": True, "logit_bias": {"1": 2}, "logprobs": 0}
    assert completion(**asked).unsupported == ("seed", "presence_penalty", "echo", "logit_bias", "logprobs")


@pytest.mark.parametrize("prompt", ["", None])
def test_without_a_prompt_the_model_is_loaded(prompt: str | None) -> None:
    call = completion(prompt=prompt, seed=1)
    assert (call.action, call.request.messages, call.unsupported) == ("load", (), ())


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        (
            {"prompt": ["a"]},
            400,
            "json: cannot unmarshal array into Go struct field CompletionRequest.prompt of type string",
        ),
        ({"stop": ["x", 1]}, 400, "invalid type for 'stop' field: float64"),
        ({"suffix": "x"}, 400, "registry.ollama.ai/library/sonnet:latest does not support insert"),
        ({"suffix": "x", "prompt": ""}, 400, "registry.ollama.ai/library/sonnet:latest does not support insert"),
        ({"n": 2}, 400, "n must be 1: every request has one choice"),
        ({"best_of": 2}, 400, "best_of must be 1: every request has one choice"),
        ({"model": None}, 404, "model '' not found"),
        ({"model": "a b"}, 400, "invalid model name"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, Any], status: int, text: str) -> None:
    assert refused(**fields) == (status, text)


def test_an_unknown_model_is_noticed_before_the_suffix() -> None:
    def unknown(name: str) -> None:
        raise ModelNotFound(f"model '{name}' not found")

    with pytest.raises(ModelNotFound, match=r"^model 'nope' not found$"):
        parse_completion(b'{"model":"nope","prompt":"a","suffix":"b"}', unknown)


@pytest.mark.parametrize(
    ("events", "chunks"),
    [
        ([Started("x"), ThinkingDelta("hm")], []),
        ([TextDelta("Hel"), TextDelta("é")], [chunk("Hel"), chunk("\\u00e9")]),
        ([TextDelta("a"), FINISHED], [chunk("a"), chunk("", '"stop"'), DONE]),
        ([FINISHED], [chunk("", '"stop"'), DONE]),
    ],
)
def test_a_text_is_one_chunk_and_the_last_says_why_it_ended(events: Sequence[Event], chunks: list[str]) -> None:
    assert stream().encode(events).decode() == "".join(chunks)
    one_by_one = stream()
    assert b"".join(one_by_one.encode([event]) for event in events).decode() == "".join(chunks)


def test_usage_comes_in_a_chunk_without_choices_and_is_null_before() -> None:
    null = ',"usage":null'
    last = f'data: {HEAD}],{MODEL},"usage":{USAGE}}}\n\n'
    out = stream(include_usage=True).encode([TextDelta("a"), FINISHED]).decode()
    assert out == chunk("a", usage=null) + chunk("", '"stop"', null) + last + DONE


@pytest.mark.parametrize(
    ("reason", "finish_reason"), [("stop", "stop"), ("length", "length"), ("refusal", "content_filter")]
)
def test_a_whole_answer(reason: FinishReason, finish_reason: str) -> None:
    out = stream().whole(Reply("x", "Hi", "hm", Finished(reason, FINISHED.usage))).decode()
    quoted = f'"{finish_reason}"'
    assert out == f'{HEAD}{choice("Hi", quoted)}],{MODEL},"usage":{USAGE}}}\n'


def test_a_model_that_was_loaded_says_so_in_both_forms() -> None:
    none = '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'
    quoted = '"load"'
    answer = f'{HEAD}{choice("", quoted)}],{MODEL},"usage":{none}}}\n'
    assert stream().loaded(stream=False).decode() == answer
    assert stream().loaded(stream=True).decode() == f"data: {answer}\n{DONE}"


def test_an_error_after_the_first_byte_ends_the_stream() -> None:
    out = stream().error(TimedOut("nothing came for 60 s")).decode()
    error = '{"error":{"message":"nothing came for 60 s","type":"api_error","param":null,"code":null}}'
    assert out == f"data: {error}\n\n{DONE}"
