"""What the probe asks of a CLI, and how an answer or a failure is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from proxy.backends.claude_cli.probing.subject import Subject

Needs = Literal["untold", "opened", "empty", "any"]
"""What a question needs of the process: told nothing yet; its first chat still its only one, or yet to come; holding no
conversation; or nothing in particular."""


@dataclass(frozen=True, slots=True)
class Answer:
    """It works. `detail` says how, in words; `value` is what the strategies need to know of it."""

    detail: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """`needed`: without it the daemon cannot serve. `remedy`: what to do when it fails, or what the daemon then does.

    `needs`: the process it is asked of.
    """

    name: str
    question: str
    remedy: str
    ask: Callable[[Subject], Awaitable[Answer]]
    needs: Needs = "any"
    needed: bool = False
