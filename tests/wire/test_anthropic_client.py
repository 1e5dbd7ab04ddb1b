"""Anthropic's official client reads what the encoders write; no server, only a canned transport."""

import json
from collections.abc import Sequence

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam

from proxy.core.errors import Busy, ServerError, TimedOut
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
from proxy.wire.anthropic import MessageStream, count_body, error_body
from proxy.wire.models import anthropic_models
from tests.wire.test_anthropic_models import SONNET

TEXT = "a\u2028b\u0085 😀\n"
ARGUMENTS = {"city": TEXT, "days": [1, 0.5, None], "very large": 2**60}
EVENTS: Sequence[Event] = [
    Started("claude"),
    ThinkingDelta("h"),
    ThinkingDelta("m"),
    ThoughtEnded("c2ln"),
    ThoughtEnded(redacted="c2Vh"),
    TextDelta(TEXT[:3]),
    TextDelta(TEXT[3:]),
    CallStarted(0, "toolu_0", "weather"),
    CallDelta(0, json.dumps(ARGUMENTS)[:9]),
    CallDelta(0, json.dumps(ARGUMENTS)[9:]),
    CallComplete(0, "toolu_0", "weather", ARGUMENTS),
    CallStarted(1, "toolu_1", "now"),
    CallDelta(1, "{}"),
    CallComplete(1, "toolu_1", "now", {}),
    Finished("tool_calls", Usage(3, 7, 5, 2)),
]
BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "c2Vh"},
    {"type": "text", "text": TEXT},
    {"type": "tool_use", "id": "toolu_0", "name": "weather", "input": ARGUMENTS},
    {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
]
ASK: list[MessageParam] = [{"role": "user", "content": "hi"}]


def client_of(body: bytes, content_type: str = "application/json", status: int = 200) -> anthropic.Anthropic:
    response = httpx2.Response(status, content=body, headers={"content-type": content_type})
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: response))
    return anthropic.Anthropic(api_key="x", base_url="http://test", http_client=http, max_retries=0)


def check(message: anthropic.types.Message) -> None:
    """That it is the answer made of `EVENTS`."""
    assert [block.to_dict() for block in message.content] == BLOCKS
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "sonnet", "tool_use")
    usage = message.usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 7)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 2)


def test_it_reads_a_streamed_answer() -> None:
    with (
        client_of(MessageStream("msg_1", "sonnet").encode(EVENTS), "text/event-stream") as client,
        client.messages.stream(model="sonnet", max_tokens=9, messages=ASK) as stream,
    ):
        check(stream.get_final_message())


def test_it_reads_a_whole_answer() -> None:
    with client_of(MessageStream("msg_1", "sonnet").whole(fold(EVENTS))) as client:
        check(client.messages.create(model="sonnet", max_tokens=9, messages=ASK))


def test_it_reads_what_stopped_an_answer() -> None:
    events: list[Event] = [Started("claude"), TextDelta("a"), Finished("stop", stop_sequence="END")]
    with (
        client_of(MessageStream("msg_1", "sonnet").encode(events), "text/event-stream") as client,
        client.messages.stream(model="sonnet", max_tokens=9, messages=ASK) as stream,
    ):
        message = stream.get_final_message()
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")


@pytest.mark.parametrize("error", [TimedOut("nothing came for 60 s"), Busy("nothing came for 60 s")])
def test_it_raises_an_error_that_comes_in_the_stream(error: ServerError) -> None:
    answer = MessageStream("msg_1", "sonnet")
    body = answer.encode(EVENTS[:6]) + answer.error(error)
    with (
        client_of(body, "text/event-stream") as client,
        client.messages.stream(model="sonnet", max_tokens=9, messages=ASK) as stream,
        pytest.raises(anthropic.APIStatusError, match="nothing came for 60 s"),
    ):
        stream.get_final_message()


def test_it_raises_an_error_before_the_first_byte() -> None:
    body = error_body(Busy("all slots are taken"))
    with (
        client_of(body, status=503) as client,
        pytest.raises(anthropic.InternalServerError, match="all slots are taken") as caught,
    ):
        client.messages.create(model="sonnet", max_tokens=9, messages=ASK)
    assert caught.value.type == "overloaded_error"


def test_it_reads_a_count_and_the_models() -> None:
    with client_of(count_body(12)) as client:
        assert client.messages.count_tokens(model="sonnet", messages=ASK).input_tokens == 12
    with client_of(anthropic_models([SONNET])) as client:
        [model] = client.models.list()
    assert (model.id, model.display_name, model.created_at) == (
        "sonnet:latest",
        SONNET.display_name,
        SONNET.modified_at,
    )
