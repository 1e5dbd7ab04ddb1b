"""Prompts and answers overheard: for the log or the inspector, which an operator has to turn on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from proxy.core.contracts import Abilities, Backend, Target, Turn, pid_of
from proxy.core.events import CallComplete, Event, TextDelta
from proxy.core.request import Caller, ChatRequest, Document, Image, Message, ToolCall, ToolResult

log = structlog.get_logger()


class Listener(Protocol):
    """Hears what is said to a `model`, a `Target.model`, and what it answers."""

    def prompt(self, model: str, messages: Sequence[Mapping[str, object]]) -> None: ...

    def answer(self, model: str, text: str, calls: Sequence[Mapping[str, object]]) -> None: ...


class _InTheLog:
    def prompt(self, model: str, messages: Sequence[Mapping[str, object]]) -> None:
        log.info("prompt", model=model, messages=messages)

    def answer(self, model: str, text: str, calls: Sequence[Mapping[str, object]]) -> None:
        log.info("answer", model=model, text=text, **({"calls": calls} if calls else {}))


class PromptLog:
    """A backend whose every prompt and answer the `listener` hears; by default they are written to the log."""

    def __init__(self, backend: Backend, listener: Listener = _InTheLog()) -> None:  # noqa: B008 - it has no state
        self._backend = backend
        self._listener = listener

    @property
    def abilities(self) -> Abilities:
        """The backend's."""
        return self._backend.abilities

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        """As the backend."""
        return self._backend.recalls(request, target)

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator[Turn]:
        """The backend's turn. Raises what the backend raises."""
        self._listener.prompt(target.model, [_shown(message) for message in request.messages])
        async with self._backend.open(request, target) as turn:
            logged = _LoggedTurn(turn)
            try:
                yield logged
            finally:
                self._listener.answer(target.model, "".join(logged.texts), logged.calls)

    async def load(self, model: str, keep_alive: float | None) -> None:
        """As the backend."""
        await self._backend.load(model, keep_alive)

    def release(self, caller: Caller, model: str) -> None:
        """As the backend."""
        self._backend.release(caller, model)


class _LoggedTurn:
    def __init__(self, turn: Turn) -> None:
        self._batches = aiter(turn)
        self.pid = pid_of(turn)
        self.texts: list[str] = []
        self.calls: list[dict[str, object]] = []

    def __aiter__(self) -> "_LoggedTurn":
        return self

    async def __anext__(self) -> Sequence[Event]:
        events = await anext(self._batches)
        self.texts += [event.text for event in events if isinstance(event, TextDelta)]
        self.calls += [
            {"name": event.name, "arguments": event.arguments} for event in events if isinstance(event, CallComplete)
        ]
        return events


_COUNTED = ((Image, "images"), (Document, "documents"), (ToolCall, "calls"), (ToolResult, "results"))


def _shown(message: Message) -> dict[str, object]:
    shown: dict[str, object] = {"role": message.role, "text": message.text}
    for kind, name in _COUNTED:
        if count := sum(isinstance(part, kind) for part in message.parts):
            shown[name] = count
    return shown
