"""What a model answers, piece by piece.

An answer is `Started`, any number of deltas and calls, then `Finished`: exactly one of each end. A failure is not an
event, it is raised (`proxy.core.errors`).

A call comes twice, for the dialects that send it piece by piece and for those that send it whole: as `CallStarted`, any
number of `CallDelta`s, then `CallComplete`. Calls do not overlap. Only an answer that was cut off at its limit may have
a call that is not complete.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "refusal", "tool_calls"]
"""With "tool_calls" the model waits for the results of its calls."""


@dataclass(frozen=True, slots=True)
class Started:
    """The API accepted the request; `model` is the id that answers, as the API reports it."""

    model: str


@dataclass(slots=True)  # there is one for each token, and frozen ones take twice as long to make
class TextDelta:
    """The next piece of the answer's text, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """The next piece of the model's thinking, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtEnded:
    """A piece of thinking is complete: the deltas since the last one, which may be none, with the API's `signature`.

    `redacted` is the API's sealed form of a thought that nobody gets to see, in place of both.
    """

    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The model begins to call the tool `name`, as the client spells it. `index` counts the answer's calls from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """The next piece of the JSON text of a call's arguments, never empty; together the pieces are a JSON object."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class CallComplete:
    """A call is complete: everything of it once more, `arguments` as the model wrote them, keys in its order."""

    index: int
    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the API reports them. `input_tokens` excludes what the prompt cache read or wrote."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Every token of the prompt, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations of one turn, integers in nanoseconds, each at least 1.

    `load`: getting a process. `prompt`: prompt sent to first token. `eval`: first to last token. `total`: the whole.
    """

    load: int = 1
    prompt: int = 1
    eval: int = 1
    total: int = 1


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete; nothing follows. With "stop" it may have ended before a `stop_sequence`."""

    reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    stop_sequence: str | None = None


Event = Started | TextDelta | ThinkingDelta | ThoughtEnded | CallStarted | CallDelta | CallComplete | Finished
