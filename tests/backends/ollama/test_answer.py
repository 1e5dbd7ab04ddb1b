import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.ollama.answer import Answer
from proxy.core.errors import UpstreamFailed
from proxy.core.events import (
    CallComplete,
    CallDelta,
    CallStarted,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThoughtEnded,
    Timings,
    Usage,
)
from proxy.core.framing import LineFramer

TIMES = {
    "total_duration": 10,
    "load_duration": 2,
    "prompt_eval_count": 11,
    "prompt_eval_duration": 3,
    "eval_count": 7,
    "eval_duration": 4,
}
DONE = {"model": "llama", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", **TIMES}
END = Finished("stop", Usage(11, 7), Timings(load=2, prompt=3, eval=4, total=10))


def said(content: str = "", **fields: Any) -> dict[str, Any]:
    return {"model": "llama", "message": {"role": "assistant", "content": content, **fields}, "done": False}


def lines(*values: object) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def events(*values: object, **how: Any) -> list[Event]:
    answer = Answer("asked", **how)
    return answer.feed(lines(*values))


def test_texts_are_deltas_between_one_start_and_one_end() -> None:
    assert events(said("Hel"), said(), said("lo"), DONE) == [
        Started("llama"),
        TextDelta("Hel"),
        TextDelta("lo"),
        END,
    ]


def test_nothing_follows_the_end() -> None:
    answer = Answer("asked")
    assert answer.feed(lines(said("a"), DONE, said("b"), DONE))[-1] == END
    assert answer.ended
    assert answer.feed(lines(said("c"))) == []


def test_thoughts_come_before_the_text_and_end_with_it() -> None:
    thought = events(said(thinking="Hm"), said(thinking="."), said("Yes"), DONE)
    assert thought[1:5] == [ThinkingDelta("Hm"), ThinkingDelta("."), ThoughtEnded(), TextDelta("Yes")]
    assert events(said("Yes", thinking="Hm."), DONE)[1:4] == [ThinkingDelta("Hm."), ThoughtEnded(), TextDelta("Yes")]
    assert events(said(thinking="Hm."), DONE)[1:] == [ThinkingDelta("Hm."), ThoughtEnded(), END]


def test_thoughts_that_are_not_wanted_are_left_out() -> None:
    assert events(said("Yes", thinking="Hm."), DONE, show_thinking=False) == [Started("llama"), TextDelta("Yes"), END]


def test_a_call_comes_in_pieces_and_whole() -> None:
    call = {"id": "call_1", "function": {"name": "find", "arguments": {"b": 1, "a": "ü"}}}
    first, *rest = events(said(tool_calls=[call]), DONE)
    assert first == Started("llama")
    assert rest == [
        CallStarted(0, "call_1", "find"),
        CallDelta(0, '{"b":1,"a":"ü"}'),
        CallComplete(0, "call_1", "find", {"b": 1, "a": "ü"}),
        Finished("tool_calls", END.usage, END.timings),
    ]


def test_calls_are_counted_and_have_ids_of_their_own() -> None:
    call = {"function": {"name": "find"}}
    made = events(said(tool_calls=[call]), said(tool_calls=[call]), DONE)
    calls = [event for event in made if isinstance(event, CallComplete)]
    assert [(event.index, event.arguments) for event in calls] == [(0, {}), (1, {})]
    assert len({event.id for event in calls}) == 2


@pytest.mark.parametrize(("reason", "ends"), [("stop", "stop"), ("length", "length"), ("load", "stop"), (None, "stop")])
def test_an_answer_ends_for_a_reason(reason: str | None, ends: str) -> None:
    *_, end = events(said("a"), DONE | {"done_reason": reason})
    assert isinstance(end, Finished)
    assert end.reason == ends


def test_an_answer_to_a_prompt_alone_is_one_too() -> None:
    told = {"model": "llama", "response": "a", "thinking": "b", "done": False}
    assert events(told, {"response": "", "done": True}) == [
        Started("llama"),
        ThinkingDelta("b"),
        ThoughtEnded(),
        TextDelta("a"),
        Finished("stop"),
    ]


@pytest.mark.parametrize("odd", [-1, 1.5, "7", None, True, 0])
def test_counts_that_are_none_are_left_out(odd: object) -> None:
    *_, end = events(said("a"), DONE | dict.fromkeys(TIMES, odd))
    assert end == Finished("stop")


def test_what_went_wrong_in_the_middle_is_passed_on() -> None:
    answer = Answer("asked")
    answer.feed(lines(said("a")))
    with pytest.raises(UpstreamFailed) as caught:
        answer.feed(lines({"error": "the GPU\nhas melted"}))
    assert (caught.value.status, caught.value.message) == (500, "the GPU has melted")


@pytest.mark.parametrize(
    "line",
    [
        b"{not json",
        b"[]",
        b"null",
        json.dumps(said(tool_calls=["call"])).encode(),
        json.dumps(said(tool_calls=[{"function": {"name": ""}}])).encode(),
        json.dumps(said(tool_calls=[{"function": {"name": "x", "arguments": "y"}}])).encode(),
        json.dumps(said(tool_calls=[{"function": {"name": "x"}}] * 1001)).encode(),
    ],
)
def test_what_no_server_says_is_an_error(line: bytes) -> None:
    with pytest.raises(UpstreamFailed, match="said what no Ollama server says"):
        Answer("asked").feed([line])


TRANSCRIPT = b"".join(
    line + b"\n"
    for line in lines(
        said(thinking="Hm\u2028."), said("Grüße"), said(tool_calls=[{"id": "1", "function": {"name": "find"}}]), DONE
    )
)


@given(st.lists(st.integers(0, len(TRANSCRIPT))))
def test_however_the_bytes_are_cut_the_events_are_the_same(cuts: Sequence[int]) -> None:
    framer, answer, made = LineFramer(1000), Answer("asked"), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(TRANSCRIPT)], strict=True):
        made += answer.feed(framer.feed(TRANSCRIPT[start:end]))
    assert made == Answer("asked").feed(TRANSCRIPT.split(b"\n"))


@given(st.binary(max_size=200))
def test_no_line_is_more_than_an_error(line: bytes) -> None:
    with contextlib.suppress(UpstreamFailed):
        Answer("asked").feed([line])
