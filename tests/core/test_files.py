"""A file is there whole or as it was before, and is its owner's alone."""

from pathlib import Path

import pytest

from proxy.core.files import UNFINISHED, whole


def test_a_file_takes_its_place_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b"before")
    with whole(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
        assert [beside.name.endswith(UNFINISHED) for beside in tmp_path.iterdir() if beside != path] == [True]
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_when_the_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b"before")
    with pytest.raises(TypeError), whole(path) as file:
        file.writelines([b"after", None])  # type: ignore[list-item]
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
