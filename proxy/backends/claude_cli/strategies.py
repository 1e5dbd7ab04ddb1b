"""How the daemon drives the CLI that it has: what the probe found becomes a choice of ways. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Strategies:
    """The ways to take; the defaults are those of a CLI on which everything works.

    `unfit`: the checks that failed of those that are needed, among them that a chat can neither run a command nor read
    a file; with any, nothing is served. `history`: the conversation so far travels as turns, or told in one message
    (`transcript`). `rewind` False: a process that holds a conversation serves no other one. `interrupt` False: one
    whose turn was cut short is ended. `options` False: sampling, stop strings and limits are not sent. `resets` False:
    a process that was given any of them is not used again. `effort` False: no effort is asked for. `tool_names`: as the
    client gave them, with ``mcp__client__`` in front, or no tools at all; `description_limit` characters of their
    descriptions arrive. `waits` False: the results of calls are told with the whole conversation, since a process that
    waited for them would not pass them on as they are. `depth`: a spare may be told ahead (`warming`), and its system
    prompt later, or has to be told nothing ahead.
    """

    unfit: tuple[str, ...] = ()
    history: Literal["structured", "transcript"] = "structured"
    rewind: bool = True
    interrupt: bool = True
    options: bool = True
    resets: bool = True
    effort: bool = True
    tool_names: Literal["plain", "prefixed", "none"] = "plain"
    description_limit: int = 4096
    waits: bool = True
    depth: Literal["initialized", "booted"] = "initialized"

    @property
    def stateless(self) -> bool:
        """Whether a turn can be one API body that leaves no trace: it travels as options do, and is taken back."""
        return self.rewind and self.options and self.resets and self.effort
