"""The tables: each step leads to the next, and the last one to what the code reads and writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Constraint, Table

import proxy.store.migrations
from proxy.core.errors import ServerError
from proxy.store.database import NEWEST, Database
from proxy.store.tables import METADATA

STEPS = Path(proxy.store.migrations.__file__).parent


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return URL.create("sqlite", database=str(tmp_path / "100% new" / "chats.sqlite3"))


def test_the_steps_are_numbered_without_a_gap_and_the_last_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(STEPS))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps[::-1] == [f"{number:04}" for number in range(1, len(steps) + 1)]
    assert steps[0] == NEWEST
    assert all((STEPS / "versions").glob(f"v{step}_*.py") for step in steps)


def test_the_last_step_leads_to_the_tables_that_the_code_knows(url: URL) -> None:
    database = Database(url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_a_step_names_every_constraint_as_the_tables_do(url: URL) -> None:
    Database(url).close()
    with closing(sqlite3.connect(str(url.database))) as connection:
        made = "".join(text for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'"))
    names = [str(constraint.name) for table in METADATA.tables.values() for constraint in constraints(table)]
    assert len(names) == 5
    assert [name for name in names if name not in made] == []


def constraints(table: Table) -> set[Constraint]:
    return table.constraints.union(*(column.constraints for column in table.columns))


def test_a_database_that_is_up_to_date_is_opened_without_alembic(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(url).close()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_given: pytest.fail("it was migrated again"))
    Database(url).close()


def test_a_database_of_a_newer_version_is_left_alone(url: URL) -> None:
    Database(url).close()
    with closing(sqlite3.connect(str(url.database))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = Path(str(url.database)).read_bytes()
    with pytest.raises(ServerError, match=r"is a newer version's: it is at step 9999, and this version knows 0001"):
        Database(url)
    assert Path(str(url.database)).read_bytes() == before


def test_a_step_that_fails_leaves_nothing(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    upgrade = command.upgrade

    def interrupted(config: Config, to: str) -> None:
        upgrade(config, to)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "upgrade", interrupted)
    with pytest.raises(ServerError, match="No space left"):
        Database(url)
    with closing(sqlite3.connect(str(url.database))) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    monkeypatch.undo()
    Database(url).close()
