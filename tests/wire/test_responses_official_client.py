"""OpenAI's official client reads the streams of responses and completions; no server, only a canned transport."""

import json
from collections.abc import Sequence

import httpx2
import openai
import pytest
from openai.types.responses import ResponseInputItemParam, ResponseOutputItem

from proxy.core.errors import TimedOut
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
    Usage,
)
from proxy.core.reply import fold
from proxy.core.request import Message, Text, Thought, ToolCall, ToolResult
from proxy.wire.openai import CompletionStream
from proxy.wire.responses import ResponseStream, parse_response

TEXT = "a\u2028b\u0085 😀\n"
ARGUMENTS = {"city": TEXT, "days": [1, 0.5, None]}
EVENTS: Sequence[Event] = [
    Started("claude"),
    ThinkingDelta("hm"),
    ThoughtEnded("c2ln"),
    TextDelta(TEXT[:3]),
    TextDelta(TEXT[3:]),
    CallStarted(0, "toolu_0", "weather"),
    CallDelta(0, json.dumps(ARGUMENTS)[:9]),
    CallDelta(0, json.dumps(ARGUMENTS)[9:]),
    CallComplete(0, "toolu_0", "weather", ARGUMENTS),
    Finished("tool_calls", Usage(3, 7, 1, 2)),
]
SAID = Message("assistant", (Thought("hm", "c2ln"), Text(TEXT), ToolCall("toolu_0", "weather", ARGUMENTS)))
ECHO = parse_response(b'{"model":"sonnet","input":"hi","tools":[{"type":"function","name":"weather"}]}').echo


def client(body: bytes, content_type: str = "text/event-stream") -> openai.OpenAI:
    response = httpx2.Response(200, content=body, headers={"content-type": content_type})
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: response))
    return openai.OpenAI(api_key="x", base_url="http://test/v1", http_client=http)


def stream() -> ResponseStream:
    return ResponseStream("resp_1", 1, "sonnet", ECHO)


def said_again(output: Sequence[ResponseOutputItem]) -> Message:
    """What the assistant said, when a client sends the items of an answer back with the result of its call."""
    sent = [item.to_dict() for item in output]
    sent.append({"type": "function_call_output", "call_id": "toolu_0", "output": "12 °C"})
    said, result = parse_response(json.dumps({"model": "sonnet", "input": sent}).encode()).request.messages
    assert result == Message("user", (ToolResult("toolu_0", (Text("12 °C"),), name="weather"),))
    return said


def test_a_streamed_response_is_put_together() -> None:
    with client(stream().encode(EVENTS)) as reading:
        events = list(reading.responses.create(model="sonnet", input="hi", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == TEXT
    assert last.response.usage is not None
    assert (last.response.usage.input_tokens, last.response.usage.input_tokens_details.cached_tokens) == (6, 1)
    assert said_again(last.response.output) == SAID


def test_the_helper_for_streams_comes_to_the_same_response() -> None:
    asked: list[ResponseInputItemParam] = [{"role": "user", "content": "hi"}]
    with (
        client(stream().encode(EVENTS)) as reading,
        reading.responses.stream(model="sonnet", input=asked) as events,
    ):
        texts = [event.delta for event in events if event.type == "response.output_text.delta"]
        final = events.get_final_response()
    assert texts == [TEXT[:3], TEXT[3:]]
    assert final.output_text == TEXT
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]


def test_a_whole_response_is_read_and_can_be_sent_back() -> None:
    with client(stream().whole(fold(EVENTS)), "application/json") as reading:
        answer = reading.responses.create(model="sonnet", input="hi")
    assert (answer.status, answer.output_text) == ("completed", TEXT)
    assert said_again(answer.output) == SAID


def test_a_failure_in_the_stream_is_its_last_event() -> None:
    answering = stream()
    body = answering.encode(EVENTS[:4]) + answering.error(TimedOut("nothing came for 60 s"))
    with client(body) as reading:
        last = list(reading.responses.create(model="sonnet", input="hi", stream=True))[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("server_error", "nothing came for 60 s")


def test_a_completion_is_read_streamed_and_whole() -> None:
    events: list[Event] = [Started("claude"), TextDelta(TEXT[:3]), TextDelta(TEXT[3:]), Finished("length", Usage(3, 7))]
    with client(CompletionStream("cmpl-1", 1, "sonnet", include_usage=True).encode(events)) as reading:
        chunks = list(reading.completions.create(model="sonnet", prompt="hi", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    with client(CompletionStream("cmpl-1", 1, "sonnet").whole(fold(events)), "application/json") as reading:
        answer = reading.completions.create(model="sonnet", prompt="hi")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (TEXT, "length")


def test_a_completion_that_fails_in_the_stream_raises() -> None:
    answering = CompletionStream("cmpl-1", 1, "sonnet")
    body = answering.encode([TextDelta("a")]) + answering.error(TimedOut("nothing came for 60 s"))
    with client(body) as reading, pytest.raises(openai.APIError, match="nothing came for 60 s"):
        list(reading.completions.create(model="sonnet", prompt="hi", stream=True))
