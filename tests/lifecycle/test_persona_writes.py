"""Models of one's own, when the daemon is killed while it writes them: each is whole, or not there."""

import itertools
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.program import Program, Start, programs
from tests.support.running import WAIT, write_fake_cli

NAMES = ("mario", "luigi", "Team/Peach:v2")
LISTED = ("mario:latest", "luigi:latest", "Team/Peach:v2")
KILLS = 3


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder that every daemon of a test keeps its models in."""
    return tmp_path / "state"


@pytest.fixture
def serve(tmp_path: Path, state: Path) -> Iterator[Start]:
    """Start a daemon over the fake CLI."""
    cli = write_fake_cli(tmp_path)
    with programs(tmp_path, environ={"ANTHROPIC_API_KEY": "sk-ant-none"}) as start:
        yield lambda: start("serve", "--port", "0", "--cli", cli, "--spares", "0", "--state-folder", state)


class Maker(threading.Thread):
    """Makes one version after the other of every model, until nobody answers; `kept` is the last that was answered."""

    def __init__(self, url: str, first: int) -> None:
        super().__init__(name="maker", daemon=True)
        self._url = url
        self._first = first
        self.kept: dict[str, int] = {}
        self.asked = first

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=WAIT, trust_env=False, verify=False) as client:
            for number in itertools.count(self._first):
                self.asked = number
                for name in NAMES:
                    try:
                        answer = client.post("/api/create", json=version(name, number))
                    except httpx.TransportError:
                        return
                    assert answer.json() == {"status": "success"}
                    self.kept[name] = number


def version(name: str, number: int) -> dict[str, Any]:
    """A body of /api/create, large enough that its writing takes a while, with its number in everything."""
    return {
        "model": name,
        "from": "sonnet",
        "stream": False,
        "system": f"{number} " * 50_000,
        "parameters": {"version": number},
        "messages": [{"role": "user", "content": f"{number}"}],
        "template": f"{number}",
    }


def shown(client: httpx.Client, name: str) -> int:
    """The number of the version that a model is; fails for one that is made of two."""
    answer = client.post("/api/show", json={"model": name}).json()
    number = int(answer["template"])
    wanted = version(name, number)
    assert answer["system"] == wanted["system"]
    assert answer["messages"] == wanted["messages"]
    assert f"{'version':<30} {number}" in answer["parameters"].split("\n")
    return number


def listed(client: httpx.Client) -> list[str]:
    """The names of the models that are nobody else's."""
    names = [model["name"] for model in client.get("/api/tags").json()["models"]]
    return sorted(name for name in names if name in LISTED)


def kill_in_a_write(program: Program, state: Path, maker: Maker) -> None:
    """Kill the daemon as soon as there is a file beside those of the models, once every model is there."""
    deadline = time.monotonic() + WAIT
    folder = state / "personas"
    before = set(folder.glob("*"))
    while len(maker.kept) < len(NAMES) or not writing(folder, before):
        assert time.monotonic() < deadline, f"nothing was written: {program.said}"
        assert maker.is_alive(), program.said
    program.process.kill()
    assert program.exit_code() == -signal.SIGKILL
    maker.join(WAIT)
    assert not maker.is_alive()


def writing(folder: Path, before: set[Path]) -> bool:
    return any(path.suffix != ".json" and path not in before for path in folder.glob("*"))


def says(client: httpx.Client, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": False}
    return client.post("/api/chat", json=body).status_code


def make(client: httpx.Client, *names: str) -> None:
    for name in names:
        assert client.post("/api/create", json=version(name, 1)).json() == {"status": "success"}


def test_a_daemon_that_is_killed_in_a_write_leaves_every_model_as_one_of_its_versions(
    serve: Start, state: Path
) -> None:
    kept: dict[str, int] = {}
    asked = 0
    for _ in range(KILLS):
        program = serve()
        with program.client() as client:
            assert listed(client) == sorted(LISTED if kept else ())
            for name, number in kept.items():
                assert shown(client, name) in range(number, asked + 1), name
        maker = Maker(program.url, asked + 1)
        maker.start()
        kill_in_a_write(program, state, maker)
        kept, asked = maker.kept, maker.asked
    last = serve()
    with last.client() as client:
        assert listed(client) == sorted(LISTED)
        for name, number in kept.items():
            assert shown(client, name) in range(number, asked + 1), name
            assert says(client, name) == 200
        make(client, *NAMES)
        assert [shown(client, name) for name in NAMES] == [1] * len(NAMES)
    assert not last.logged("persona_set_aside")


def test_files_that_were_cut_short_are_set_aside_and_the_others_work(serve: Start, state: Path) -> None:
    cuts = {"mario": 0, "luigi": 1000}
    first = serve()
    with first.client() as client:
        make(client, *NAMES)
    first.process.kill()
    assert first.exit_code() == -signal.SIGKILL
    files = {json.loads(path.read_bytes())["name"]: path for path in (state / "personas").glob("*.json")}
    for name, left in cuts.items():
        files[name].write_bytes(files[name].read_bytes()[:left])

    second = serve()
    with second.client() as client:
        assert listed(client) == ["Team/Peach:v2"]
        assert says(client, "team/peach:V2") == 200
        for name, left in cuts.items():
            aside = files[name].with_suffix(".corrupt")
            assert second.logged("persona_set_aside", file=str(aside))
            missing = client.post("/api/show", json={"model": name})
            assert (missing.status_code, missing.json()) == (404, {"error": f"model '{name}:latest' not found"})
            make(client, name)
            assert (shown(client, name), aside.stat().st_size) == (1, left)
    second.send(signal.SIGTERM)
    assert second.exit_code() == 0

    with serve().client() as client:
        assert listed(client) == sorted(LISTED)
