"""The system prompt that chats start with."""

from pathlib import Path

import pytest

from proxy.chats.prompt import DEFAULT, MOST_BYTES, SystemPrompt
from proxy.core.errors import ServerError


async def test_the_file_is_made_with_the_default_text_and_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "system_prompt.txt"
    prompt = SystemPrompt(path)
    assert await prompt.read() == DEFAULT
    assert path.read_text() == f"{DEFAULT}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("\n Be brief. \u00e9\n\n", encoding="utf-8")
    assert await prompt.read() == "Be brief. \u00e9"


async def test_an_empty_file_is_no_system_prompt(tmp_path: Path) -> None:
    path = tmp_path / "system_prompt.txt"
    path.touch()
    assert await SystemPrompt(path).read() == ""


async def test_where_the_file_cannot_be_made_the_default_text_counts(tmp_path: Path) -> None:
    assert await SystemPrompt(tmp_path / "missing" / "system_prompt.txt").read() == DEFAULT


@pytest.mark.parametrize(
    ("data", "why"), [(b"x" * (MOST_BYTES + 1), "it has more than"), (b"\xff", "it is not UTF-8"), (None, "directory")]
)
async def test_a_file_that_cannot_be_used_is_the_operators_fault(tmp_path: Path, data: bytes | None, why: str) -> None:
    path = tmp_path / "system_prompt.txt"
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(ServerError, match=why) as caught:
        await SystemPrompt(path).read()
    assert caught.value.fault == "operator"
