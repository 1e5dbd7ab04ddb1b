"""What one request did, for its line in the log."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from proxy.core.errors import ServerError
from proxy.core.events import Finished

_KEY = "claude_ollama.record"


@dataclass(slots=True)
class Record:
    """Filled in by whoever knows; never prompts, answers or secrets.

    `ended` is how: ``complete``, ``disconnected``, ``stalled``, or the kind of the error.
    """

    request_id: str
    ended: str = "complete"
    fields: dict[str, Any] = field(default_factory=dict)

    def note(self, **fields: object) -> None:
        """Add fields to the line."""
        self.fields |= fields

    def finished(self, event: Finished) -> None:
        """Add the counts and durations of an answer."""
        self.note(
            reason=event.reason,
            prompt_tokens=event.usage.prompt_tokens,
            output_tokens=event.usage.output_tokens,
            load_ms=event.timings.load // 1_000_000,
            first_token_ms=event.timings.prompt // 1_000_000,
            eval_ms=event.timings.eval // 1_000_000,
        )

    def failed(self, error: ServerError) -> None:
        """Add what went wrong and whose fault it was."""
        self.ended = error.kind
        self.note(fault=error.fault)
        if error.fault != "client" or error.status == 404:
            # What is wrong with a body is told in the body's own words, and those are the client's.
            self.note(error=error.message)


def open_record(scope: MutableMapping[str, Any], request_id: str) -> Record:
    """Start the record of a request."""
    record = Record(request_id)
    scope[_KEY] = record
    return record


def record_of(scope: MutableMapping[str, Any]) -> Record:
    """The record of the request that `scope` belongs to."""
    record = scope[_KEY]
    assert isinstance(record, Record)
    return record
