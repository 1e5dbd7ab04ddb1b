import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from proxy.catalog.models import Catalog, Model
from proxy.core.contracts import Abilities, Target, Turn
from proxy.core.events import CallComplete, CallDelta, CallStarted, Event, Finished, Started, TextDelta
from proxy.core.request import Caller, ChatRequest, Image, Message, Text, ToolCall, ToolResult
from proxy.engine import Engine
from proxy.observe.prompts import PromptLog

ANSWER: tuple[Event, ...] = (
    Started("claude"),
    TextDelta("I "),
    TextDelta("look."),
    CallStarted(0, "1", "find"),
    CallDelta(0, '{"a":1}'),
    CallComplete(0, "1", "find", {"a": 1}),
    Finished("tool_calls"),
)


class Remembering:
    """A backend that gives one answer, and can show `recalled` its thinking again."""

    abilities = Abilities(effort=False)

    def __init__(self, answer: Sequence[Event], recalled: str = "") -> None:
        self._answer = answer
        self._recalled = recalled
        self.released: list[tuple[Caller, str]] = []
        self.loaded: list[tuple[str, float | None]] = []

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        return target.model == self._recalled and bool(request.messages)

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator[Turn]:
        yield self._batches()

    async def _batches(self) -> AsyncIterator[Sequence[Event]]:
        for event in self._answer:
            yield [event]

    async def load(self, model: str, keep_alive: float | None) -> None:
        self.loaded.append((model, keep_alive))

    def release(self, caller: Caller, model: str) -> None:
        self.released.append((caller, model))


QUESTION = ChatRequest(
    "older",
    (
        Message("user", (Text("hi"), Image("image/png", "A"))),
        Message("assistant", (Text("so"), ToolCall("1", "find"), ToolCall("2", "find"))),
        Message("user", (ToolResult("1", (Text("y"),)), ToolResult("2"))),
    ),
    think=True,
)


@pytest.fixture(autouse=True)
def log_of_information() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    yield
    structlog.configure(**before)


async def logged(answer: Sequence[Event]) -> list[dict[str, object]]:
    backend = PromptLog(Remembering(answer))
    with capture_logs() as logs:
        async with backend.open(QUESTION, Target("claude")) as turn:
            assert [event async for batch in turn for event in batch] == list(answer)
    return [{name: value for name, value in entry.items() if name != "log_level"} for entry in logs]


async def test_a_prompt_is_logged_with_what_it_holds_and_an_answer_with_its_calls() -> None:
    assert await logged(ANSWER) == [
        {
            "event": "prompt",
            "model": "claude",
            "messages": [
                {"role": "user", "text": "hi", "images": 1},
                {"role": "assistant", "text": "so", "calls": 2},
                {"role": "user", "text": "", "results": 2},
            ],
        },
        {"event": "answer", "model": "claude", "text": "I look.", "calls": [{"name": "find", "arguments": {"a": 1}}]},
    ]


async def test_an_answer_without_calls_is_its_text() -> None:
    answer = (Started("claude"), TextDelta("Hi."), Finished("stop"))
    assert (await logged(answer))[1] == {"event": "answer", "model": "claude", "text": "Hi."}


def test_the_backend_is_asked_for_everything_else() -> None:
    inner = Remembering((), "claude")
    backend = PromptLog(inner)
    assert backend.abilities is inner.abilities
    assert [backend.recalls(QUESTION, Target(model)) for model in ("claude", "other")] == [True, False]
    backend.release(Caller("ann"), "claude")
    assert inner.released == [(Caller("ann"), "claude")]


def test_a_request_is_fitted_by_what_the_backend_recalls_of_its_model() -> None:
    older = Model("older", "claude-older", "Older", capabilities=("completion", "vision"), thinking="budget")
    for recalled, mode in (("claude-older", "budget"), ("older", "off")):
        engine = Engine(Catalog([older], datetime.now(UTC)), PromptLog(Remembering((), recalled)))
        assert engine.fit(QUESTION).target.thinking.mode == mode
