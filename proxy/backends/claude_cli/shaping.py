"""An answer held to what the request asks of it: stop strings, and JSON. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from proxy.core.contracts import Target
from proxy.core.errors import InvalidRequest, UpstreamFailed
from proxy.core.events import Event, Finished, FinishReason, TextDelta
from proxy.shape.jsonvalue import JsonFilter, ValueFilter
from proxy.shape.schema import Validator, openings
from proxy.shape.stop import StopFilter


def shaper_for(target: Target) -> "Shaper | None":
    """None when nothing is asked. Raises `InvalidRequest` for a schema that is none."""
    if not target.options.stop and target.structure is None:
        return None
    return Shaper(target)


class Shaper:
    """Takes the events of one answer, returns those that the client gets. `stopped`: a stop string ends it here."""

    def __init__(self, target: Target) -> None:
        self._stop = StopFilter(target.options.stop) if target.options.stop else None
        self._json: JsonFilter | ValueFilter | None = None
        self._validator: Validator | None = None
        if target.structure is not None:
            opens = openings(target.structure.schema)
            self._json = JsonFilter(opens) if opens else ValueFilter()
            self._validator = Validator(target.structure.schema)
        self.stopped = False
        self.size = 0

    def take(self, events: Sequence[Event]) -> list[Event]:
        """The events for the client. Raises `UpstreamFailed` when the answer has to be JSON and cannot be."""
        shaped: list[Event] = []
        for event, following in zip_longest(events, events[1:]):
            match event:
                case TextDelta() if _refuses(following):
                    # These words are the turn's own: no stop string ends them.
                    self._flush(shaped)
                    shaped.append(event)
                case TextDelta(text):
                    self._text(text, shaped)
                    if self.stopped:
                        break
                case Finished(reason):
                    self._flush(shaped)
                    stop = event.stop_sequence
                    if self._stop is not None and self._stop.stopped:
                        reason, stop = "stop", self._stop.found
                    self.check(reason)
                    shaped.append(replace(event, reason=reason, stop_sequence=stop))
                case _:
                    shaped.append(event)
        return shaped

    @property
    def stop(self) -> str | None:
        """The stop string that the answer ended before, if it did."""
        return None if self._stop is None else self._stop.found

    def _text(self, text: str, shaped: list[Event]) -> None:
        if self._stop is not None:
            text, self.stopped = self._stop.feed(text)
        self._send(text, shaped)
        if self.stopped and self._json is not None:
            self._pass(self._json.rest(), shaped)

    def _send(self, text: str, shaped: list[Event]) -> None:
        self._pass(text if self._json is None else self._json.feed(text), shaped)

    def _pass(self, text: str, shaped: list[Event]) -> None:
        if text:
            self.size += len(text.encode("utf-8", "surrogatepass"))
            shaped.append(TextDelta(text))

    def _flush(self, shaped: list[Event]) -> None:
        if self._stop is not None:
            self._send(self._stop.rest(), shaped)
        if self._json is not None:
            self._pass(self._json.rest(), shaped)

    def check(self, reason: FinishReason) -> None:
        """Raise when the answer, which ends for this `reason`, is not the JSON that was asked for."""
        if self._json is None or self._validator is None:
            return
        if reason == "tool_calls":
            # The JSON follows when the results are there.
            return
        if reason == "refusal":
            raise UpstreamFailed("the model refused to answer, so there is no JSON", should_retry=False)
        if reason == "length" and not self._json.complete:
            raise InvalidRequest("the limit on the length of the answer cut its JSON off", should_retry=False)
        problem = self._validator.check(self._json.text)
        if problem is not None:
            raise UpstreamFailed(f"the answer of the model is not the JSON that was asked for: {problem}")


def _refuses(event: Event | None) -> bool:
    return isinstance(event, Finished) and event.reason == "refusal"
