"""The official clients read what the encoders write; no server, only a canned transport."""

import json
from collections.abc import Sequence

import httpx
import httpx2
import ollama
import openai
import pytest

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
    Timings,
    Usage,
)
from proxy.core.reply import fold
from proxy.wire.ollama import ChatStream, GenerateStream
from proxy.wire.openai import ChunkStream

TEXT = "a\u2028b\u0085 😀\n"
EVENTS: Sequence[Event] = [
    Started("claude"),
    ThinkingDelta("hm"),
    TextDelta(TEXT[:3]),
    TextDelta(TEXT[3:]),
    Finished("stop", Usage(3, 7), Timings(1, 2, 3, 4)),
]
ARGUMENTS = {"city": TEXT, "days": [1, 0.5, None], "very large": 2**60}
CALLS: Sequence[Event] = [
    Started("claude"),
    TextDelta("I look."),
    CallStarted(0, "toolu_0", "weather"),
    CallDelta(0, json.dumps(ARGUMENTS)[:9]),
    CallDelta(0, json.dumps(ARGUMENTS)[9:]),
    CallComplete(0, "toolu_0", "weather", ARGUMENTS),
    CallStarted(1, "toolu_1", "now"),
    CallDelta(1, "{}"),
    CallComplete(1, "toolu_1", "now", {}),
    Finished("tool_calls", Usage(3, 7), Timings(1, 2, 3, 4)),
]
ASK: list[dict[str, str]] = [{"role": "user", "content": "hi"}]


def now() -> int:
    return 1_795_219_200_000_000_000


def ollama_client(body: bytes) -> ollama.Client:
    response = httpx.Response(200, content=body, headers={"content-type": "application/x-ndjson"})
    return ollama.Client(transport=httpx.MockTransport(lambda _: response))


def openai_client(body: bytes) -> openai.OpenAI:
    response = httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: response))
    return openai.OpenAI(api_key="x", base_url="http://test/v1", http_client=http)


def test_ollama_reads_a_streamed_chat() -> None:
    with ollama_client(ChatStream("sonnet", now).encode(EVENTS)) as client:
        parts = list(client.chat("sonnet", ASK, stream=True))
    assert "".join(part.message.content or "" for part in parts) == TEXT
    assert "".join(part.message.thinking or "" for part in parts) == "hm"
    assert (parts[-1].done_reason, parts[-1].prompt_eval_count, parts[-1].eval_count) == ("stop", 3, 7)


def test_ollama_reads_a_whole_chat_and_a_prompt() -> None:
    reply = fold(EVENTS)
    with ollama_client(ChatStream("sonnet", now).whole(reply)) as client:
        assert client.chat("sonnet", ASK).message.content == TEXT
    with ollama_client(GenerateStream("sonnet", now, ()).whole(reply)) as client:
        answer = client.generate("sonnet", "hi")
    assert answer.response == TEXT
    assert answer.thinking == "hm"
    assert answer.context


def test_ollama_reads_a_streamed_prompt_with_its_thinking_first() -> None:
    with ollama_client(GenerateStream("sonnet", now, ()).encode(EVENTS)) as client:
        parts = list(client.generate("sonnet", "hi", stream=True))
    assert [(part.thinking or "", part.response) for part in parts] == [
        ("hm", ""),
        ("", TEXT[:3]),
        ("", TEXT[3:]),
        ("", ""),
    ]


def test_ollama_raises_an_error_that_comes_in_the_stream() -> None:
    stream = ChatStream("sonnet", now)
    body = stream.encode(EVENTS[:3]) + stream.error(TimedOut("nothing came for 60 s"))
    with (
        ollama_client(body) as client,
        pytest.raises(ollama.ResponseError, match="nothing came for 60 s"),
    ):
        list(client.chat("sonnet", ASK, stream=True))


def test_ollama_reads_calls() -> None:
    with ollama_client(ChatStream("sonnet", now).encode(CALLS)) as client:
        parts = list(client.chat("sonnet", ASK, stream=True))
    called = [call.function for part in parts for call in part.message.tool_calls or ()]
    assert [(function.name, function.arguments) for function in called] == [("weather", ARGUMENTS), ("now", {})]
    assert (parts[-1].done, parts[-1].done_reason) == (True, "stop")
    with ollama_client(ChatStream("sonnet", now).whole(fold(CALLS))) as client:
        whole = client.chat("sonnet", ASK)
    assert whole.message.content == "I look."
    assert [call.function for call in whole.message.tool_calls or ()] == called


def test_openai_reads_calls() -> None:
    with (
        openai_client(ChunkStream("chatcmpl-1", 1, "sonnet").encode(CALLS)) as client,
        client.chat.completions.stream(model="sonnet", messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        streamed = stream.get_final_completion().choices[0]
    with openai_client(ChunkStream("chatcmpl-1", 1, "sonnet").whole(fold(CALLS))) as client:
        whole = client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hi"}]).choices[0]
    for choice in (streamed, whole):
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == "I look."
        called = [call for call in choice.message.tool_calls or () if call.type == "function"]
        assert [(call.id, call.function.name, json.loads(call.function.arguments)) for call in called] == [
            ("toolu_0", "weather", ARGUMENTS),
            ("toolu_1", "now", {}),
        ]


def test_openai_reads_a_streamed_chat() -> None:
    body = ChunkStream("chatcmpl-1", 1, "sonnet", include_usage=True).encode(EVENTS)
    with openai_client(body) as client:
        chunks = list(
            client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hi"}], stream=True)
        )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10


def test_openai_reads_reasoning_before_the_content() -> None:
    with openai_client(ChunkStream("chatcmpl-1", 1, "sonnet").encode(EVENTS)) as client:
        chunks = list(
            client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hi"}], stream=True)
        )
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks]
    assert deltas[:2] == [{"role": "assistant", "content": "", "reasoning": "hm"}, {"content": TEXT[:3]}]
    with openai_client(ChunkStream("chatcmpl-1", 1, "sonnet").whole(fold(EVENTS))) as client:
        answer = client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.to_dict() == {"role": "assistant", "content": TEXT, "reasoning": "hm"}


def test_openai_raises_an_error_that_comes_in_the_stream() -> None:
    stream = ChunkStream("chatcmpl-1", 1, "sonnet")
    body = stream.encode(EVENTS[:3]) + stream.error(TimedOut("nothing came for 60 s"))
    with openai_client(body) as client, pytest.raises(openai.APIError, match="nothing came for 60 s"):
        list(client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hi"}], stream=True))
