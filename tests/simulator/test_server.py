"""The simulator over real HTTP: the official client, faults, disconnects, recording."""

import signal
import sys
from typing import Any

import anyio
import httpx
import pytest
from anthropic import AsyncAnthropic, NotFoundError, OverloadedError, RateLimitError

from proxy.simulator.app import BODY_BYTES, Simulator
from proxy.simulator.recorder import RecordedRequest, Recorder
from proxy.simulator.server import serve_simulator
from tests.simulator.conftest import MODEL, Post

SECONDS = 10.0
"""No wait is meant to take long; this only ends a test that would never end."""


def question(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": text}], **fields}


async def test_the_official_client_reads_a_stream(client: AsyncAnthropic) -> None:
    async with client.messages.stream(**question("echo: é 👩‍👩‍👧\n end ")) as stream:
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert "".join(pieces) == "é 👩‍👩‍👧\n end "
    assert len(pieces) > 4
    assert (message.stop_reason, message.model) == ("end_turn", MODEL)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (13, 7)


async def test_the_official_client_reads_one_message(client: AsyncAnthropic) -> None:
    message = await client.messages.create(**question("[simulate: think 3 ] hello"))
    assert [block.type for block in message.content] == ["thinking", "text"]


async def test_the_official_client_reads_tool_calls(client: AsyncAnthropic) -> None:
    tool: Any = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    async with client.messages.stream(**question("What is the weather in Rome?", tools=[tool])) as stream:
        message = await stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert [block.input for block in message.content if block.type == "tool_use"] == [{"city": "Rome"}]


async def test_the_cache_is_written_then_read(client: AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "x" * 5000, "cache_control": {"type": "ephemeral"}}]
    usages = [(await client.messages.create(**question("hi", system=system))).usage for _ in range(2)]
    assert [(u.cache_creation_input_tokens, u.cache_read_input_tokens, u.input_tokens) for u in usages] == [
        (1254, 0, 5),
        (0, 1254, 5),
    ]


async def test_tokens_are_counted(client: AsyncAnthropic) -> None:
    counted = await client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "abcd"}])
    assert counted.input_tokens == 5


async def test_models_are_listed(client: AsyncAnthropic) -> None:
    listed = [model.id async for model in client.models.list()]
    assert {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-1-20250805"} <= set(listed)
    assert (await client.models.retrieve("claude-sonnet-4-5")).max_tokens == 64_000
    with pytest.raises(NotFoundError):
        await client.models.retrieve("claude-9")


async def test_the_root_answers_a_head_request(http: httpx.AsyncClient, simulator: Simulator) -> None:
    assert (await http.head("/")).status_code == 200
    assert [(request.method, request.path) for request in simulator.recorder.others] == [("HEAD", "/")]


async def test_an_unknown_path_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/nothing")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


async def test_a_refusal_has_the_api_s_shape(post: Post) -> None:
    answer = await post(max_tokens=0)
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "max_tokens: Input should be greater than or equal to 1",
        },
        "request_id": answer.headers["request-id"],
    }
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": "\\ud800"}'])
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, raw: bytes) -> None:
    answer = await http.post("/v1/messages", content=raw)
    assert (answer.status_code, "not valid JSON" in answer.text) == (400, True)


async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/messages", content=b" " * (BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")


async def test_a_request_without_key_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/messages", json=question("hi"), headers={"x-api-key": ""})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


async def test_beta_requests_come_with_a_query(http: httpx.AsyncClient, simulator: Simulator) -> None:
    await http.post("/v1/messages?beta=true", json=question("hi"))
    assert simulator.requests[-1].query == "beta=true"


async def test_what_was_sent_is_recorded(http: httpx.AsyncClient, simulator: Simulator) -> None:
    await http.post("/v1/messages", json=question("hi", stream=True), headers={"X-Extra": "1"})
    await http.post("/v1/messages", json=question("hi", max_tokens=0))
    await simulator.wait_for(2)
    first, second = simulator.requests
    assert (first.body["messages"][0]["content"], first.headers["x-extra"], first.streamed) == ("hi", "1", True)
    assert first.error is None
    assert second.error == "max_tokens: Input should be greater than or equal to 1"


async def test_a_scripted_status_has_its_type_and_headers(client: AsyncAnthropic) -> None:
    with pytest.raises(OverloadedError):
        await client.messages.create(**question("[simulate: status=529]"))
    with pytest.raises(RateLimitError) as caught:
        await client.messages.create(**question("[simulate: status=429 retry_after=7 reset=1700000000]"))
    headers = caught.value.response.headers
    assert headers["retry-after"] == "7"
    assert headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert headers["anthropic-ratelimit-unified-reset"] == "1700000000"
    assert headers["anthropic-ratelimit-unified-representative-claim"] == "five_hour"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_every_error_status_can_be_asked_for(post: Post, status: int, kind: str) -> None:
    answer = await post(f"[simulate: status={status}]")
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


async def test_only_the_first_requests_fail_when_times_says_so(post: Post) -> None:
    answers = [await post("[simulate: status=500 times=2] capital of japan") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert "Tokyo" in answers[2].text


@pytest.mark.parametrize(
    "directive",
    [
        "explode",
        "status=200",
        "status=429 reset=soon",
        "tool",
        "words x",
        "cut after=x",
    ],
)
async def test_a_directive_that_makes_no_sense_is_refused(post: Post, directive: str) -> None:
    answer = await post(f"[simulate: {directive}]")
    assert answer.status_code == 400
    assert "simulate: " in answer.json()["error"]["message"]


async def test_an_error_can_come_in_the_middle_of_a_stream(post: Post) -> None:
    answer = await post("[simulate: error after=2 type=api_error message=Oops]", stream=True)
    assert answer.text.count("text_delta") == 2
    assert answer.text.endswith(
        'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Oops"}}\n\n'
    )


async def test_an_error_without_stream_is_a_status(post: Post) -> None:
    assert (await post("[simulate: error after=2]")).status_code == 529


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("after", [0, 3])
async def test_a_cut_answer_ends_the_connection_early(post: Post, stream: bool, after: int) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await post(f"[simulate: cut after={after}]", stream=stream)


async def test_refusals_say_why(client: AsyncAnthropic) -> None:
    message = await client.messages.create(**question("[simulate: refusal after=2 category=bio]"))
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.category == "bio"
    assert [block.text for block in message.content if block.type == "text"] == ["This is"]
    assert (await client.messages.create(**question("[simulate: refusal]"))).content == []


@pytest.mark.parametrize(
    ("directive", "text", "reason"),
    [
        ("words 3", "word1 word2 word3", "end_turn"),
        ('text "a\\n ]\\u00e9"', "a\n ]é", "end_turn"),
        ("max_tokens 2", "This is", "max_tokens"),
    ],
)
async def test_text_can_be_scripted(client: AsyncAnthropic, directive: str, text: str, reason: str) -> None:
    message = await client.messages.create(**question(f"[simulate: {directive}]"))
    assert "".join(block.text for block in message.content if block.type == "text") == text
    assert message.stop_reason == reason


@pytest.mark.parametrize(("directive", "count"), [("words 6", 6), ("words 6 deltas=2", 3), ("deltas 100", 1)])
async def test_deltas_can_be_larger(post: Post, directive: str, count: int) -> None:
    answer = await post(f"[simulate: {directive}]", stream=True)
    assert answer.text.count("text_delta") == count


async def test_calls_can_be_scripted(client: AsyncAnthropic) -> None:
    tools: Any = [{"name": "mcp__client__get_weather", "input_schema": {"type": "object"}}]
    text = '[simulate: tool get_weather {"city": "Rome"} other text="Let me see."]'
    message = await client.messages.create(**question(text, tools=tools))
    assert [(b.type, getattr(b, "name", None), getattr(b, "input", None)) for b in message.content] == [
        ("text", None, None),
        ("tool_use", "mcp__client__get_weather", {"city": "Rome"}),
        ("tool_use", "other", {}),
    ]
    broken = await client.messages.create(**question('[simulate: tool get_weather {"city": "Rome"} broken=1]'))
    assert [block.input for block in broken.content if block.type == "tool_use"] == [{}]


@pytest.mark.parametrize("text", ["[simulate: hang]", "[simulate: hang after=1]", "[simulate: slow ttft=3600]"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_hanging_answer_ends_when_its_client_goes(
    simulator: Simulator, http: httpx.AsyncClient, text: str, stream: bool
) -> None:
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: http.post("/v1/messages", json=question(text, stream=stream)))
            await simulator.wait_for(1)
            assert simulator.open_requests == 1
            group.cancel_scope.cancel()
        await simulator.wait_until_open(0)


async def test_what_comes_before_a_hang_arrives(simulator: Simulator, http: httpx.AsyncClient) -> None:
    body = question("[simulate: hang after=2]", stream=True)
    with anyio.fail_after(SECONDS):
        async with http.stream("POST", "/v1/messages", json=body) as answer:
            lines = answer.aiter_lines()
            deltas = 0
            while deltas < 2:
                deltas += "text_delta" in await anext(lines)
            assert simulator.open_requests == 1
        await simulator.wait_until_open(0)


async def test_a_paced_answer_ends_when_its_client_goes(simulator: Simulator, http: httpx.AsyncClient) -> None:
    body = question("[simulate: words 100 rate=0.001]", stream=True)
    with anyio.fail_after(SECONDS):
        async with http.stream("POST", "/v1/messages", json=body) as answer:
            async for line in answer.aiter_lines():
                if "message_start" in line:
                    break
        await simulator.wait_until_open(0)


async def test_a_pace_delays_the_first_token_and_spreads_the_rest() -> None:
    async with serve_simulator(ttft=0.02, rate=500) as simulator, httpx.AsyncClient(base_url=simulator.url) as http:
        began = anyio.current_time()
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
        for stream in (True, False):
            answer = await http.post(
                "/v1/messages", json=question("[simulate: words 20]", stream=stream), headers=headers
            )
            assert answer.status_code == 200
    assert anyio.current_time() - began >= 2 * (0.02 + 32 / 500)


async def test_leaving_drops_the_answers_that_still_play() -> None:
    with anyio.fail_after(SECONDS):
        async with httpx.AsyncClient() as http, anyio.create_task_group() as group:
            async with serve_simulator() as simulator:
                headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}

                async def hang() -> None:
                    with pytest.raises(httpx.TransportError):
                        await http.post(
                            f"{simulator.url}/v1/messages", json=question("[simulate: hang]"), headers=headers
                        )

                group.start_soon(hang)
                await simulator.wait_for(1)
            assert simulator.open_requests == 0


async def test_a_client_that_goes_while_it_sends_is_forgotten(simulator: Simulator) -> None:
    port = int(simulator.url.rsplit(":", 1)[1])
    with anyio.fail_after(SECONDS):
        async with await anyio.connect_tcp("127.0.0.1", port) as connection:
            await connection.send(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            await simulator.wait_until_open(1)
        await simulator.wait_until_open(0)
    assert [request.raw for request in simulator.requests] == [b""]


async def test_only_http_is_answered() -> None:
    async def never() -> Any:
        raise AssertionError

    await Simulator()({"type": "websocket"}, never, never)  # type: ignore[arg-type]


async def test_a_port_in_use_is_an_error(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="in use"):
        async with serve_simulator(port=int(simulator.url.rsplit(":", 1)[1])):
            pass


def test_the_recorder_keeps_the_newest() -> None:
    def request(path: str = "/v1/messages", raw: bytes = b"") -> RecordedRequest:
        return RecordedRequest("req_1", "POST", path, "", {}, raw)

    recorder = Recorder(limit=3, byte_limit=10)
    for raw in (b"1" * 6, b"2" * 6, b"3", b"4", b"5"):
        recorder.record(request(raw=raw))
    recorder.record(request("/"))
    assert [kept.raw for kept in recorder.requests] == [b"3", b"4", b"5"]
    assert (recorder.count, len(recorder.others)) == (5, 1)


async def test_it_runs_alone_and_stops_on_a_signal() -> None:
    command = [sys.executable, "-m", "proxy.simulator", "--ttft", "0", "--rate", "0"]
    with anyio.fail_after(30):
        async with await anyio.open_process(command, stderr=None) as process:
            assert process.stdout is not None
            url = (await process.stdout.receive()).decode().strip()
            async with httpx.AsyncClient() as http:
                assert (await http.get(url)).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
