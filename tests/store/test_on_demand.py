"""A store is opened when it is first used, once, and not before."""

import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from proxy.store.files import FileChats
from proxy.store.on_demand import ChatsOnDemand, OpenStore, StoreUnusable, chats_on_demand
from tests.support.chats import ANN, everything, ids
from tests.support.program import ROOT


async def test_nothing_is_made_before_the_first_use(tmp_path: Path) -> None:
    for kind in ("sqlite", "files"):
        async with aclosing(chats_on_demand(kind, tmp_path / "state")):
            assert not (tmp_path / "state").exists()


async def test_many_who_come_first_open_it_once(tmp_path: Path) -> None:
    opened: list[str] = []

    def open_store() -> OpenStore:
        opened.append("open")
        return FileChats.open(tmp_path)

    store = ChatsOnDemand(open_store)
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(ids, store, ANN)
    assert await everything(store) == []
    assert opened == ["open"]
    await store.aclose()


@pytest.mark.parametrize("name", ["mysql://host/chats", "memory", ""])
async def test_a_store_that_there_is_not_is_told_of_before_anything_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreUnusable, match="chats cannot be kept like that: sqlite, files, sqlite:///PATH or postgr"):
        async with aclosing(chats_on_demand(name, tmp_path)):
            pass


async def test_a_driver_that_is_not_installed_is_told_of_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.store.on_demand.find_spec", lambda _name: None)
    with pytest.raises(
        StoreUnusable, match=r"chats in PostgreSQL need its driver, which is not installed: `pip install"
    ):
        async with aclosing(chats_on_demand("postgresql://ann:geheim@host/chats", tmp_path)):
            pass


def test_the_program_starts_without_what_databases_pages_and_other_servers_need() -> None:
    late = {"sqlalchemy", "alembic", "sqlite3", "markdown_it", "nh3", "httpx2", "prometheus_client"}
    code = f"import sys, claude_ollama_server; print({late} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
