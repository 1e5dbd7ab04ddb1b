"""The manual knows every directive, every option and every flag."""

from pathlib import Path

import pytest

from proxy.simulator.__main__ import parse_arguments
from proxy.simulator.directives import COMMON_OPTIONS, KINDS

MANUAL = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_directive_is_in_the_manual(kind: str) -> None:
    rows = [line for line in MANUAL.splitlines() if line.startswith((f"| `{kind}`", f"| `{kind} ", f"| `{kind}="))]
    assert len(rows) == 1
    assert [option for option in sorted(KINDS[kind]) if f"`{option}`" not in rows[0]] == []


@pytest.mark.parametrize("option", sorted(COMMON_OPTIONS))
def test_every_common_option_is_in_the_manual(option: str) -> None:
    assert f"`{option}=" in MANUAL


@pytest.mark.parametrize("flag", sorted(vars(parse_arguments([]))))
def test_every_flag_is_in_the_manual(flag: str) -> None:
    assert f"`--{flag}`" in MANUAL
