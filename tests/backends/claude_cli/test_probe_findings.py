"""Findings travel as JSON, choose the strategies, are kept for each program, and are printed for people."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.claude_cli.probing.findings import SCHEMA, Check, Findings
from proxy.backends.claude_cli.probing.probe import QUESTIONS
from proxy.backends.claude_cli.probing.report import report
from proxy.backends.claude_cli.probing.store import ProbeStore, identity
from proxy.backends.claude_cli.strategies import Strategies

VALUES = {"tool_names": "plain", "tool_descriptions": "4096", "depth": "initialized"}


def findings(*failed: str, program: str = "claude", **values: str) -> Findings:
    given = VALUES | values
    checks = tuple(
        Check(q.name, q.question, "failed" if q.name in failed else "ok", "as it is", q.remedy, q.needed)
        if q.name in failed
        else Check(q.name, q.question, "ok", "as it should be", q.remedy, q.needed, given.get(q.name, ""))
        for q in QUESTIONS
    )
    return Findings("1.2.3", program, "api-key", "api-key", checks)


# JSON


def test_findings_survive_the_way_through_json() -> None:
    found = findings("rewind", tool_names="prefixed")
    assert Findings.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"version": 5}', findings().to_json().replace('"ok"', '"splendid"', 1)]
)
def test_what_is_no_findings_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Findings.from_json(text)


def test_findings_of_another_schema_are_refused() -> None:
    with pytest.raises(ValueError, match=f"schema {SCHEMA + 1}"):
        Findings.from_json(replace(findings(), schema=SCHEMA + 1).to_json())


# Strategies


def test_when_everything_works_the_strategies_are_the_defaults() -> None:
    assert findings().strategies == Strategies()


def test_what_is_not_known_is_not_relied_on() -> None:
    nothing = replace(findings(), checks=())
    assert nothing.strategies == Strategies(
        history="transcript",
        rewind=False,
        interrupt=False,
        options=False,
        resets=False,
        effort=False,
        tool_names="none",
        description_limit=1024,
        waits=False,
        depth="booted",
    )


@pytest.mark.parametrize(
    ("failed", "values", "ways"),
    [
        ((), {"tool_names": "prefixed"}, {"tool_names": "prefixed"}),
        ((), {"tool_names": "shouted"}, {"tool_names": "none"}),
        (("tool_names",), {}, {"tool_names": "none"}),
        (("tool_results",), {}, {"tool_names": "none"}),
        ((), {"tool_descriptions": "2048"}, {"description_limit": 2048}),
        (("tool_descriptions",), {}, {"description_limit": 1024}),
        (("tool_waits",), {}, {"waits": False}),
    ],
)
def test_what_becomes_of_tools_chooses_how_they_are_offered_and_answered(
    failed: tuple[str, ...], values: dict[str, str], ways: dict[str, Any]
) -> None:
    assert findings(*failed, **values).strategies == replace(Strategies(), **ways)


# Identity


def test_a_program_that_is_replaced_or_rewritten_is_another_one(tmp_path: Path) -> None:
    program, other = tmp_path / "claude", tmp_path / "update"
    program.write_text("one")
    seen = [identity(program)]
    assert identity(program) == seen[0]
    other.write_text("two")
    os.utime(other, ns=(1, 1))
    os.utime(program, ns=(1, 1))
    seen.append(identity(program))
    other.replace(program)
    seen.append(identity(program))
    program.write_text("three and more")
    os.utime(program, ns=(1, 1))
    seen.append(identity(program))
    assert len(set(seen)) == 4


def test_a_link_that_leads_elsewhere_is_another_program(tmp_path: Path) -> None:
    link = tmp_path / "claude"
    for name in ("one", "two"):
        (tmp_path / name).write_text("same")
    link.symlink_to("one")
    before = identity(link)
    link.unlink()
    link.symlink_to("two")
    assert identity(link) != before


def test_a_program_that_is_not_there_has_no_identity(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        identity(tmp_path / "claude")


# The store


def test_findings_are_kept_for_each_program_and_login(tmp_path: Path) -> None:
    store = ProbeStore(tmp_path / "state")
    one, two = findings(program="one"), findings("rewind", program="two")
    token = replace(one, login="oauth-token")
    for found in (one, two, token):
        store.keep(found)
    again = ProbeStore(tmp_path / "state")
    assert [again.find("one", "api-key"), again.find("two", "api-key")] == [one, two]
    assert again.find("one", "oauth-token") == token
    assert again.find("three", "api-key") is None
    assert again.find("one", "stored") is None


def test_newer_findings_take_the_place_of_older_ones(tmp_path: Path) -> None:
    store = ProbeStore(tmp_path)
    for found in (findings(), findings("rewind")):
        store.keep(found)
    assert store.find("claude", "api-key") == findings("rewind")
    assert len(json.loads((tmp_path / "probe.json").read_text())) == 1


def test_the_file_is_the_users_own_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    ProbeStore(tmp_path).keep(findings())
    assert [path.name for path in tmp_path.iterdir()] == ["probe.json"]
    assert (tmp_path / "probe.json").stat().st_mode & 0o777 == 0o600


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    store = ProbeStore(tmp_path)
    for number in range(40):
        store.keep(findings(program=f"claude-{number}"))
    assert store.find("claude-39", "api-key") is not None
    assert store.find("claude-0", "api-key") is None


@pytest.mark.parametrize("text", ["", "{", "5", "{}", "[5]", "[{}]", "[" * 100_000, "\ud800".encode(errors="replace")])
def test_a_corrupt_file_holds_nothing_and_is_replaced(tmp_path: Path, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "probe.json").write_bytes(data)
    store = ProbeStore(tmp_path)
    assert store.find("claude", "api-key") is None
    store.keep(findings())
    assert store.find("claude", "api-key") == findings()


def test_one_that_makes_no_sense_leaves_the_others(tmp_path: Path) -> None:
    old = replace(findings(program="old"), schema=SCHEMA + 1)
    (tmp_path / "probe.json").write_text(f"[{old.to_json()}, {findings().to_json()}, 7]")
    assert ProbeStore(tmp_path).find("claude", "api-key") == findings()
    assert ProbeStore(tmp_path).find("old", "api-key") is None


def test_a_file_that_cannot_be_read_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "probe.json").mkdir()
    assert ProbeStore(tmp_path).find("claude", "api-key") is None


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        ProbeStore(tmp_path / "file").keep(findings())


# The report


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal_and_names_every_check(width: int) -> None:
    text = report(findings("rewind", "slash"), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split() == ["CHECK", "VERDICT", "DETAIL"]
    assert [line.split()[:2] for line in lines[1 : len(QUESTIONS) + 1]] == [
        [q.name, "failed" if q.name in ("rewind", "slash") else "ok"] for q in QUESTIONS
    ]


def test_a_failure_comes_with_its_remedy_and_what_follows() -> None:
    text = report(findings("rewind", "slash", "history", "resets", "interrupt", "tool_names"), 1000)
    remedies = {question.name: question.remedy for question in QUESTIONS}
    assert f"slash (needed): {remedies['slash']}" in text
    assert f"history (can be done without): {remedies['history']}" in text
    for way in (
        "serve      no, for want of slash",
        "told in one message",
        "each serves one conversation",
        "cannot be declared",
    ):
        assert way in text
    assert "system (" not in text


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ((), "serve one conversation after another\n"),
        (("resets",), "each serves one turn\n"),
        (("interrupt",), "one conversation after another, unless its turn was cut short\n"),
        (("rewind", "resets"), "each serves one conversation\n"),
    ],
)
def test_when_a_process_is_used_again_is_told(failed: tuple[str, ...], words: str) -> None:
    assert words in report(findings(*failed), 200)


def test_when_everything_works_there_is_nothing_to_mend() -> None:
    assert "(needed)" not in report(findings(), 100)
    assert "serve      yes" in report(findings(), 100)
