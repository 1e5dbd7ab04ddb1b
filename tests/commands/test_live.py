"""The test turn of `doctor --live`, over the fake CLI."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config import Settings, load
from proxy.commands.live import ask_once
from tests.support.children import wait_until_none
from tests.support.program import own_environment
from tests.support.running import write_fake_cli

KEY = "sk-ant-the-operators-own-key"


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """The log is afterwards as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def prepared(folder: Path, **environ: str) -> tuple[Settings, dict[str, str]]:
    given = own_environment(folder, ANTHROPIC_API_KEY=KEY, **environ)
    flags = {"cli": str(write_fake_cli(folder)), "pass_environment": "FAKE_*"}
    return load(flags, given), given


async def test_it_says_beforehand_that_it_costs_and_then_what_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ask_once(*prepared(tmp_path)) == ""
    said = capsys.readouterr().out
    assert said.index("this costs tokens") < said.index("it answered") < said.index("tokens of prompt")
    assert KEY not in said
    wait_until_none(tmp_path)


async def test_what_went_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = await ask_once(*prepared(tmp_path, FAKE_BOOT="crash"))
    assert "the disk is on fire" in fault
    assert "it answered" not in capsys.readouterr().out
    wait_until_none(tmp_path)
