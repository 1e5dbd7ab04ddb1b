"""What every backend has to do, asked of each: over the fake CLI, and over the fake Ollama server.

Both do what a prompt asks for, ``[fake: WORD ...]``.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from proxy.core.contracts import Backend, Target
from proxy.core.errors import ServerError
from proxy.core.events import Event, Finished, Started, TextDelta
from proxy.core.request import Caller, ChatRequest, Message, Text
from tests.support.fake_ollama import FakeOllama
from tests.support.running import WAIT, Running, running_daemon, write_fake_cli

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True)
class Subject:
    """A backend, the loop it runs on, and a wait until nothing of a turn is left."""

    backend: Backend
    run: Run
    until_free: Callable[[], None]


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, FakeOllama]]:
    folder: Path = tmp_path_factory.mktemp("conformance")
    with (
        FakeOllama().run() as server,
        running_daemon(folder, cli=write_fake_cli(folder), settings={"ollama_url": server.url}) as running,
    ):
        yield running, server


@pytest.fixture(params=["claude_cli", "ollama"])
def subject(request: pytest.FixtureRequest, daemons: tuple[Running, FakeOllama]) -> Subject:
    running, server = daemons
    if request.param == "claude_cli":
        return Subject(running.daemon.backend, running.run, running.until_idle)
    backend = running.daemon.others.ollama
    assert backend is not None
    return Subject(backend, running.run, lambda: _freed(server))


def _freed(server: FakeOllama) -> None:
    assert server.gone.acquire(timeout=WAIT)


def asked(text: str) -> ChatRequest:
    return ChatRequest("sonnet", (Message("user", (Text(text),)),))


async def batches(backend: Backend, text: str) -> list[list[Event]]:
    with anyio.fail_after(WAIT):
        async with backend.open(asked(text), Target("sonnet")) as turn:
            return [list(batch) async for batch in turn]


def test_an_answer_is_one_start_deltas_and_one_end(subject: Subject) -> None:
    made: list[list[Event]] = subject.run(batches(subject.backend, "hello"))
    assert all(made), "no batch is empty"
    events = [event for batch in made for event in batch]
    assert [type(event) for event in events[:1] + events[-1:]] == [Started, Finished]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "fake answer"
    assert sum(isinstance(event, Started | Finished) for event in events) == 2


def test_the_end_has_what_was_used_and_how_long_it_took(subject: Subject) -> None:
    end = subject.run(batches(subject.backend, "hello"))[-1][-1]
    assert end.reason == "stop"
    assert end.usage.prompt_tokens > 0
    assert end.usage.output_tokens > 0
    assert min(end.timings.load, end.timings.prompt, end.timings.eval, end.timings.total) >= 1


def test_a_turn_is_iterated_once(subject: Subject) -> None:
    async def twice() -> list[Any]:
        async with subject.backend.open(asked("hello"), Target("sonnet")) as turn:
            assert [batch async for batch in turn]
            return [batch async for batch in turn]

    assert subject.run(twice()) == []


@pytest.mark.parametrize(
    "fault", ["crash", "crash 2", "garbage", "endless", "no_end", "api_error 400", "api_error 503"]
)
def test_whatever_goes_wrong_is_a_server_error(subject: Subject, fault: str) -> None:
    async def fail() -> ServerError:
        with pytest.raises(ServerError) as caught:
            await batches(subject.backend, f"[fake: {fault}]")
        return caught.value

    error = subject.run(fail())
    assert 400 <= error.status < 600
    assert error.message
    assert "\n" not in error.message


def test_what_came_before_an_error_is_given_first(subject: Subject) -> None:
    async def collected() -> tuple[list[Event], ServerError | None]:
        events: list[Event] = []

        async def collect() -> None:
            async with subject.backend.open(asked("[fake: garbage]"), Target("sonnet")) as turn:
                async for batch in turn:
                    events.extend(batch)

        with pytest.raises(ServerError) as caught:
            await collect()
        return events, caught.value

    events, _error = subject.run(collected())
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["word "]


def test_to_be_cancelled_in_the_middle_frees_everything(subject: Subject) -> None:
    async def cancel() -> None:
        begun = anyio.Event()

        async def hang() -> None:
            async with subject.backend.open(asked("[fake: hang 1]"), Target("sonnet")) as turn:
                async for _batch in turn:
                    begun.set()

        with anyio.fail_after(WAIT):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hang)
                await begun.wait()
                tasks.cancel_scope.cancel()

    subject.run(cancel())
    subject.until_free()
    assert subject.run(batches(subject.backend, "hello"))


def test_to_leave_in_the_middle_frees_everything(subject: Subject) -> None:
    async def leave() -> None:
        async with subject.backend.open(asked("[fake: hang 1]"), Target("sonnet")) as turn:
            async for _batch in turn:
                return

    subject.run(leave())
    subject.until_free()
    assert subject.run(batches(subject.backend, "hello"))


def test_models_can_be_loaded_and_let_go(subject: Subject) -> None:
    async def keep_and_let_go() -> None:
        await subject.backend.load("sonnet", None)
        await subject.backend.load("sonnet", 0.0)
        subject.backend.release(Caller(), "sonnet")

    subject.run(keep_and_let_go())
    assert subject.run(batches(subject.backend, "hello"))
