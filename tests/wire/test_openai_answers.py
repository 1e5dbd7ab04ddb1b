"""Answers of /v1/chat/completions, byte by byte."""

import json
from collections.abc import Sequence

import pytest

from proxy.core.errors import (
    BackendFailed,
    Busy,
    InvalidRequest,
    LimitReached,
    ModelNotFound,
    NotLoggedIn,
    ServerError,
    TimedOut,
)
from proxy.core.events import (
    CallComplete,
    CallDelta,
    CallStarted,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThinkingDelta,
    Usage,
)
from proxy.core.reply import Reply
from proxy.core.request import ToolCall
from proxy.wire.openai.answers import ChunkStream, error_body

START = (
    'data: {"id":"chatcmpl-8","object":"chat.completion.chunk","created":1795219965,"model":"plain",'
    '"system_fingerprint":"fp_ollama","choices":['
)
FINISHED = Finished("stop", Usage(3, 7, 5, 2))
USAGE = '{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}'
END = f'{START}{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}\n\n'
DONE = "data: [DONE]\n\n"
CALL = [
    CallStarted(0, "toolu_0", "get-é"),
    CallDelta(0, '{"é":'),
    CallDelta(0, "1}"),
    CallComplete(0, "toolu_0", "get-é", {"é": 1}),
]
FUNCTION = '"type":"function","function":{"name":"get-\\u00e9","arguments":'


def arguments(index: int, text: str) -> str:
    return delta(f'"tool_calls":[{{"index":{index},"function":{{"arguments":"{text}"}}}}]')


def stream(*, include_usage: bool = False) -> ChunkStream:
    return ChunkStream("chatcmpl-8", 1795219965, "plain", include_usage=include_usage)


def delta(inside: str) -> str:
    return f'{START}{{"index":0,"delta":{{{inside}}},"finish_reason":null}}]}}\n\n'


@pytest.mark.parametrize(
    ("events", "chunks"),
    [
        ([Started("x")], []),
        ([TextDelta("Hel"), TextDelta("lo")], [delta('"role":"assistant","content":"Hel"'), delta('"content":"lo"')]),
        (
            [ThinkingDelta("hm"), ThinkingDelta("!"), TextDelta("a")],
            [
                delta('"role":"assistant","content":"","reasoning":"hm"'),
                delta('"content":"","reasoning":"!"'),
                delta('"content":"a"'),
            ],
        ),
        ([TextDelta("a"), FINISHED], [delta('"role":"assistant","content":"a"'), END, DONE]),
        (
            CALL,
            [
                delta(f'"role":"assistant","content":"","tool_calls":[{{"index":0,"id":"toolu_0",{FUNCTION}""}}}}]'),
                arguments(0, '{\\"\\u00e9\\":'),
                arguments(0, "1}"),
            ],
        ),
        (
            [TextDelta("a"), CallStarted(1, "toolu_1", "get-é"), CallDelta(1, "{}")],
            [
                delta('"role":"assistant","content":"a"'),
                delta(f'"content":"","tool_calls":[{{"index":1,"id":"toolu_1",{FUNCTION}""}}}}]'),
                arguments(1, "{}"),
            ],
        ),
        ([FINISHED], [delta('"role":"assistant","content":""'), END, DONE]),
    ],
)
def test_an_event_is_one_chunk_and_the_first_has_the_role(events: Sequence[Event], chunks: list[str]) -> None:
    assert stream().encode(events).decode() == "".join(chunks)
    one_by_one = stream()
    assert b"".join(one_by_one.encode([event]) for event in events).decode() == "".join(chunks)


def test_usage_comes_in_a_chunk_without_choices() -> None:
    out = stream(include_usage=True).encode([TextDelta("a"), FINISHED]).decode()
    assert out == delta('"role":"assistant","content":"a"') + END + f'{START}],"usage":{USAGE}}}\n\n' + DONE


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [("stop", "stop"), ("length", "length"), ("refusal", "content_filter"), ("tool_calls", "tool_calls")],
)
def test_how_an_answer_ended_is_its_finish_reason(reason: FinishReason, finish_reason: str) -> None:
    out = stream().encode([TextDelta("a"), Finished(reason)]).decode()
    assert f'"delta":{{}},"finish_reason":"{finish_reason}"' in out
    whole = json.loads(stream().whole(Reply("x", "a", "", Finished(reason))))
    assert whole["choices"][0]["finish_reason"] == finish_reason


def test_a_whole_answer() -> None:
    head = (
        '{"id":"chatcmpl-8","object":"chat.completion","created":1795219965,"model":"plain",'
        '"system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"'
    )
    tail = f'}},"finish_reason":"stop"}}],"usage":{USAGE}}}\n'
    assert stream().whole(Reply("x", "Hi", "", FINISHED)).decode() == head + tail
    assert stream().whole(Reply("x", "Hi", "hm", FINISHED)).decode() == f'{head},"reasoning":"hm"{tail}'


def test_a_whole_answer_has_its_calls_with_arguments_as_text() -> None:
    calls = (ToolCall("toolu_0", "now"), ToolCall("toolu_1", "get-é", {"z": 2**70, "a": ["é\u2028"]}))
    out = stream().whole(Reply("x", "", "hm", Finished("tool_calls"), calls))
    assert out.isascii()
    choice = json.loads(out)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert list(choice["message"]) == ["role", "content", "reasoning", "tool_calls"]
    assert choice["message"]["tool_calls"] == [
        {"id": "toolu_0", "index": 0, "type": "function", "function": {"name": "now", "arguments": "{}"}},
        {
            "id": "toolu_1",
            "index": 1,
            "type": "function",
            "function": {"name": "get-é", "arguments": '{"z":1180591620717411303424,"a":["\\u00e9\\u2028"]}'},
        },
    ]


@pytest.mark.parametrize("text", ["a\u2028b\u0085", "\ud83d", "😀", '"\\\n', "data: x\n\n"])
def test_whatever_the_text_a_chunk_is_ascii_and_one_line(text: str) -> None:
    out = stream().encode([TextDelta(text)])
    assert out.isascii()
    assert len(out.decode().splitlines()) == 2
    assert json.loads(out[len("data: ") :])["choices"][0]["delta"]["content"] == text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("x"), "invalid_request_error"),
        (ModelNotFound("x"), "not_found_error"),
        (NotLoggedIn("x"), "authentication_error"),
        (InvalidRequest("x", status=403), "permission_error"),
        (LimitReached("x"), "api_error"),
        (Busy("x"), "api_error"),
        (BackendFailed("x"), "api_error"),
    ],
)
def test_the_type_of_an_error_goes_by_its_status(error: ServerError, kind: str) -> None:
    expected = f'{{"error":{{"message":"x","type":"{kind}","param":null,"code":null}}}}\n'
    assert error_body(error).decode() == expected


def test_an_error_after_the_first_byte_ends_the_stream() -> None:
    out = stream().error(TimedOut("nothing came for 60 s")).decode()
    error = '{"error":{"message":"nothing came for 60 s","type":"api_error","param":null,"code":null}}'
    assert out == f"data: {error}\n\n{DONE}"
