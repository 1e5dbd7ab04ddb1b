"""Findings as a table for people. Pure."""

import textwrap
from collections.abc import Iterator, Sequence

from proxy.backends.claude_cli.probing.findings import Check, Findings
from proxy.backends.claude_cli.strategies import Strategies


def report(findings: Findings, width: int) -> str:
    """The table of checks, what to do about those that failed, and the strategies; lines of at most `width`."""
    return "\n\n".join((table(findings.checks, width), "\n".join(_ways(findings.strategies, width))))


def table(checks: Sequence[Check], width: int, optional: str = "can be done without") -> str:
    """The checks, each with its verdict, and then what to do about those that failed; lines of at most `width`.

    `optional` is what those are called that the daemon does not need.
    """
    parts = [_rows(checks, width)]
    if remedies := "\n".join(_remedies(checks, width, optional)):
        parts.append(remedies)
    return "\n\n".join(parts)


def _rows(checks: Sequence[Check], width: int) -> str:
    rows = [("CHECK", "VERDICT", "DETAIL"), *((c.name, c.verdict, c.detail) for c in checks)]
    name, verdict = (max(len(row[column]) for row in rows) for column in (0, 1))
    indent = " " * (name + verdict + 4)
    lines = []
    for row in rows:
        start = f"{row[0].ljust(name)}  {row[1].ljust(verdict)}  "
        lines.append(_filled(row[2], width, start, indent))
    return "\n".join(lines)


def _remedies(checks: Sequence[Check], width: int, optional: str) -> Iterator[str]:
    for check in checks:
        if check.verdict == "failed":
            weight = "needed" if check.needed else optional
            yield _filled(check.remedy, width, f"{check.name} ({weight}): ", "  ")


def _ways(strategies: Strategies, width: int) -> Iterator[str]:
    yield "WITH THIS CLI"
    history = {"structured": "turn by turn", "transcript": "told in one message"}[strategies.history]
    tools = {"plain": "under their own names", "prefixed": "under prefixed names", "none": "cannot be declared"}
    spares = {"initialized": "are told their setup ahead", "booted": "are told nothing ahead"}
    for name, way in (
        ("serve", f"no, for want of {', '.join(strategies.unfit)}" if strategies.unfit else "yes"),
        ("history", history),
        ("processes", _reuse(strategies)),
        ("options", "sent" if strategies.options else "not sent, and named in a response header"),
        ("effort", "sent" if strategies.effort else "left to the model"),
        ("tools", tools[strategies.tool_names]),
        ("results", "given to the process that waits" if strategies.waits else "told with the whole conversation"),
        ("spares", spares[strategies.depth]),
    ):
        yield _filled(way, width, f"{name:<11}", " " * 11)


def _reuse(strategies: Strategies) -> str:
    if not strategies.rewind:
        return "each serves one conversation"
    exceptions = []
    if not strategies.interrupt:
        exceptions.append("its turn was cut short")
    if not strategies.resets:
        return "each serves one turn"
    return "serve one conversation after another" + (f", unless {' or '.join(exceptions)}" if exceptions else "")


def _filled(text: str, width: int, first: str, others: str) -> str:
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False, break_long_words=False
    )
