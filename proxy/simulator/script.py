"""An answer and its faults: what `stream` plays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thinking block; `shown` False leaves its text out and keeps its signature."""

    text: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """A text block."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call. `broken` cuts its JSON short."""

    id: str
    name: str
    input: Mapping[str, Any]
    broken: bool = False


AnswerBlock = Thinking | Text | ToolUse


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong after `after` text deltas (0: right after `message_start`).

    "error" sends an error event of `type` and ends; "cut" closes the connection; "hang" sends nothing more;
    "duplicate_start" repeats `message_start`; "garbage" sends a line that is no JSON; "no_stop" and "no_delta" leave
    out `message_stop` and `message_delta`.
    """

    kind: Literal["error", "cut", "hang", "duplicate_start", "garbage", "no_stop", "no_delta"]
    after: int = 0
    type: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """Everything about one answer that the request decides. None of `ttft` and `rate` leaves the simulator's pace."""

    blocks: tuple[AnswerBlock, ...]
    stop_reason: StopReason = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, str | None] | None = None
    fault: Fault | None = None
    words_per_delta: int = 1
    silent: bool = False
    ttft: float | None = None
    rate: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(block.text for block in self.blocks if isinstance(block, Text))
