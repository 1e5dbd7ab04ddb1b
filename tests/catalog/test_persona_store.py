"""Personas on disk: what is read is what was written, and nothing else is taken for a persona."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from proxy.catalog.persona_store import MOST_BYTES, PersonaStore, decode, encode
from proxy.catalog.personas import Persona
from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, Text, ToolCall
from proxy.core.traits import Traits

TRAITS = Traits(
    system='Say "é\u2028".\n',
    template="{{ .Prompt }}",
    parameters={"temperature": 0.5, "stop": ["a", " b"], "unknown": {"deep": [1, None, True]}, "num_ctx": 2**70},
    messages=(
        Message("system", (Text("one"),)),
        Message("user", (Image("image/png", "aGk="), Document("aGk=", "a.pdf"), Text("two"))),
        Message("assistant"),
    ),
    licenses=("MIT", "Apache"),
)
MARIO = Persona(
    "Team/Mario:V2", "sonnet", "sonnet:latest", TRAITS, datetime(2026, 8, 1, 12, 0, 0, 5, timezone(timedelta(hours=-8)))
)
LUIGI = Persona("luigi", "opus", "Team/Mario:V2", Traits(), datetime(2026, 8, 2, tzinfo=UTC))


@pytest.fixture(autouse=True)
def warnings_logged() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


def keep(folder: Path, *personas: Persona) -> PersonaStore:
    store = PersonaStore(folder)
    for persona in personas:
        store.write(persona, encode(persona))
    return store


def files(folder: Path) -> list[Path]:
    return sorted((folder / "personas").iterdir())


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    keep(tmp_path / "state", MARIO, LUIGI)
    assert PersonaStore(tmp_path / "state").load() == [LUIGI, MARIO]


def test_nothing_is_kept_where_nothing_was_written(tmp_path: Path) -> None:
    assert PersonaStore(tmp_path / "none").load() == []
    assert not (tmp_path / "none").exists()


def test_a_file_is_the_owners_alone_and_is_not_named_by_the_model(tmp_path: Path) -> None:
    keep(tmp_path, MARIO)
    [file] = files(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert (len(file.stem), file.suffix) == (64, ".json")
    assert int(file.stem, 16)


def test_a_name_in_another_spelling_takes_the_same_file(tmp_path: Path) -> None:
    other = replace(MARIO, name="team/mario:v2", traits=Traits(system="Another."))
    assert keep(tmp_path, MARIO, other).load() == [other]
    assert len(files(tmp_path)) == 1


def test_what_is_removed_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    store = keep(tmp_path, MARIO, LUIGI)
    for _ in range(2):
        store.remove(MARIO)
        assert store.load() == [LUIGI]
    PersonaStore(tmp_path / "none").remove(MARIO)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    store = keep(tmp_path, MARIO)
    [file] = files(tmp_path)
    file.unlink()
    (file / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        store.write(MARIO, encode(MARIO))
    assert files(tmp_path) == [file]


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(encode(MARIO)) | fields).encode()


CORRUPT = {
    "empty": b"",
    "cut off": encode(MARIO)[:-20],
    "no UTF-8": b"\xff\xfe",
    "no object": b"[]",
    "nothing": b"null",
    "nested": b"[" * 100_000,
    "of another format": changed(format=2),
    "of another name": changed(name="luigi"),
    "no name": changed(name="../../etc/passwd x"),
    "a number for a name": changed(name=1),
    "no base": changed(base=""),
    "no system prompt": changed(system=None),
    "no parameters": changed(parameters=[1]),
    "no messages": changed(messages=5),
    "an unknown role": changed(messages=[{"role": "tool", "parts": []}]),
    "an unknown part": changed(messages=[{"role": "user", "parts": [{"call": "x"}]}]),
    "a text that is none": changed(messages=[{"role": "user", "parts": [{"text": 1}]}]),
    "no licences": changed(licenses=[1]),
    "no time": changed(modified_at="yesterday"),
    "no zone": changed(modified_at="2026-08-01T12:00:00"),
}


@pytest.mark.parametrize("data", CORRUPT.values(), ids=CORRUPT)
def test_a_corrupt_file_is_set_aside_with_a_warning_and_the_others_are_read(tmp_path: Path, data: bytes) -> None:
    keep(tmp_path, MARIO)
    [file] = files(tmp_path)
    file.write_bytes(data)
    store = keep(tmp_path, LUIGI)
    with capture_logs() as logs:
        assert store.load() == [LUIGI]
    assert [(line["event"], line["log_level"]) for line in logs] == [("persona_set_aside", "warning")]
    aside = file.with_suffix(".corrupt")
    assert aside.read_bytes() == data
    with capture_logs() as logs:
        assert store.load() == [LUIGI]
    assert logs == []
    keep(tmp_path, MARIO)
    assert store.load() == [LUIGI, MARIO]


def test_a_file_that_cannot_be_read_stays_where_it_is(tmp_path: Path) -> None:
    keep(tmp_path, MARIO, LUIGI)
    broken = tmp_path / "personas" / f"{'0' * 64}.json"
    broken.mkdir()
    with capture_logs() as logs:
        assert PersonaStore(tmp_path).load() == [LUIGI, MARIO]
    assert [line["event"] for line in logs] == ["persona_unreadable"]
    assert broken.exists()


def test_a_persona_that_is_too_large_is_refused() -> None:
    room = MOST_BYTES - len(encode(LUIGI))
    largest = replace(LUIGI, traits=Traits(system="x" * room))
    assert decode(encode(largest)) == largest
    with pytest.raises(InvalidRequest, match=f"too large: {MOST_BYTES + 1} bytes, at most {MOST_BYTES}"):
        encode(replace(LUIGI, traits=Traits(system="x" * (room + 1))))


def test_calls_of_tools_are_not_kept() -> None:
    call = Message("assistant", (ToolCall("call_1", "look"),))
    with pytest.raises(TypeError, match="ToolCall is not for"):
        encode(replace(LUIGI, traits=Traits(messages=(call,))))
