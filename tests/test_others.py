"""The key for the Ollama server behind: where it comes from, and what is none."""

from pathlib import Path

import pytest

from config import ConfigError
from proxy.others import read_key


def test_a_key_comes_from_the_file_or_else_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(" from-the-file\n")
    environ = {"OLLAMA_API_KEY": "from-outside"}
    assert read_key(file, environ) == "from-the-file"
    assert read_key(None, environ) == "from-outside"
    assert read_key(None, {}) is None


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "\x00"])
def test_what_no_header_can_carry_is_no_key_and_is_not_shown(tmp_path: Path, key: str) -> None:
    file = tmp_path / "key"
    file.write_text(key, encoding="utf-8")
    with pytest.raises(ConfigError, match="does not hold a key") as caught:
        read_key(file, {})
    assert key not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nokey cannot be read: No such file"):
        read_key(tmp_path / "nokey", {})
