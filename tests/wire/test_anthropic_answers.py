"""Answers of /v1/messages, byte by byte."""

import json
import re
from collections.abc import Sequence
from typing import Any

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
    UpstreamFailed,
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
    ThoughtEnded,
    Usage,
)
from proxy.core.reply import Reply, fold
from proxy.core.request import Part, Text, Thought, ToolCall
from proxy.wire.anthropic import MessageStream, count_body, error_body

HEAD = '{"id":"msg_8","type":"message","role":"assistant","model":"plain","content":['
NO_USAGE = '{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}'
USAGE = '{"input_tokens":3,"cache_creation_input_tokens":2,"cache_read_input_tokens":5,"output_tokens":7}'
FINISHED = Finished("stop", Usage(3, 7, 5, 2))
TEXT = '{"type":"text","text":""}'
THINKING = '{"type":"thinking","thinking":"","signature":""}'


def stream() -> MessageStream:
    return MessageStream("msg_8", "plain")


def frame(event: str, fields: str) -> str:
    return f'event: {event}\ndata: {{"type":"{event}",{fields}}}\n\n'


def start(index: int, block: str) -> str:
    return frame("content_block_start", f'"index":{index},"content_block":{block}')


def delta(index: int, kind: str, field: str, text: str) -> str:
    return frame("content_block_delta", f'"index":{index},"delta":{{"type":"{kind}_delta","{field}":"{text}"}}')


def text(index: int, text: str) -> str:
    return delta(index, "text", "text", text)


def thinking(index: int, text: str) -> str:
    return delta(index, "thinking", "thinking", text)


def signature(index: int, text: str) -> str:
    return delta(index, "signature", "signature", text)


def arguments(index: int, text: str) -> str:
    return delta(index, "input_json", "partial_json", text)


def stop(index: int) -> str:
    return frame("content_block_stop", f'"index":{index}')


def call(id: str) -> str:
    return f'{{"type":"tool_use","id":"{id}","name":"get-\\u00e9","input":{{}}}}'


def end(reason: str, sequence: str = "null", usage: str = NO_USAGE) -> str:
    delta = f'"delta":{{"stop_reason":"{reason}","stop_sequence":{sequence}}},"usage":{usage}'
    return frame("message_delta", delta) + 'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.mark.parametrize(
    ("events", "frames"),
    [
        (
            [Started("x")],
            [frame("message_start", f'"message":{HEAD}],"stop_reason":null,"stop_sequence":null,"usage":{NO_USAGE}}}')],
        ),
        ([TextDelta("Hel"), TextDelta("lo")], [start(0, TEXT), text(0, "Hel"), text(0, "lo")]),
        (
            [ThinkingDelta("h"), ThinkingDelta("m"), ThoughtEnded("c2ln"), TextDelta("a")],
            [
                start(0, THINKING),
                thinking(0, "h"),
                thinking(0, "m"),
                signature(0, "c2ln"),
                stop(0),
                start(1, TEXT),
                text(1, "a"),
            ],
        ),
        (
            [ThinkingDelta("h"), ThoughtEnded(), ThinkingDelta("m"), TextDelta("a"), ThinkingDelta("o")],
            [
                start(0, THINKING),
                thinking(0, "h"),
                stop(0),
                start(1, THINKING),
                thinking(1, "m"),
                stop(1),
                start(2, TEXT),
                text(2, "a"),
                stop(2),
                start(3, THINKING),
                thinking(3, "o"),
            ],
        ),
        (
            [ThoughtEnded("c2ln"), ThoughtEnded("c2ln"), ThoughtEnded()],
            [start(0, THINKING), signature(0, "c2ln"), stop(0), start(1, THINKING), signature(1, "c2ln"), stop(1)],
        ),
        (
            [TextDelta("a"), ThoughtEnded(redacted="c2Vh"), TextDelta("b")],
            [
                start(0, TEXT),
                text(0, "a"),
                stop(0),
                start(1, '{"type":"redacted_thinking","data":"c2Vh"}'),
                stop(1),
                start(2, TEXT),
                text(2, "b"),
            ],
        ),
        (
            [
                TextDelta("a"),
                CallStarted(0, "toolu_0", "get-é"),
                CallDelta(0, '{"é":'),
                CallDelta(0, "1}"),
                CallComplete(0, "toolu_0", "get-é", {"é": 1}),
                CallStarted(1, "toolu_1", "get-é"),
                CallComplete(1, "toolu_1", "get-é", {}),
                Finished("tool_calls"),
            ],
            [
                start(0, TEXT),
                text(0, "a"),
                stop(0),
                start(1, call("toolu_0")),
                arguments(1, '{\\"\\u00e9\\":'),
                arguments(1, "1}"),
                stop(1),
                start(2, call("toolu_1")),
                stop(2),
                end("tool_use"),
            ],
        ),
        (
            [CallStarted(0, "toolu_0", "get-é"), CallDelta(0, "{"), Finished("length")],
            [start(0, call("toolu_0")), arguments(0, "{"), stop(0), end("max_tokens")],
        ),
        ([TextDelta("a"), FINISHED], [start(0, TEXT), text(0, "a"), stop(0), end("end_turn", usage=USAGE)]),
        ([FINISHED], [end("end_turn", usage=USAGE)]),
    ],
)
def test_an_answer_is_made_of_blocks(events: Sequence[Event], frames: list[str]) -> None:
    assert stream().encode(events).decode() == "".join(frames)
    one_by_one = stream()
    assert b"".join(one_by_one.encode([event]) for event in events).decode() == "".join(frames)


@pytest.mark.parametrize(
    ("finished", "reason", "sequence"),
    [
        (Finished("stop"), "end_turn", "null"),
        (Finished("length"), "max_tokens", "null"),
        (Finished("refusal"), "refusal", "null"),
        (Finished("tool_calls"), "tool_use", "null"),
        (Finished("stop", stop_sequence="\n\u2028"), "stop_sequence", '"\\n\\u2028"'),
    ],
)
def test_how_an_answer_ended_is_its_stop_reason(finished: Finished, reason: str, sequence: str) -> None:
    assert stream().encode([finished]).decode() == end(reason, sequence)
    whole = json.loads(stream().whole(Reply("x", "a", "", finished)))
    assert (whole["stop_reason"], json.dumps(whole["stop_sequence"])) == (reason, sequence)


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("é"), '{"type":"text","text":"\\u00e9"}'),
        (Thought("hm", "c2ln"), '{"type":"thinking","thinking":"hm","signature":"c2ln"}'),
        (Thought("hm"), '{"type":"thinking","thinking":"hm","signature":""}'),
        (Thought(redacted="c2Vh"), '{"type":"redacted_thinking","data":"c2Vh"}'),
        (
            ToolCall("toolu_0", "get-é", {"z": 2**70, "a": ["\u2028"]}),
            '{"type":"tool_use","id":"toolu_0","name":"get-\\u00e9",'
            '"input":{"z":1180591620717411303424,"a":["\\u2028"]}}',
        ),
    ],
)
def test_a_part_of_a_whole_answer_is_a_block(part: Part, block: str) -> None:
    tail = f'],"stop_reason":"end_turn","stop_sequence":null,"usage":{USAGE}}}\n'
    both = Reply("x", "", "", FINISHED, parts=(part, Text("!")))
    assert stream().whole(both).decode() == f'{HEAD}{block},{{"type":"text","text":"!"}}{tail}'
    assert stream().whole(Reply("x", "", "", FINISHED)).decode() == f"{HEAD}{tail}"


def test_a_whole_answer_has_its_blocks_in_the_order_they_came() -> None:
    events: list[Event] = [
        Started("x"),
        ThinkingDelta("hm"),
        ThoughtEnded("c2ln"),
        TextDelta("I look."),
        CallStarted(0, "toolu_0", "now"),
        CallComplete(0, "toolu_0", "now", {}),
        ThinkingDelta("so"),
        FINISHED,
    ]
    blocks = json.loads(stream().whole(fold(events)))["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "thinking"]


@pytest.mark.parametrize("said", ["a\u2028b\u0085", "\ud83d", "😀", '"\\\n', "data: x\n\n"])
@pytest.mark.parametrize("kind", [TextDelta, ThinkingDelta])
def test_whatever_the_text_a_frame_is_ascii_and_two_lines(kind: type[TextDelta | ThinkingDelta], said: str) -> None:
    answer = stream()
    answer.encode([kind("a")])
    out = answer.encode([kind(said)])
    assert out.isascii()
    event, data, blank = out.decode().splitlines()
    assert (event, blank) == ("event: content_block_delta", "")
    assert said in json.loads(data.removeprefix("data: "))["delta"].values()


def error_of(body: bytes) -> dict[str, Any]:
    """The error in a body, whose id is checked."""
    document: dict[str, Any] = json.loads(body)
    assert list(document) == ["type", "error", "request_id"]
    assert document["type"] == "error"
    assert re.fullmatch("req_[0-9a-f]{24}", document["request_id"])
    error: dict[str, Any] = document["error"]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("x"), "invalid_request_error"),
        (NotLoggedIn("x"), "authentication_error"),
        (InvalidRequest("x", status=403), "permission_error"),
        (ModelNotFound("x"), "not_found_error"),
        (InvalidRequest("x", status=413), "request_too_large"),
        (LimitReached("x"), "rate_limit_error"),
        (Busy("x"), "overloaded_error"),
        (UpstreamFailed("x", status=529), "overloaded_error"),
        (TimedOut("x"), "timeout_error"),
        (UpstreamFailed("x"), "api_error"),
        (BackendFailed("x"), "api_error"),
    ],
)
def test_the_type_of_an_error_goes_by_its_status(error: ServerError, kind: str) -> None:
    assert error_of(error_body(error)) == {"type": kind, "message": "x"}


def test_errors_have_ids_of_their_own() -> None:
    assert error_body(Busy("x")) != error_body(Busy("x"))


def test_an_error_after_the_first_byte_ends_the_stream() -> None:
    event, data, *rest = stream().error(TimedOut("nothing came for 60 s")).decode().split("\n")
    assert (event, rest) == ("event: error", ["", ""])
    error = error_of(data.removeprefix("data: ").encode())
    assert error == {"type": "timeout_error", "message": "nothing came for 60 s"}


@pytest.mark.parametrize("reason", ["stop", "length", "refusal", "tool_calls"])
def test_a_stop_sequence_counts_only_where_the_answer_stopped(reason: FinishReason) -> None:
    whole = json.loads(stream().whole(Reply("x", "", "", Finished(reason, stop_sequence="END"))))
    assert whole["stop_sequence"] == ("END" if reason == "stop" else None)


def test_a_count_is_the_tokens_of_the_input() -> None:
    assert count_body(12) == b'{"input_tokens":12}\n'
