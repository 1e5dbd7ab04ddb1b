"""A script as events: their order, their usage, and the joined text."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from proxy.simulator.binding import signature
from proxy.simulator.cache import PromptUsage
from proxy.simulator.pace import Pace
from proxy.simulator.pieces import split_text
from proxy.simulator.script import Fault, Script, Text, Thinking, ToolUse
from proxy.simulator.stream import Frame, Head, frames, message_json

HEAD = Head("msg_1", "claude-x", PromptUsage(uncached=1, read=2, written_5m=3, written_1h=4))
ONE_TWO = Script((Text("one two"),))


def events(played: Iterable[Frame]) -> list[dict[str, Any]]:
    """The events of a stream; each must be named as its data says."""
    found = []
    for block in b"".join(frame.data for frame in played).split(b"\n\n")[:-1]:
        name, data = block.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    return found


def names(script: Script) -> list[str]:
    return [event["type"].removeprefix("content_") for event in events(frames(script, HEAD))]


def faulty(kind: Any, after: int = 0) -> Script:
    return Script((Text("one two"),), fault=Fault(kind, after, "overloaded_error", "Overloaded"))


def test_a_text_is_told_in_the_api_s_order() -> None:
    assert events(frames(ONE_TWO, HEAD)) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-x",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 1,
                    "cache_creation_input_tokens": 7,
                    "cache_read_input_tokens": 2,
                    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
                    "output_tokens": 1,
                    "service_tier": "standard",
                },
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " two"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 1,
                "cache_creation_input_tokens": 7,
                "cache_read_input_tokens": 2,
                "output_tokens": 2,
            },
        },
        {"type": "message_stop"},
    ]


def test_thinking_and_calls_are_blocks_of_their_own() -> None:
    call = ToolUse("toolu_1", "get_weather", {"city": "New York", "unit": "celsius"})
    told = events(frames(Script((Thinking("hm hm"), Text("Yes."), call), "tool_use"), HEAD))
    assert [e["content_block"] for e in told if e["type"] == "content_block_start"] == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}},
    ]
    deltas = [(e["index"], e["delta"]) for e in told if e["type"] == "content_block_delta"]
    assert [delta for index, delta in deltas if index == 0] == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "thinking_delta", "thinking": " hm"},
        {"type": "signature_delta", "signature": signature("hm hm")},
    ]
    pieces = [delta["partial_json"] for index, delta in deltas if index == 2]
    assert len(pieces) > 3
    assert orjson.loads("".join(pieces)) == {"city": "New York", "unit": "celsius"}
    ending = told[-2]
    assert ending["delta"]["stop_reason"] == "tool_use"
    assert ending["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


def test_hidden_thinking_keeps_its_signature() -> None:
    told = events(frames(Script((Thinking("hm", shown=False),)), HEAD))
    deltas = [e["delta"] for e in told if e["type"] == "content_block_delta"]
    assert deltas == [{"type": "signature_delta", "signature": signature("")}]


def test_a_broken_call_is_no_json() -> None:
    told = events(frames(Script((ToolUse("t", "a", {"city": "Paris"}, broken=True),)), HEAD))
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads("".join(e["delta"]["partial_json"] for e in told if e["type"] == "content_block_delta"))


def test_an_empty_answer_has_no_blocks() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    told = events(frames(Script((), "refusal", stop_details=details), HEAD))
    assert [event["type"] for event in told] == ["message_start", "message_delta", "message_stop"]
    assert told[1]["delta"] == {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (faulty("error"), "message_start error"),
        (faulty("error", 1), "message_start block_start ping block_delta error"),
        (faulty("cut"), "message_start"),
        (faulty("cut", 2), "message_start block_start ping block_delta block_delta"),
        (faulty("hang", 1), "message_start block_start ping block_delta"),
        (
            faulty("duplicate_start"),
            "message_start message_start "
            "block_start ping block_delta block_delta block_stop message_delta message_stop",
        ),
        (faulty("no_stop"), "message_start block_start ping block_delta block_delta block_stop message_delta"),
        (faulty("no_delta"), "message_start block_start ping block_delta block_delta block_stop message_stop"),
    ],
)
def test_a_fault_stands_at_its_place(script: Script, expected: str) -> None:
    assert names(script) == expected.split()


@pytest.mark.parametrize("kind", ["cut", "hang"])
def test_nothing_follows_a_cut_or_a_hang(kind: Any) -> None:
    assert [frame.then for frame in frames(faulty(kind, 1), HEAD)][-1] == kind


def test_garbage_is_an_event_whose_data_is_no_json() -> None:
    stream = b"".join(frame.data for frame in frames(faulty("garbage", 1), HEAD))
    broken = [block for block in stream.split(b"\n\n") if block and not block.endswith(b"}")]
    assert len(broken) == 1
    assert stream.endswith(b'{"type":"message_stop"}\n\n')


def test_the_json_message_says_what_the_stream_says() -> None:
    blocks = (Thinking("hm"), Text("Yes."), ToolUse("t", "a", {"b": 1}))
    message = orjson.loads(message_json(Script(blocks, "tool_use"), HEAD))
    assert message["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": signature("hm")},
        {"type": "text", "text": "Yes."},
        {"type": "tool_use", "id": "t", "name": "a", "input": {"b": 1}},
    ]
    assert message["stop_reason"] == "tool_use"
    assert message["usage"]["output_tokens"] == 1 + 1 + 4 + 1 + 2


@pytest.mark.parametrize("words", [1, 2, 7])
@pytest.mark.parametrize(
    "text", ["", "one two\n\n three  four ", "e\u0301👩‍👩‍👧 🇫🇷\r\n\u2028", "a" * 100, "日本語のテキスト。"]
)
def test_the_pieces_of_a_text_are_the_text(text: str, words: int) -> None:
    pieces = split_text(text, words)
    assert "".join(pieces) == text
    assert all(pieces)


def test_words_come_with_the_space_before_them() -> None:
    assert split_text("I see,  two\nlines") == ["I", " see", ",", "  ", "two", "\n", "lines"]


def test_tokens_only_grow_and_end_at_the_total() -> None:
    told = list(frames(Script((Thinking("hm hm"), Text("one two three"), ToolUse("t", "a", {}))), HEAD))
    tokens = [frame.tokens for frame in told]
    assert tokens == sorted(tokens)
    assert tokens[-1] == 2 + 4 + (4 + 1 + 1)


def test_a_pace_says_when_tokens_are_due() -> None:
    assert [Pace(rate=50).due(tokens) for tokens in (0, 25, 100)] == [0.0, 0.5, 2.0]
    assert Pace().due(100) == 0.0
    assert Pace(1.0, 2.0).override(None, 5.0) == Pace(1.0, 5.0)
