"""What root makes with sudo belongs to whoever the state folder belongs to: the daemon has to use it."""

import os
from contextlib import aclosing
from pathlib import Path

import pytest

from proxy.store.on_demand import chats_on_demand
from tests.support.chats import ANN, asked, keep, make_chat

SOMEBODY = 65_534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
@pytest.mark.parametrize("kind", ["sqlite", "files"])
async def test_whatever_root_makes_is_handed_over(tmp_path: Path, kind: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, SOMEBODY, SOMEBODY)
    async with aclosing(chats_on_demand(kind, state)) as store:
        await keep(store, make_chat(ANN, "a", asked("hello")), make_chat(ANN, "b", asked("hello")))
        made = sorted(state.rglob("*"))
        assert len(made) >= 3
        assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(SOMEBODY, SOMEBODY)}
