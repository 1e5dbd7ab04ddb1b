"""The last lines of the log, as they went out, kept for those who look at the running daemon."""

import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from proxy.observe.ring import Ring

_LINES = 1000
_LONGEST = 2000
_MOST = 50
# Characters that are kept of a value, values of a list.

_OF_CONTENTS = frozenset({"prompt", "answer"})
# Events that say what was said: an operator who wants these in the log has not asked for them anywhere else.

_OF_STRUCTLOG = frozenset({"event", "level", "timestamp", "exc_info", "exception"})


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log, logged at a Unix time `at`."""

    at: float
    level: str
    event: str
    fields: Mapping[str, object]


class LogLines:
    """Keeps the last lines. `take` is a processor of structlog, to stand in front of the one that renders."""

    def __init__(self) -> None:
        self.ring: Ring[LogLine] = Ring(_LINES)

    def take(self, _logger: object, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep a line, and pass it on."""
        event = str(line.get("event", ""))
        if event not in _OF_CONTENTS:
            fields = {name: bounded(value) for name, value in line.items() if name not in _OF_STRUCTLOG}
            if line.get("exc_info"):
                told = structlog.processors.format_exc_info(_logger, level, {"exc_info": line["exc_info"]})
                fields["exception"] = bounded(told.get("exception", ""))
            self.ring.add(LogLine(time.time(), level, event[:_LONGEST], fields))
        return line


RECENT = LogLines()
"""Those of this process, whose one log it is."""


def bounded(value: object) -> object:
    """`value` as JSON can have it; a long text, or what has to be told as one, is cut."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [bounded(each) for each in value[:_MOST]]
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
