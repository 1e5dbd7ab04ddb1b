"""A whole answer: the fold of its events."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.core.events import CallComplete, Event, Finished, Started, TextDelta, ThinkingDelta
from proxy.core.request import ToolCall


@dataclass(frozen=True, slots=True)
class Reply:
    """What a non-streaming client gets: `model` that answered, the joined deltas, the calls and how it ended."""

    model: str
    text: str
    thinking: str
    finished: Finished
    calls: tuple[ToolCall, ...] = ()


def fold(events: Iterable[Event]) -> Reply:
    """Join the events of one complete answer. Raises ValueError when they do not end in `Finished`."""
    model, text, thinking, calls = "", [], [], []
    for event in events:
        match event:
            case Started():
                model = event.model
            case TextDelta():
                text.append(event.text)
            case ThinkingDelta():
                thinking.append(event.text)
            case CallComplete():
                calls.append(ToolCall(event.id, event.name, event.arguments))
            case Finished():
                return Reply(model, "".join(text), "".join(thinking), event, tuple(calls))
    raise ValueError("the events end without Finished")
