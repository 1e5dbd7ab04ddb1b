from collections.abc import Sequence

import anyio
import pytest

from proxy.backends.ollama import roster as rosters
from proxy.backends.ollama.client import Client
from proxy.backends.ollama.listings import Found
from proxy.backends.ollama.roster import Roster
from tests.support.fake_ollama import CAPABILITIES, FakeOllama
from tests.support.running import WAIT


class Heard:
    """What a roster has told."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []
        self.told = anyio.Event()

    def __call__(self, models: Sequence[Found]) -> None:
        self.lists.append([model.name for model in models])
        self.told.set()


async def test_models_are_told_once_and_again_only_when_they_change(
    client: Client, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "_LEAST_PAUSE", 0.0)
    heard = Heard()
    roster = Roster(client, heard)
    assert await roster.look_again()
    assert not await roster.look_again()
    fake.capabilities["new:latest"] = ["completion"]
    assert await roster.look_again()
    del fake.capabilities["new:latest"]
    assert await roster.look_again()
    assert heard.lists == [[*CAPABILITIES], [*CAPABILITIES, "new:latest"], [*CAPABILITIES]]
    assert [path for path, _ in fake.asked].count("/api/show") == len(CAPABILITIES) + 1


async def test_however_many_unknown_names_are_asked_for_the_server_is_asked_once(
    client: Client, fake: FakeOllama
) -> None:
    roster = Roster(client, Heard())
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(roster.look_again)
    assert [path for path, _ in fake.asked].count("/api/tags") == 1


async def test_what_the_server_last_had_stays_known(
    client: Client, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "_LEAST_PAUSE", 0.0)
    heard = Heard()
    roster = Roster(client, heard)
    await roster.look_again()
    fake.broken = True
    assert not await roster.look_again()
    assert len(heard.lists) == 1


async def test_a_server_that_comes_later_is_found_in_the_background(
    client: Client, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "_FIRST_PAUSE", 0.01)
    fake.broken = True
    heard = Heard()
    roster = Roster(client, heard)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(roster.run)
        assert not await roster.look_again()
        fake.broken = False
        with anyio.fail_after(WAIT):
            await heard.told.wait()
        tasks.cancel_scope.cancel()
    assert heard.lists == [[*CAPABILITIES]]


async def test_nobody_waits_for_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosters, "_PATIENCE", 0.01)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as silent:
        port = silent.extra(anyio.abc.SocketAttribute.local_port)
        async with Client(f"http://127.0.0.1:{port}") as client:
            with anyio.fail_after(WAIT):
                assert not await Roster(client, Heard()).look_again()


async def test_a_model_that_cannot_be_shown_is_there_all_the_same(client: Client, fake: FakeOllama) -> None:
    fake.capabilities = {"old:latest": None}
    models: list[Found] = []
    await Roster(client, models.extend).look_again()
    assert "tools" in models[0].capabilities
