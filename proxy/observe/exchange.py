"""One request and its answer, as observers know it."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

COMPLETE = "complete"
"""How a request ends whose answer was sent to its end; any other word says what happened instead."""

_DIALECTS = (("/v1/messages", "anthropic"), ("/v1/", "openai"), ("/api/", "ollama"), ("/chat", "chat"))


@dataclass(slots=True)
class Contents:
    """What was said: the `messages` of the prompt, the `text` of the answer and its `calls`, as far as there was room.
    `cut` tells that there was more."""

    messages: Sequence[Mapping[str, object]] = ()
    text: str = ""
    calls: Sequence[Mapping[str, object]] = ()
    size: int = 0
    cut: bool = False


@dataclass(eq=False, slots=True)
class Exchange:
    """A request, as far as it has come; it `began` at a Unix time, and `since` a monotonic one.

    `facts` are the fields of its line in the log, which grow as it goes on. `ended` says how, empty while it runs,
    after so many `seconds`. `contents` are kept only where the operator wants them.
    """

    id: str
    method: str
    path: str
    began: float
    since: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    ended: str = ""
    seconds: float = 0.0
    dollars: float = 0.0
    contents: Contents | None = None

    @property
    def model(self) -> str:
        """The model that was asked for, empty for none."""
        return str(self.facts.get("model", ""))

    @property
    def dialect(self) -> str:
        """In whose words the request is."""
        return next((name for start, name in _DIALECTS if self.path.startswith(start)), "server")

    @property
    def failed(self) -> bool:
        """Something went wrong, other than that the client went away."""
        return self.status >= 400 or self.ended not in ("", COMPLETE, "disconnected")

    @property
    def error(self) -> str:
        """What went wrong, in a word; empty for nothing. Where only a status was sent, that."""
        if not self.failed:
            return ""
        return self.ended if self.ended != COMPLETE else f"status_{self.status}"

    @property
    def told(self) -> bool:
        """Worth telling of: it asked for something to be done, or failed. Who only looks is no news."""
        return not self.path.startswith(_OF_PAGES) and (bool(self.model) or self.failed or self.method not in _LOOKS)


_OF_PAGES = ("/admin/", "/chat/render")
# What pages ask for while somebody looks at them.

_LOOKS = ("GET", "HEAD", "OPTIONS")

CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The request that a task works for: so what a backend tells of finds its request, without passing through it."""
