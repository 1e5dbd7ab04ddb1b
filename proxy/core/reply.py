"""A whole answer: the fold of its events."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.core.events import CallComplete, Event, Finished, Started, TextDelta, ThinkingDelta, ThoughtEnded
from proxy.core.request import Part, Text, Thought, ToolCall


@dataclass(frozen=True, slots=True)
class Reply:
    """What a non-streaming client gets: `model` that answered, the joined deltas, the calls and how it ended.

    `parts` are the same in the order in which they came: texts, thoughts with their signatures, calls.
    """

    model: str
    text: str
    thinking: str
    finished: Finished
    calls: tuple[ToolCall, ...] = ()
    parts: tuple[Part, ...] = ()


def fold(events: Iterable[Event]) -> Reply:
    """Join the events of one complete answer. Raises ValueError when they do not end in `Finished`."""
    model, parts = "", _Parts()
    for event in events:
        match event:
            case Started():
                model = event.model
            case Finished():
                return parts.reply(model, event)
            case _:
                parts.add(event)
    raise ValueError("the events end without Finished")


class _Parts:
    """The parts of an answer so far; deltas of the current one are not joined yet."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._texts: list[str] = []
        self._thoughts: list[str] = []

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._close_thought("")
            self._texts.append(event.text)
            return
        self._close_text()
        match event:
            case ThinkingDelta(text):
                self._thoughts.append(text)
            case ThoughtEnded(signature, redacted):
                if redacted:
                    self._parts.append(Thought(redacted=redacted))
                else:
                    self._close_thought(signature)
            case CallComplete():
                self._close_thought("")
                self._parts.append(ToolCall(event.id, event.name, event.arguments))
            case _:
                pass

    def reply(self, model: str, finished: Finished) -> Reply:
        self._close_text()
        self._close_thought("")
        parts = tuple(self._parts)
        return Reply(
            model,
            "".join(part.text for part in parts if isinstance(part, Text)),
            "".join(part.text for part in parts if isinstance(part, Thought)),
            finished,
            tuple(part for part in parts if isinstance(part, ToolCall)),
            parts,
        )

    def _close_text(self) -> None:
        if self._texts:
            self._parts.append(Text("".join(self._texts)))
            self._texts = []

    def _close_thought(self, signature: str) -> None:
        if self._thoughts or signature:
            self._parts.append(Thought("".join(self._thoughts), signature))
            self._thoughts = []
