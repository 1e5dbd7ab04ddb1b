"""What the CLI says in a turn, in short words."""

from dataclasses import dataclass
from typing import Any

from proxy.backends.claude_cli.codec import ApiEvent, Said
from proxy.core.events import Finished, FinishReason, Started, Usage

STARTED = Started("claude-x")


@dataclass
class Clock:
    """A clock that stands still until somebody moves it."""

    nanoseconds: int = 1_000
    seconds: float = 1_800_000_000.0

    def monotonic_ns(self) -> int:
        return self.nanoseconds

    def time(self) -> float:
        return self.seconds


def api(kind: str, **fields: Any) -> ApiEvent:
    return ApiEvent({"type": kind, **fields})


def start(model: str = "claude-x", **usage: int) -> ApiEvent:
    return api("message_start", message={"id": "msg_1", "model": model, "usage": usage})


def block(kind: str) -> ApiEvent:
    return api("content_block_start", index=0, content_block={"type": kind})


def text(said: str) -> ApiEvent:
    return api("content_block_delta", index=0, delta={"type": "text_delta", "text": said})


def thinking(thought: str) -> ApiEvent:
    return api("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": thought})


def call(name: str, call_id: str = "toolu_1") -> ApiEvent:
    """The model begins to call a tool."""
    return api(
        "content_block_start", index=0, content_block={"type": "tool_use", "id": call_id, "name": name, "input": {}}
    )


def piece(of_json: str) -> ApiEvent:
    """A piece of a call's arguments."""
    return api("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": of_json})


STOP = api("content_block_stop", index=0)


def said(kind: str, **fields: Any) -> Said:
    """A finished block of the answer."""
    return Said({"type": kind, **fields})


def end(reason: str | None = "end_turn", *, details: object = None, **usage: int) -> ApiEvent:
    return api("message_delta", delta={"stop_reason": reason, "stop_details": details}, usage=usage)


def finished(reason: FinishReason = "stop", **usage: int) -> Finished:
    return Finished(reason, Usage(**usage))
