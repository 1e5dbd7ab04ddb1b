"""What was found out about a CLI, the strategies that follow, and both as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from proxy.backends.claude_cli.command import LoginMode
from proxy.backends.claude_cli.strategies import Strategies

SCHEMA = 3
"""The number of this probe: raise it when a question, or what the CLI is started with, changes."""

Verdict = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer. `value` is what the strategies need to know of it, empty when it failed.

    `unknown`: it could not be asked, since no process could be had. `remedy` tells what to do, or what the daemon does
    without it; `needed`: without it the daemon cannot serve. Not `sure`: it failed for want of an answer in time.
    """

    name: str
    question: str
    verdict: Verdict
    detail: str
    remedy: str
    needed: bool = False
    value: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Findings:
    """What a CLI does: `identity` says of which program, `login` for which mode of being logged in.

    `probed_as` is the mode that was tried, which is another one for a stored login. `schema` is the probe's own number.
    """

    version: str
    identity: str
    login: LoginMode
    probed_as: LoginMode
    checks: tuple[Check, ...]
    schema: int = SCHEMA

    @property
    def passed(self) -> bool:
        """Everything that the daemon needs works."""
        return all(check.verdict == "ok" for check in self.checks if check.needed)

    @property
    def established(self) -> bool:
        """Every question was answered, by yes or by no."""
        return all(check.sure and check.verdict != "unknown" for check in self.checks)

    @property
    def strategies(self) -> Strategies:
        """The ways to take with this CLI."""
        works = {check.name: check.verdict == "ok" for check in self.checks}
        values = {check.name: check.value for check in self.checks if check.verdict == "ok"}
        return Strategies(
            unfit=tuple(
                check.name for check in self.checks if check.needed and check.sure and check.verdict == "failed"
            ),
            history="structured" if works.get("history") else "transcript",
            rewind=works.get("rewind", False),
            interrupt=works.get("interrupt", False),
            options=works.get("options", False),
            resets=works.get("resets", False),
            effort=works.get("effort", False),
            tool_names=_tool_names(values.get("tool_names")) if works.get("tool_results") else "none",
            description_limit=int(values.get("tool_descriptions") or _SHORT_DESCRIPTION),
            waits=works.get("tool_waits", False),
            depth="initialized" if values.get("depth") == "initialized" else "booted",
        )

    def to_json(self) -> str:
        """As JSON; the strategies are not in it, they follow."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Findings":
        """The findings in `text`. Raises ValueError when it holds none, or those of another schema."""
        return from_value(json.loads(text))


_SHORT_DESCRIPTION = 1024
# Characters: what any CLI may be trusted to send of a tool's description.


def _tool_names(value: str | None) -> Literal["plain", "prefixed", "none"]:
    match value:
        case "plain" | "prefixed":
            return value
        case _:
            return "none"


_ADAPTER = TypeAdapter(Findings)


def from_value(value: Mapping[str, Any]) -> Findings:
    """The findings in a JSON value. Raises ValueError when it holds none, or those of another schema."""
    try:
        findings = _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise ValueError(f"these are no findings: {error.error_count()} errors") from error
    if findings.schema != SCHEMA:
        raise ValueError(f"these findings are of schema {findings.schema}, not {SCHEMA}")
    return findings
