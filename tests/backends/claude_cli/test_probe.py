"""A CLI that works passes; one that does a single thing wrong is caught by the check of that thing, and by no other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.claude_cli.probing.probe import QUESTIONS
from proxy.backends.claude_cli.strategies import Strategies
from tests.support.fake_api_faults import FAULTS
from tests.support.probing import examined, write_api_cli

NAMES = [question.name for question in QUESTIONS]

WEAKER = {"depth": "booted", "tool_names:prefixed": "prefixed", "tool_descriptions:short": "2048"}
"""What is no failure, but found out."""

CONSEQUENCES: dict[str, dict[str, Any]] = {
    "boots": {"unfit": ("boots",)},
    "stream": {"unfit": ("stream",)},
    "system": {"depth": "booted", "unfit": ("system",)},
    "no_calls": {"depth": "booted"},
    "model": {"depth": "booted", "unfit": ("model",)},
    "tools_off": {"unfit": ("tools_off",)},
    "slash": {"unfit": ("slash",)},
    "mentions": {"unfit": ("mentions",)},
    "rewind": {"depth": "booted", "rewind": False},
    "rewind:lies": {"rewind": False},
    "rewind:replayed": {"rewind": False},
    "history": {"history": "transcript"},
    "interrupt": {"interrupt": False},
    "interrupt:trace": {"depth": "booted", "interrupt": False},
    "effort": {"effort": False},
    "options": {"options": False},
    "resets": {"resets": False},
    "depth": {"depth": "booted"},
    "tool_names": {"tool_names": "none"},
    "tool_names:prefixed": {"tool_names": "prefixed"},
    "tool_descriptions": {"description_limit": 1024},
    "tool_descriptions:short": {"description_limit": 2048},
    "tool_results": {"tool_names": "none"},
    "tool_waits": {"waits": False},
}
"""What follows from a fault for the daemon; from the others nothing does."""

NEEDED = {"boots", "stream", "system", "tools_off", "model", "slash", "mentions"}
"""The checks without which the daemon cannot serve."""


async def test_a_cli_on_which_everything_works_passes(tmp_path: Path) -> None:
    findings, simulator = await examined(write_api_cli(tmp_path), tmp_path)
    assert [(check.name, check.verdict) for check in findings.checks] == [(name, "ok") for name in NAMES]
    assert (findings.version, findings.login, findings.probed_as) == ("9.9.9", "api-key", "api-key")
    assert str(tmp_path / "claude") in findings.identity
    assert findings.passed
    assert findings.strategies == Strategies()
    assert {request.headers["x-api-key"] for request in simulator.requests} == {"probe-made-up-credential"}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_caught_by_its_check_alone(tmp_path: Path, fault: str) -> None:
    # Only a turn that cannot be interrupted has to be waited for.
    patience = 3.0 if fault == "interrupt" else 20.0
    findings, _ = await examined(write_api_cli(tmp_path, fault), tmp_path, patience=patience)
    name = fault.partition(":")[0]
    failed = {check.name: check for check in findings.checks if check.verdict == "failed"}
    checks = {check.name: check for check in findings.checks}
    if fault in WEAKER:
        assert failed == {}
        assert checks[name].value == WEAKER[fault]
    else:
        assert set(failed) == {name}
        assert checks[name].value == ""
        assert checks[name].detail
        assert checks[name].remedy
    assert findings.passed is (fault in WEAKER or name not in NEEDED)
    if fault != "boots":
        assert [check.name for check in findings.checks if check.verdict == "unknown"] == []
        consequence = CONSEQUENCES.get(fault, {} if fault in WEAKER else CONSEQUENCES.get(name, {}))
        assert findings.strategies == replace(Strategies(), **consequence)


def test_every_check_has_a_fault() -> None:
    assert {fault.partition(":")[0] for fault in FAULTS} == set(NAMES)
    assert {question.name for question in QUESTIONS if question.needed} == NEEDED


async def test_of_a_cli_that_does_not_boot_nothing_else_is_known_and_nothing_is_served(tmp_path: Path) -> None:
    findings, _ = await examined(write_api_cli(tmp_path, "boots"), tmp_path)
    boots, *others = findings.checks
    assert "the disk is on fire" in boots.detail
    assert {check.verdict for check in others} == {"unknown"}
    assert not findings.passed
    assert findings.strategies.unfit
    assert findings.version == ""


async def test_a_program_that_is_none_fails_to_boot(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/nowhere/sh\n")
    program.chmod(0o755)
    findings, _ = await examined(program, tmp_path)
    assert findings.checks[0].verdict == "failed"
    assert "cannot be started" in findings.checks[0].detail


@pytest.mark.parametrize("words", ["this is not JSON", '{"type": "result"', "[]", "[" * 100_000])
async def test_a_cli_that_talks_nonsense_fails_and_the_probe_does_not(tmp_path: Path, words: str) -> None:
    program = tmp_path / "claude"
    (tmp_path / "words").write_text(f"{words}\n")
    reply = '{"type":"control_response","response":{"subtype":"success","request_id":"%s","response":{}}}\\n'
    program.write_text(
        "#!/bin/sh\nread -r first\n"
        """id=$(printf %s "$first" | sed 's/.*"request_id":"\\([^"]*\\)".*/\\1/')\n"""
        f"printf '{reply}' \"$id\"\ncat '{tmp_path / 'words'}'\nexec cat >/dev/null\n"
    )
    program.chmod(0o755)
    findings, _ = await examined(program, tmp_path)
    assert "JSON" in findings.checks[0].detail
    assert {check.verdict for check in findings.checks} <= {"failed", "unknown"}
    assert not findings.passed
