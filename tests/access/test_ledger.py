import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from proxy.access.journal import KEPT_DAYS, Journal
from proxy.access.ledger import Ledger
from proxy.access.usage import Usage, Use

DAY = date(2026, 5, 1)
NEXT = DAY + timedelta(days=1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOME = Use(1, 20, 0.5)


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let the lines through, as a daemon does."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    yield
    structlog.configure(**before)


class Wall:
    """The time of day, which a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def opened(folder: Path, now: Callable[[], datetime] = lambda: NOON) -> Ledger:
    ledger = Ledger(Journal(folder), now)
    ledger.load()
    return ledger


def test_uses_add_up_for_each_caller_and_day() -> None:
    usage = Usage()
    for day, caller in ((DAY, "a"), (DAY, "b"), (DAY, "a"), (NEXT, "a")):
        usage.add(day, caller, SOME)
    usage.add(DAY, "b", Use(dollars=-0.25))
    assert usage.of(DAY, "a") == Use(2, 40, 1.0)
    assert usage.callers(DAY) == {"a": Use(2, 40, 1.0), "b": Use(1, 20, 0.25)}
    assert usage.total(DAY) == Use(3, 60, 1.25)
    assert (usage.of(NEXT, "b"), usage.total(NEXT)) == (Use(), SOME)


def test_a_clock_that_is_put_back_finds_the_day_before_and_old_days_go() -> None:
    usage = Usage()
    for days in range(10):
        usage.add(DAY + timedelta(days=days), "a", SOME)
    assert usage.of(DAY + timedelta(days=8), "a") == SOME
    assert usage.of(DAY, "a") == Use()
    usage.add(DAY, "a", SOME)
    assert usage.of(DAY, "a") == SOME


async def test_what_was_used_survives_the_daemon(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    async with ledger.kept():
        ledger.add("a", SOME)
        ledger.add("b", SOME)
        ledger.add("a", SOME)
    again = opened(tmp_path)
    assert again.callers() == {"a": Use(2, 40, 1.0), "b": SOME}


async def test_what_was_used_is_on_disk_before_the_daemon_ends(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    async with ledger.kept():
        ledger.add("a", SOME)
        with anyio.fail_after(10):
            while opened(tmp_path).of("a") != SOME:
                await anyio.lowlevel.checkpoint()


async def test_a_new_day_begins_with_nothing_and_a_file_of_its_own(tmp_path: Path) -> None:
    wall = Wall()
    ledger = opened(tmp_path, wall)
    async with ledger.kept():
        ledger.add("a", SOME)
        wall.now += timedelta(days=1)
        assert ledger.of("a") == Use()
        ledger.add("a", Use(requests=1))
    assert (Journal(tmp_path).read(DAY), Journal(tmp_path).read(NEXT)) == ({"a": SOME}, {"a": Use(requests=1)})


def test_old_days_are_removed_and_other_files_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for back in (0, KEPT_DAYS, KEPT_DAYS + 1, 1000):
        journal.write(DAY - timedelta(days=back), {"a": SOME})
    (tmp_path / "usage" / "notes.jsonl").touch()
    opened(tmp_path)
    left = sorted(path.name for path in (tmp_path / "usage").iterdir())
    assert left == ["2026-03-31.jsonl", "2026-05-01.jsonl", "notes.jsonl"]


@pytest.mark.parametrize(
    "spoiled",
    [
        b'{"key":"a","requests":1,"tok',
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"key":"a"}',
        b'{"key":"a","requests":1,"tokens":1,"dollars":NaN}',
        b'{"requests":1,"tokens":1,"dollars":1}',
        b'{"key":"a","requests":1e999,"tokens":1,"dollars":1}',
    ],
)
def test_a_line_that_was_cut_or_makes_no_sense_spoils_no_other(tmp_path: Path, spoiled: bytes) -> None:
    journal = Journal(tmp_path)
    journal.write(DAY, {"a": SOME})
    with (tmp_path / "usage" / f"{DAY}.jsonl").open("ab") as file:
        file.write(spoiled)
    journal.write(DAY, {"a": SOME})
    assert journal.read(DAY) == {"a": Use(2, 40, 1.0)}


def test_lines_say_nothing_but_ids_and_numbers(tmp_path: Path) -> None:
    Journal(tmp_path).write(DAY, {"key_1": SOME})
    path = tmp_path / "usage" / f"{DAY}.jsonl"
    assert json.loads(path.read_text()) == {"key": "key_1", "requests": 1, "tokens": 20, "dollars": 0.5}
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_disk_that_takes_nothing_is_told_once_and_what_is_used_counts(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    (tmp_path / "usage").touch()  # where the folder should be
    with capture_logs() as lines:
        ledger.add("a", SOME)
        assert not await ledger._write()
        ledger.add("a", SOME)
        assert not await ledger._write()
        assert ledger.of("a") == Use(2, 40, 1.0)
        (tmp_path / "usage").unlink()
        assert await ledger._write()
    assert [line["event"] for line in lines] == ["usage_not_kept", "usage_kept_again"]
    assert opened(tmp_path).of("a") == Use(2, 40, 1.0)


def test_a_journal_that_cannot_be_read_does_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "usage" / f"{DAY}.jsonl").mkdir(parents=True)
    with capture_logs() as lines:
        assert opened(tmp_path).of("a") == Use()
    assert [line["event"] for line in lines] == ["usage_unreadable"]
