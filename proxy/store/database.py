"""A database: opened and migrated, its transactions, its errors in plain words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from proxy.core.errors import Busy, ServerError
from proxy.store.ownership import make_file, make_folder

Result = TypeVar("Result")

NEWEST = "0001"
"""The last of the steps in ``migrations``."""

_PATIENCE = 30.0
# Seconds for which a transaction of SQLite waits for that of another process.

_CONNECTIONS = 5
# As many as there are threads in a store.

_STEPS = Path(__file__).parent / "migrations"


class Database:
    """A database that is up to date. Everything blocks. Every `ServerError` names the database, and no password."""

    def __init__(self, url: URL, patience: float = _PATIENCE) -> None:
        self._lite = url.get_backend_name() == "sqlite"
        self._name = str(url.database) if self._lite else url.render_as_string(hide_password=True)
        with self._told_plainly():
            engine = _sqlite(url, patience) if self._lite else create_engine(url, pool_size=_CONNECTIONS)
            self._writer = engine.execution_options(writes=True)
            # Both tables have to be of one moment. SQLite has nothing less.
            self._reader = engine if self._lite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._migrate()

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment."""
        with self._told_plainly(), self._reader.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` returns, whose changes are on disk then; none of them is when it raises."""
        with self._told_plainly():
            try:
                with self._writer.begin() as connection:
                    return work(connection)
            except IntegrityError:
                # Somebody else added the same chat, where a database has several writers: now it is there.
                with self._writer.begin() as connection:
                    return work(connection)

    def _migrate(self) -> None:
        with self.reading() as connection:
            if _step(connection) == NEWEST:
                return
        from alembic import command  # it takes a while, and is needed once
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))

        def upgrade(connection: Connection) -> None:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise ServerError(
                    f"the database {self._name} is a newer version's: it is at step {_step(connection)}, "
                    f"and this version knows {NEWEST}"
                ) from None

        self.write(upgrade)

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if self._lite and "locked" in str(error.orig):
                raise Busy(f"the database {self._name} is being written to by another process") from None
            raise self._plain(error) from None
        except (SQLAlchemyError, OSError) as error:
            raise self._plain(error) from None

    def _plain(self, error: SQLAlchemyError | OSError) -> ServerError:
        cause: object = error.orig if isinstance(error, DBAPIError) else error
        words = error.strerror if isinstance(error, OSError) else str(cause).partition("\n")[0]
        return ServerError(f"the database {self._name} cannot be used: {words or error}")


def _step(connection: Connection) -> str | None:
    """The step that a database is at, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _sqlite(url: URL, patience: float) -> Engine:
    """SQLite, in a file that is its owner's alone; those beside it get the same mode."""
    path = Path(str(url.database))
    make_folder(path.parent)
    make_file(path)
    engine = create_engine(url, pool_size=_CONNECTIONS, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # What Python's driver begins by itself would be too little, and too late.
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and then writes could not wait for another writer.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
