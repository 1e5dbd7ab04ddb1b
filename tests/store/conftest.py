"""Every store, empty."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from pathlib import Path

import pytest

from proxy.core.chats import ChatStore
from proxy.store.on_demand import chats_on_demand
from tests.support.chat_memory import MemoryChats

OpenStore = Callable[[], AbstractAsyncContextManager[ChatStore]]

POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "")
"""URL of a database in which tests may make schemas and drop them; without it there is no test of PostgreSQL."""

KINDS = ("sqlite", "files", "postgresql") if POSTGRESQL else ("sqlite", "files")


@contextmanager
def place_of(kind: str) -> Iterator[str]:
    """An empty store of that kind, as the setting names it."""
    if kind != "postgresql":
        yield kind
        return
    import sqlalchemy

    url = sqlalchemy.make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    schema = f"test_{uuid.uuid4().hex}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        yield f"{POSTGRESQL}{'&' if '?' in POSTGRESQL else '?'}options=-csearch_path%3D{schema}"
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """A store that outlives the process, as the setting names it."""
    with place_of(request.param) as name:
        yield name


@pytest.fixture
def opened(place: str, tmp_path: Path) -> OpenStore:
    """Open the store of `place`, as often as one likes."""
    return lambda: aclosing(chats_on_demand(place, tmp_path))


@pytest.fixture(params=[*KINDS, "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ChatStore]:
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryChats()
        return
    with place_of(request.param) as name:
        async with aclosing(chats_on_demand(name, tmp_path)) as chats:
            yield chats
