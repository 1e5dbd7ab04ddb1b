"""Answers of /v1/responses, event by event."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from proxy.core.errors import BackendFailed, InvalidRequest, LimitReached, ServerError
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
    Timings,
    Usage,
)
from proxy.core.reply import Reply, fold
from proxy.core.request import Image, Thought
from proxy.wire.responses import ResponseStream
from proxy.wire.responses.seal import sealed

ECHO = {"instructions": "é", "tools": []}
FINISHED = Finished("stop", Usage(3, 7, 5, 2), Timings(1, 1, 1, 2_900_000_000))
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 17,
}
CALL: list[Event] = [
    CallStarted(0, "toolu_0", "get"),
    CallDelta(0, '{"é":'),
    CallDelta(0, "1}"),
    CallComplete(0, "toolu_0", "get", {"é": 1}),
]
EVERYTHING: list[Event] = [
    Started("x"),
    ThinkingDelta("h"),
    ThinkingDelta("m"),
    ThoughtEnded("c2ln"),
    ThoughtEnded(redacted="cmVk"),
    TextDelta("I "),
    TextDelta("look."),
    *CALL,
    CallStarted(1, "toolu_1", "ns.now"),
    CallDelta(1, "{}"),
    CallComplete(1, "toolu_1", "ns.now", {}),
    Finished("tool_calls"),
]


def stream() -> ResponseStream:
    return ResponseStream("resp_8", 1795219965, "plain", ECHO, {"ns.now": "ns"})


def parsed(out: bytes) -> list[dict[str, Any]]:
    """The objects of a stream, each of whose events is well formed and named as its object is."""
    assert out.isascii()
    objects = []
    for frame in out.decode().split("\n\n")[:-1]:
        event, data = frame.splitlines()
        objects.append(json.loads(data.removeprefix("data: ")))
        assert event == f"event: {objects[-1]['type']}"
    return objects


def encoded(events: Sequence[Event]) -> list[dict[str, Any]]:
    return parsed(stream().encode(events))


def message(id: str, text: str, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": id, "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning(id: str, thought: Thought, status: str = "completed") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    seal = sealed(thought) or None
    return {"id": id, "type": "reasoning", "status": status, "summary": summary, "encrypted_content": seal}


def call(id: str, call_id: str, name: str, arguments: str, status: str = "completed") -> dict[str, Any]:
    called = {"call_id": call_id, "name": name, "arguments": arguments}
    return {"id": id, "type": "function_call", "status": status} | called


def response(status: str, output: Sequence[object] = (), **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_8",
        "object": "response",
        "created_at": 1795219965,
        "model": "plain",
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": None,
        **ECHO,
        **fields,
    }


def test_a_text_from_its_beginning_to_its_end() -> None:
    at: dict[str, Any] = {"item_id": "msg_8_0", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    bare = message("msg_8_0", "", "in_progress") | {"content": []}
    done = message("msg_8_0", "Hello")
    expected: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.in_progress", "response": response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": bare},
        {"type": "response.content_part.added", **at, "part": empty},
        {"type": "response.output_text.delta", **at, "delta": "Hel", "logprobs": []},
        {"type": "response.output_text.delta", **at, "delta": "lo", "logprobs": []},
        {"type": "response.output_text.done", **at, "text": "Hello", "logprobs": []},
        {"type": "response.content_part.done", **at, "part": empty | {"text": "Hello"}},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {
            "type": "response.completed",
            "response": response("completed", [done], completed_at=1795219967, usage=USAGE),
        },
    ]
    numbered = [each | {"sequence_number": number} for number, each in enumerate(expected)]
    assert encoded([Started("x"), TextDelta("Hel"), TextDelta("lo"), FINISHED]) == numbered


def test_a_delta_byte_by_byte() -> None:
    answering = stream()
    answering.encode([Started("x"), TextDelta("a")])
    assert answering.encode([TextDelta('"\u2028')]) == (
        b"event: response.output_text.delta\n"
        b'data: {"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_8_0","output_index":0,'
        b'"content_index":0,"delta":"\\"\\u2028","logprobs":[]}\n\n'
    )


def test_a_thought_is_a_summary_and_its_seal() -> None:
    at: dict[str, Any] = {"item_id": "rs_8_0", "output_index": 0, "summary_index": 0}
    thought = Thought("hm", "c2ln")
    events = encoded([ThinkingDelta("h"), ThinkingDelta("m"), ThoughtEnded("c2ln")])
    assert [{name: value for name, value in each.items() if name != "sequence_number"} for each in events] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": reasoning("rs_8_0", Thought(), "in_progress"),
        },
        {"type": "response.reasoning_summary_part.added", **at, "part": {"type": "summary_text", "text": ""}},
        {"type": "response.reasoning_summary_text.delta", **at, "delta": "h"},
        {"type": "response.reasoning_summary_text.delta", **at, "delta": "m"},
        {"type": "response.reasoning_summary_text.done", **at, "text": "hm"},
        {"type": "response.reasoning_summary_part.done", **at, "part": {"type": "summary_text", "text": "hm"}},
        {"type": "response.output_item.done", "output_index": 0, "item": reasoning("rs_8_0", thought)},
    ]


def test_a_call_is_its_arguments_piece_by_piece() -> None:
    at: dict[str, Any] = {"item_id": "fc_8_0", "output_index": 0}
    events = encoded(CALL)
    assert [{name: value for name, value in each.items() if name != "sequence_number"} for each in events] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": call("fc_8_0", "toolu_0", "get", "", "in_progress"),
        },
        {"type": "response.function_call_arguments.delta", **at, "delta": '{"é":'},
        {"type": "response.function_call_arguments.delta", **at, "delta": "1}"},
        {"type": "response.function_call_arguments.done", **at, "arguments": '{"é":1}'},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": call("fc_8_0", "toolu_0", "get", '{"é":1}'),
        },
    ]


@pytest.mark.parametrize("events", [EVERYTHING, [Started("x"), TextDelta("a"), ThinkingDelta("b"), FINISHED]])
def test_items_do_not_overlap_and_events_are_numbered(events: list[Event]) -> None:
    at_once = encoded(events)
    one_by_one = stream()
    assert parsed(b"".join(one_by_one.encode([event]) for event in events)) == at_once
    assert [each["sequence_number"] for each in at_once] == list(range(len(at_once)))
    inside: int | None = None
    finished = 0
    for each in at_once:
        if each["type"] == "response.output_item.added":
            assert (inside, each["output_index"]) == (None, finished)
            inside = finished
        elif "output_index" in each:
            assert each["output_index"] == inside
        if each["type"] == "response.output_item.done":
            inside = None
            finished += 1
    assert len(at_once[-1]["response"]["output"]) == finished


def test_the_items_of_an_answer_stand_in_the_order_of_its_parts() -> None:
    items = [
        reasoning("rs_8_0", Thought("hm", "c2ln")),
        reasoning("rs_8_1", Thought(redacted="cmVk")),
        message("msg_8_2", "I look."),
        call("fc_8_3", "toolu_0", "get", '{"é":1}'),
        call("fc_8_4", "toolu_1", "now", "{}") | {"namespace": "ns"},
    ]
    assert encoded(EVERYTHING)[-1]["response"]["output"] == items
    whole = json.loads(stream().whole(fold(EVERYTHING)))
    # The arguments of a whole answer are written anew, in ASCII.
    assert [each | ({"arguments": '{"é":1}'} if each["id"] == "fc_8_3" else {}) for each in whole["output"]] == items
    assert json.loads(whole["output"][3]["arguments"]) == {"é": 1}


@pytest.mark.parametrize(
    "events",
    [
        [TextDelta("a"), FINISHED],
        [FINISHED],
        [Finished("refusal")],
        [ThinkingDelta("hm"), ThoughtEnded("c2ln"), FINISHED],
        [ThoughtEnded("c2ln"), TextDelta("a"), Finished("length")],
        [ThinkingDelta("hm"), TextDelta("a"), ThinkingDelta("x"), ThoughtEnded("c2ln"), TextDelta("b"), FINISHED],
        [TextDelta("a"), ThinkingDelta("x"), Finished("length")],
        [TextDelta("a"), ThinkingDelta("x"), ThoughtEnded("c2ln"), Finished("length")],
        [TextDelta("a"), ThoughtEnded(redacted="cmVk"), Finished("length")],
        [CallStarted(0, "a", "f"), CallDelta(0, "{}"), CallComplete(0, "a", "f", {}), Finished("tool_calls")],
    ],
)
def test_a_whole_answer_is_what_a_stream_ends_with(events: list[Event]) -> None:
    whole = stream().whole(fold(events))
    assert whole.isascii()
    assert whole.endswith(b"}\n")
    assert json.loads(whole) == encoded([Started("x"), *events])[-1]["response"]


def test_an_answer_without_words_has_an_empty_message() -> None:
    assert encoded([Started("x"), FINISHED])[-1]["response"]["output"] == [message("msg_8_0", "")]


def test_a_thought_that_ends_with_nothing_is_no_item() -> None:
    assert encoded([ThoughtEnded()]) == []


def test_a_sealed_thought_ends_the_one_before_it() -> None:
    done = [each["item"] for each in encoded([ThinkingDelta("a"), ThoughtEnded(redacted="cmVk")]) if "item" in each]
    assert done[1::2] == [reasoning("rs_8_0", Thought("a")), reasoning("rs_8_1", Thought(redacted="cmVk"))]


@pytest.mark.parametrize(
    ("reason", "why"), [("length", "max_output_tokens"), ("refusal", "content_filter"), ("stop", None)]
)
def test_an_answer_that_was_cut_off_is_incomplete(reason: FinishReason, why: str | None) -> None:
    last = encoded([Started("x"), TextDelta("a"), Finished(reason)])[-1]
    status = "incomplete" if why else "completed"
    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status
    assert last["response"]["incomplete_details"] == ({"reason": why} if why else None)
    assert last["response"]["output"] == [message("msg_8_0", "a", status)]
    assert (last["response"]["completed_at"] is None) == bool(why)


def test_arguments_that_were_cut_off_are_never_done() -> None:
    events = encoded([CallStarted(0, "toolu_0", "get"), CallDelta(0, '{"a'), Finished("length")])
    assert [each["type"] for each in events][1:] == [
        "response.function_call_arguments.delta",
        "response.output_item.done",
        "response.incomplete",
    ]
    assert events[-2]["item"] == call("fc_8_0", "toolu_0", "get", '{"a', "incomplete")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("é"), "invalid_prompt"),
        (LimitReached("é"), "rate_limit_exceeded"),
        (BackendFailed("é"), "server_error"),
    ],
)
def test_an_error_after_the_first_byte_fails_the_response(error: ServerError, code: str) -> None:
    answering = stream()
    answering.encode([Started("x"), *CALL, TextDelta("a")])
    [failed] = parsed(answering.error(error))
    items = [call("fc_8_0", "toolu_0", "get", '{"é":1}')]
    assert failed == {
        "type": "response.failed",
        "sequence_number": 10,
        "response": response("failed", items, error={"code": code, "message": "é"}),
    }


def test_what_no_model_says_is_no_item() -> None:
    reply = Reply("x", "", "", FINISHED, parts=(Image("image/png", ""),))
    with pytest.raises(TypeError, match="an answer has no Image"):
        stream().whole(reply)
