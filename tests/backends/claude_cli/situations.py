"""Processes and waiting requests in short words, for tests of the plan."""

import math
from dataclasses import replace

from proxy.backends.claude_cli.conversations import Conversation
from proxy.backends.claude_cli.plan import Limits, Need, Plan, Setup, State, View, plan
from proxy.backends.claude_cli.tools import ToolSet
from proxy.core.request import Caller

NOW = 1000.0


def limits(spares: int, processes: int, boots: int = 2, conversations: int = 9) -> Limits:
    return Limits(spares, processes, boots, conversations)


def plain(count: int) -> tuple[tuple[str, ...], ...]:
    """So many processes to boot without tools of the CLI's own."""
    return ((),) * count


def conversation(system: str, turns: str) -> Conversation:
    """One under `system` that holds a question and an answer for each letter of `turns`."""
    messages = tuple(digest for turn in turns.encode() for digest in (b"?%c" % turn, b"!%c" % turn))
    return Conversation(Caller(), "claude-x", None, system, messages)


def need(words: str) -> Need:
    """A request such as ``a`` that begins under the system prompt a, or ``a/x`` that goes on with the turn x.

    ``a+t`` offers the tools t of the client's, ``a!b`` wants the tool b of the CLI's own.
    """
    told, _, turns = words.partition("/")
    offered, _, builtin = told.partition("!")
    system, _, tools = offered.partition("+")
    setup = Setup(system, ToolSet(tools, ()) if tools else None, (builtin,) if builtin else ())
    return Need(setup, conversation(system, turns) if turns else None)


def view(words: str) -> View:
    """A process such as ``clean:a@3``: clean, was told a, 3 seconds ago; ``live:a/xy`` holds two turns.

    ``waits:a/x`` is live and waits for results; ``spare!b`` was booted with the tool b of the CLI's own.
    """
    told, _, ago = words.partition("@")
    kind, _, rest = told.partition(":")
    name, _, builtin = kind.partition("!")
    told_now = need(rest)
    return View(
        State.LIVE if name == "waits" else State(name),
        told_now.setup if rest else None,
        NOW - float(ago or 0),
        told_now.history,
        waits=name == "waits",
        builtin=(builtin,) if builtin else told_now.setup.builtin,
    )


def made(processes: str, waiting: str, limits: Limits, *, quiet: bool = True) -> Plan:
    """What is to be done; when to look again has tests of its own."""
    return replace(planned(processes, waiting, limits, quiet=quiet), again=math.inf)


def planned(processes: str, waiting: str, limits: Limits, *, quiet: bool = True) -> Plan:
    views = [view(words) for words in processes.split()]
    return plan(views, [need(words) for words in waiting.split()], limits, quiet=quiet, now=NOW)
