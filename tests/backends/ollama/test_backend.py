"""The backend over a small fake server: its faults, its deadlines, its end."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio import to_thread

from proxy.backends.ollama.backend import OllamaBackend
from proxy.backends.ollama.client import Client
from proxy.core.contracts import Spent, Target
from proxy.core.deadlines import Deadlines
from proxy.core.embedding import EmbedRequest
from proxy.core.errors import ServerError
from proxy.core.events import CallComplete, Event, Finished, Started, TextDelta, ThinkingDelta, Timings, Usage
from proxy.core.request import Caller, ChatRequest, Message, Text
from tests.support.fake_ollama import FakeOllama
from tests.support.running import WAIT

PATIENT = Deadlines(first_event=WAIT, idle=WAIT, total=WAIT)
SOON = 0.05


@pytest.fixture
def backend(client: Client) -> OllamaBackend:
    return OllamaBackend(client, PATIENT)


def asked(text: str, **wishes: Any) -> ChatRequest:
    return ChatRequest("llama:8b", (Message("user", (Text(text),)),), **wishes)


async def answered(backend: OllamaBackend, text: str, **wishes: Any) -> list[Event]:
    with anyio.fail_after(WAIT):
        async with backend.open(asked(text, **wishes), Target("llama:8b")) as turn:
            return [event async for batch in turn for event in batch]


async def failure(backend: OllamaBackend, text: str) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await answered(backend, text)
    return caught.value


async def test_an_answer_has_the_server_s_own_times_and_counts(backend: OllamaBackend) -> None:
    *events, end = await answered(backend, "hello")
    assert events == [Started("llama-really"), TextDelta("fake "), TextDelta("answer")]
    times = Timings(load=1_000_000, prompt=2_000_000, eval=3_000_000, total=4_000_000)
    assert end == Finished("stop", Usage(11, 7), times)


async def test_what_was_used_is_told_before_the_end_is(client: Client) -> None:
    told: list[tuple[Caller, Spent]] = []
    backend = OllamaBackend(client, PATIENT, lambda caller, spent: told.append((caller, spent)))
    async with backend.open(asked("hello", caller=Caller("ann")), Target("llama:8b")) as turn:
        async for batch in turn:
            if isinstance(batch[-1], Finished):
                break
        assert told == [(Caller("ann"), Spent(Usage(11, 7)))]


async def test_calls_and_thoughts_come_through(backend: OllamaBackend) -> None:
    events = await answered(backend, "[fake: tools]")
    assert ThinkingDelta("Which city?") in events
    calls = [event for event in events if isinstance(event, CallComplete)]
    assert [(call.name, call.arguments) for call in calls] == [("weather", {"city": "Köln"})] * 2
    assert calls[1].id == "call_own"
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "tool_calls"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("[fake: api_error 400]", 400, "upstream says no"),
        ("[fake: api_error 404]", 404, "upstream says no"),
        ("[fake: api_error 429]", 429, "upstream says no"),
        ("[fake: api_error 503]", 503, "upstream says no"),
        ("[fake: api_error 401]", 502, "the Ollama server refuses the key of this one: upstream says no"),
        ("[fake: crash]", 502, "went away before its answer was complete"),
        ("[fake: crash 1]", 502, "went away before its answer was complete"),
        ("[fake: no_end]", 502, "went away before its answer was complete"),
        ("[fake: garbage]", 502, "said what no Ollama server says"),
        ("[fake: endless]", 502, "said what no Ollama server says"),
        ("[fake: late_error]", 500, "the GPU has melted"),
    ],
)
async def test_a_fault_is_an_error_with_a_status_and_words(
    backend: OllamaBackend, text: str, status: int, words: str
) -> None:
    error = await failure(backend, text)
    assert error.status == status
    assert words in error.message


async def test_what_came_before_a_fault_is_the_clients(backend: OllamaBackend) -> None:
    events: list[Event] = []

    async def take() -> None:
        async with backend.open(asked("[fake: late_error]"), Target("llama:8b")) as turn:
            async for batch in turn:
                events.extend(batch)

    with pytest.raises(ServerError, match="melted"):
        await take()
    assert events == [Started("llama-really"), TextDelta("word ")]


@pytest.mark.parametrize(
    ("text", "limits", "name"),
    [
        ("[fake: hang]", {"first_event": SOON}, "first_event"),
        ("[fake: hang 1]", {"idle": SOON}, "idle"),
        ("[fake: hang 1]", {"total": SOON}, "total"),
        ("[fake: slow 0.02]", {"total": SOON}, "total"),
    ],
)
async def test_a_deadline_ends_the_turn_and_is_named(
    backend: OllamaBackend, fake: FakeOllama, text: str, limits: dict[str, float], name: str
) -> None:
    backend.limit(replace(PATIENT, **limits))
    error = await failure(backend, text)
    assert (error.status, error.message) == (504, f"the {name} deadline of {SOON} s has passed")


@pytest.mark.parametrize("after", ["", " 1"])
async def test_to_be_cancelled_closes_the_connection(backend: OllamaBackend, fake: FakeOllama, after: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answered, backend, f"[fake: hang{after}]")
        assert await to_thread.run_sync(fake.hangs.acquire, True, WAIT)
        tasks.cancel_scope.cancel()
    assert await to_thread.run_sync(fake.gone.acquire, True, WAIT)


async def test_to_leave_in_the_middle_closes_the_connection(backend: OllamaBackend, fake: FakeOllama) -> None:
    async with backend.open(asked("[fake: hang 1]"), Target("llama:8b")) as turn:
        await anext(aiter(turn))
    assert await to_thread.run_sync(fake.gone.acquire, True, WAIT)


async def test_a_server_that_is_not_there_is_said_to_be_out_of_reach(fake: FakeOllama) -> None:
    async with Client(f"http://127.0.0.1:{unused_port()}") as client:
        error = await failure(OllamaBackend(client, PATIENT), "hello")
    assert (error.status, error.message) == (503, "the Ollama server of this model is out of reach")


async def test_a_key_is_sent(fake: FakeOllama) -> None:
    fake.key = "secret"
    async with Client(fake.url, "secret") as client:
        assert len(await answered(OllamaBackend(client, PATIENT), "hello")) == 4


async def test_a_model_is_loaded_and_unloaded(backend: OllamaBackend, fake: FakeOllama) -> None:
    await backend.load("llama:8b", None)
    assert fake.last() == {"model": "llama:8b", "stream": False}
    await backend.load("llama:8b", 0.0)
    assert fake.last() == {"model": "llama:8b", "stream": False, "keep_alive": 0.0}


async def test_many_texts_are_embedded_a_part_at_a_time(backend: OllamaBackend, fake: FakeOllama) -> None:
    embedded = await backend.embed(EmbedRequest("e", tuple(map(str, range(100)))), "embedder:latest")
    assert embedded.vectors == [[0.6, 0.8]] * 100
    assert embedded.tokens == 22
    assert [len(body["input"]) for path, body in fake.asked if path == "/api/embed"] == [64, 36]


async def test_vectors_that_are_not_of_length_one_are_asked_for_in_the_old_way(
    backend: OllamaBackend, fake: FakeOllama
) -> None:
    embedded = await backend.embed(EmbedRequest("e", ("a",), normalized=False), "embedder:latest")
    assert (embedded.vectors, fake.paths()) == ([[3.0, 4.0]], ["/api/embeddings"])


def unused_port() -> int:
    with FakeOllama().run() as gone:
        return gone.port
