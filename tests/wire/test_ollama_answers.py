"""Answers of /api/chat and /api/generate, byte by byte."""

import json
from collections.abc import Callable, Sequence

import pytest

from proxy.core.errors import Busy, InvalidRequest, ModelNotFound, TimedOut
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
    Timings,
    Usage,
)
from proxy.core.reply import Reply, fold
from proxy.core.request import Message, Text, ToolCall
from proxy.wire.context import decode_context
from proxy.wire.ollama.answers import ChatStream, GenerateStream, error_body
from proxy.wire.stamps import Stamps

NOON = 1_795_219_200_000_000_000
STAMP = "2026-11-21T00:00:00.000000Z"
FINISHED = Finished("stop", Usage(3, 7, 5, 2), Timings(load=11, prompt=12, eval=13, total=14))
METRICS = (
    '"total_duration":14,"load_duration":11,"prompt_eval_count":10,"prompt_eval_duration":12,'
    '"eval_count":7,"eval_duration":13}'
)
CHAT = f'{{"model":"M","created_at":"{STAMP}","message":{{"role":"assistant",'
GENERATE = f'{{"model":"M","created_at":"{STAMP}",'
ARGUMENTS = {"z": 2**70, "a": {"é\u2028": [None, True, 0.5]}}
CALL = (
    '{"id":"toolu_1","function":{"index":1,"name":"get-\\u00e9","arguments":'
    '{"z":1180591620717411303424,"a":{"\\u00e9\\u2028":[null,true,0.5]}}}}'
)
HELLO = (Message("user", (Text("hi"),)),)


def now() -> int:
    return NOON


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Started("claude-sonnet"), ""),
        (TextDelta("Hello"), f'{CHAT}"content":"Hello"}},"done":false}}\n'),
        (ThinkingDelta("Let me"), f'{CHAT}"content":"","thinking":"Let me"}},"done":false}}\n'),
        (CallStarted(1, "toolu_1", "get-é"), ""),
        (CallDelta(1, '{"z":'), ""),
        (
            CallComplete(1, "toolu_1", "get-é", ARGUMENTS),
            f'{CHAT}"content":"","tool_calls":[{CALL}]}},"done":false}}\n',
        ),
        (FINISHED, f'{CHAT}"content":""}},"done":true,"done_reason":"stop",{METRICS}\n'),
    ],
)
def test_a_chat_event_is_one_line(event: Event, line: str) -> None:
    assert ChatStream("M", now).encode([event]).decode() == line


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Started("claude-sonnet"), ""),
        (TextDelta("Hello"), f'{GENERATE}"response":"Hello","done":false}}\n'),
        (ThinkingDelta("Let me"), f'{GENERATE}"response":"","thinking":"Let me","done":false}}\n'),
        (FINISHED, f'{GENERATE}"response":"","done":true,"done_reason":"stop",{METRICS}\n'),
    ],
)
def test_a_generate_event_is_one_line(event: Event, line: str) -> None:
    assert GenerateStream("M", now).encode([event]).decode() == line


def test_a_batch_is_its_lines_in_order() -> None:
    events: Sequence[Event] = [Started("x"), ThinkingDelta("a"), TextDelta("b"), TextDelta("c"), FINISHED]
    for make in (ChatStream, GenerateStream):
        one_by_one = make("M", now)
        assert make("M", now).encode(events) == b"".join(one_by_one.encode([event]) for event in events)


@pytest.mark.parametrize(
    ("reason", "done_reason"), [("stop", "stop"), ("length", "length"), ("refusal", "stop"), ("tool_calls", "stop")]
)
def test_how_an_answer_ended_is_its_done_reason(reason: FinishReason, done_reason: str) -> None:
    for stream in (ChatStream("M", now), GenerateStream("M", now)):
        assert json.loads(stream.encode([Finished(reason)]))["done_reason"] == done_reason


@pytest.mark.parametrize(
    "text", ["a\u2028b\u2029c\u0085d", "\ud83d", "\udc00\ud800", "😀e\u0301", '"\\\n\r\t\0\x1b\x7f', "<&>", " \n "]
)
@pytest.mark.parametrize("make", [ChatStream, GenerateStream])
def test_whatever_the_text_a_line_is_ascii_and_one_line(
    make: Callable[..., ChatStream | GenerateStream], text: str
) -> None:
    out = make("Modèl\u2028", now).encode([TextDelta(text), ThinkingDelta(text)])
    assert out.isascii()
    lines = out.decode("ascii").splitlines()
    assert len(lines) == 2
    answer = json.loads(lines[0])
    assert (answer.get("message", {}).get("content") or answer.get("response")) == text
    assert answer["model"] == "Modèl\u2028"


def test_an_error_after_the_first_byte_is_the_last_line() -> None:
    error = TimedOut('nothing came for 60 s\u2028"idle"')
    expected = b'{"error":"nothing came for 60 s\\u2028\\"idle\\""}\n'
    assert ChatStream("M", now).error(error) == expected
    assert GenerateStream("M", now).error(error) == expected


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (InvalidRequest("model is required"), b'{"error":"model is required"}'),
        (ModelNotFound("model 'nope' not found"), b'{"error":"model \'nope\' not found"}'),
        (
            Busy("server busy, please try again.  maximum pending requests exceeded"),
            b'{"error":"server busy, please try again.  maximum pending requests exceeded"}',
        ),
    ],
)
def test_an_error_body_holds_a_string_and_no_newline(error: InvalidRequest | Busy, body: bytes) -> None:
    assert error_body(error) == body


REPLY = Reply("claude-sonnet", "Hello 😀", "", FINISHED)


def test_a_whole_chat_answer_is_the_last_object_with_all_the_text() -> None:
    assert ChatStream("M", now).whole(REPLY).decode() == (
        f'{CHAT}"content":"Hello \\ud83d\\ude00"}},"done":true,"done_reason":"stop",{METRICS}'
    )
    thoughtful = Reply("x", "a", "hm", FINISHED)
    assert ChatStream("M", now).whole(thoughtful).decode() == (
        f'{CHAT}"content":"a","thinking":"hm"}},"done":true,"done_reason":"stop",{METRICS}'
    )


def test_a_whole_chat_answer_has_its_calls_after_the_thinking() -> None:
    calls = (ToolCall("toolu_0", "now"), ToolCall("toolu_1", "get-é", ARGUMENTS))
    first = '{"id":"toolu_0","function":{"index":0,"name":"now","arguments":{}}}'
    end = f'"done":true,"done_reason":"stop",{METRICS}'
    finished = Finished("tool_calls", FINISHED.usage, FINISHED.timings)
    assert ChatStream("M", now).whole(Reply("x", "a", "hm", finished, calls)).decode() == (
        f'{CHAT}"content":"a","thinking":"hm","tool_calls":[{first},{CALL}]}},{end}'
    )
    assert ChatStream("M", now).whole(Reply("x", "", "", finished, calls[:1])).decode() == (
        f'{CHAT}"content":"","tool_calls":[{first}]}},{end}'
    )


def test_a_whole_generate_answer_is_the_last_object_with_all_the_text() -> None:
    thoughtful = Reply("x", "a", "hm", FINISHED)
    assert GenerateStream("M", now).whole(thoughtful).decode() == (
        f'{GENERATE}"response":"a","thinking":"hm","done":true,"done_reason":"stop",{METRICS}'
    )


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_loading_is_answered_with_one_object(reason: str) -> None:
    end = f'"done":true,"done_reason":"{reason}"}}'
    which = {"load": ChatStream("M", now).loaded("load"), "unload": ChatStream("M", now).loaded("unload")}
    assert which[reason].decode() == f'{CHAT}"content":""}},{end}'
    which = {"load": GenerateStream("M", now).loaded("load"), "unload": GenerateStream("M", now).loaded("unload")}
    assert which[reason].decode() == f'{GENERATE}"response":"",{end}'


def test_a_streamed_context_holds_the_prompt_and_the_whole_answer() -> None:
    stream = GenerateStream("M", now, HELLO)
    stream.encode([ThinkingDelta("hm"), TextDelta("Hel"), TextDelta("lo")])
    last = json.loads(stream.encode([FINISHED]))
    assert decode_context(last["context"]) == (*HELLO, Message("assistant", (Text("Hello"),)))
    assert list(last)[-7:-5] == ["context", "total_duration"]
    assert list(last)[list(last).index("context") - 1] == "done_reason"


def test_a_whole_answer_carries_the_same_context() -> None:
    events: list[Event] = [Started("x"), TextDelta("Hel"), TextDelta("lo"), FINISHED]
    streamed = json.loads(GenerateStream("M", now, HELLO).encode(events).splitlines()[-1])
    whole = json.loads(GenerateStream("M", now, HELLO).whole(fold(events)))
    assert streamed["context"] == whole["context"]


@pytest.mark.parametrize(
    ("nanoseconds", "stamp"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (NOON + 999, STAMP),
        (NOON + 1000, "2026-11-21T00:00:00.000001Z"),
        (NOON + 999_999_999, "2026-11-21T00:00:00.999999Z"),
        (NOON + 1_000_000_000, "2026-11-21T00:00:01.000000Z"),
    ],
)
def test_times_are_utc_with_six_digits(nanoseconds: int, stamp: str) -> None:
    assert Stamps(lambda: nanoseconds).next() == stamp


def test_time_goes_on_within_a_stream() -> None:
    times = iter([NOON, NOON + 5_000, NOON + 2_000_000_000, NOON])
    stamps = Stamps(lambda: next(times))
    assert [stamps.next()[17:26] for _ in range(4)] == ["00.000000", "00.000005", "02.000000", "00.000000"]
