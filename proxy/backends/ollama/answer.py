"""The lines of one answer, turned into events with exactly one end. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson

from proxy.backends.ollama.faults import failed, misunderstood
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

_REASONS: Mapping[str, FinishReason] = {"length": "length"}
_MOST_CALLS = 1000


class Answer:
    """Takes the lines of a stream of /api/chat or /api/generate. `ended`: nothing follows any more.

    Without `show_thinking` the words of thoughts are left out.
    """

    def __init__(self, model: str, *, show_thinking: bool = True) -> None:
        self._model = model
        self._show_thinking = show_thinking
        self._started = False
        self._thinks = False
        self._calls = 0
        self.ended = False

    def feed(self, lines: Sequence[bytes]) -> list[Event]:
        """The events in some lines. Raises `ServerError` for what the server says went wrong, and for what it cannot
        have said."""
        events: list[Event] = []
        for line in lines:
            if line.strip() and not self.ended:
                self._take(_object(line), events)
        return events

    def _take(self, line: Mapping[str, Any], events: list[Event]) -> None:
        if error := line.get("error"):
            raise failed(error)
        if not self._started:
            self._started = True
            events.append(Started(_string(line.get("model")) or self._model))
        said = line.get("message")
        if not isinstance(said, dict):
            said = {"content": line.get("response"), "thinking": line.get("thinking")}
        self._think(_string(said.get("thinking")), events)
        if text := _string(said.get("content")):
            self._end_of_thought(events)
            events.append(TextDelta(text))
        for call in said.get("tool_calls") or ():
            self._end_of_thought(events)
            self._call(call, events)
        if line.get("done") is True:
            self._end_of_thought(events)
            self.ended = True
            events.append(self._finished(line))

    def _think(self, thought: str, events: list[Event]) -> None:
        if thought and self._show_thinking:
            self._thinks = True
            events.append(ThinkingDelta(thought))

    def _end_of_thought(self, events: list[Event]) -> None:
        if self._thinks:
            self._thinks = False
            events.append(ThoughtEnded())

    def _call(self, call: Any, events: list[Event]) -> None:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or self._calls >= _MOST_CALLS:
            raise misunderstood()
        arguments, name = function.get("arguments") or {}, _string(function.get("name"))
        if not isinstance(arguments, dict) or not name:
            raise misunderstood()
        id, index = _string(call.get("id")) or f"call_{uuid4().hex[:12]}", self._calls
        self._calls += 1
        events.append(CallStarted(index, id, name))
        events.append(CallDelta(index, orjson.dumps(arguments).decode()))
        events.append(CallComplete(index, id, name, arguments))

    def _finished(self, line: Mapping[str, Any]) -> Finished:
        reason = _REASONS.get(_string(line.get("done_reason")), "tool_calls" if self._calls else "stop")
        usage = Usage(input_tokens=count(line, "prompt_eval_count"), output_tokens=count(line, "eval_count"))
        timings = Timings(
            load=max(1, count(line, "load_duration")),
            prompt=max(1, count(line, "prompt_eval_duration")),
            eval=max(1, count(line, "eval_duration")),
            total=max(1, count(line, "total_duration")),
        )
        return Finished(reason, usage, timings)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise misunderstood() from None
    if not isinstance(value, dict):
        raise misunderstood()
    return value


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count(line: Mapping[str, Any], name: str) -> int:
    """A count, or a duration, of a line or of another answer; 0 for what is none."""
    value = line.get(name)
    return value if type(value) is int and value > 0 else 0
