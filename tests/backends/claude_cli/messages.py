"""Conversations in short words, and what a process hears of them."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from proxy.backends.claude_cli.replay import Script, Telling, make_script
from proxy.core.contracts import Target
from proxy.core.request import ChatRequest, Document, Image, Message, Part, Role, Text

MODEL = "claude-x"
TARGET = Target(MODEL)
PICTURE = Image("image/png", "iVBORw0KGgo=")
PAPER = Document("JVBERi0xLjQ=", "paper.pdf")

_ROLES: dict[str, Role] = {"s": "system", "u": "user", "a": "assistant"}


def message(role: str, *parts: Part | str) -> Message:
    return Message(_ROLES[role], tuple(Text(part) if isinstance(part, str) else part for part in parts))


def script(*messages: Message, target: Target = TARGET) -> Script:
    return make_script(ChatRequest("sonnet", messages), target)


def numbered() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def telling(made: Script, start: int = 0) -> Telling:
    """What a process hears that holds the history up to the message at `start`."""
    return made.telling(MODEL, start, numbered())


def lines(spoken: Telling) -> list[dict[str, Any]]:
    """Every line, the prompt last."""
    return [json.loads(line) for line in (*(step.data for step in spoken.steps), spoken.prompt)]


def told(spoken: Telling) -> list[tuple[str, Any]]:
    """Every message, the prompt last: its role, its content without the blank guard."""
    return [(line["type"], _unguarded(line)) for line in lines(spoken)]


def _unguarded(line: dict[str, Any]) -> Any:
    content = line["message"]["content"]
    if line["type"] == "assistant":
        return content
    assert content[-1] == {"type": "text", "text": " "}
    return content[:-1]


def text(said: str) -> dict[str, str]:
    """A text block of the API."""
    return {"type": "text", "text": said}
