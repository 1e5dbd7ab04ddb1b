"""Processes and waiting requests in short words, for tests of the plan."""

from proxy.backends.claude_cli.conversations import Conversation
from proxy.backends.claude_cli.plan import Limits, Need, Plan, Setup, State, View, plan
from proxy.core.request import Caller

NOW = 1000.0


def limits(spares: int, processes: int, boots: int = 2, conversations: int = 9) -> Limits:
    return Limits(spares, processes, boots, conversations)


def conversation(setup: str, turns: str) -> Conversation:
    """One that was told `setup`, and holds a question and an answer for each letter of `turns`."""
    messages = tuple(digest for turn in turns.encode() for digest in (b"?%c" % turn, b"!%c" % turn))
    return Conversation(Caller(), "claude-x", None, setup, messages)


def need(words: str) -> Need:
    """A request such as ``a`` that begins under setup a, or ``a/x`` that goes on with the turn x."""
    setup, _, turns = words.partition("/")
    return Need(Setup(setup), conversation(setup, turns) if turns else None)


def view(words: str) -> View:
    """A process such as ``clean:a@3``: clean, was told setup a, 3 seconds ago; ``live:a/xy`` holds two turns."""
    told, _, ago = words.partition("@")
    state, _, rest = told.partition(":")
    told_now = need(rest)
    return View(State(state), told_now.setup if rest else None, NOW - float(ago or 0), told_now.history)


def made(processes: str, waiting: str, limits: Limits, *, quiet: bool = True) -> Plan:
    views = [view(words) for words in processes.split()]
    return plan(views, [need(words) for words in waiting.split()], limits, quiet=quiet, now=NOW)
