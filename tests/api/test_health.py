"""Whether the daemon is alive, and able to answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from proxy.backends.claude_cli.account import Account
from tests.conftest import MakeDaemon
from tests.support.running import Running


def ready(running: Running) -> tuple[int, dict[str, str]]:
    """The status of ``/readyz``, and what it says is missing."""
    with running.client() as client:
        answer = client.get("/readyz")
    value = answer.json()
    assert value["server"] == "claude-ollama-server"
    assert value["ready"] is (answer.status_code == 200)
    return answer.status_code, value["missing"]


def body(prompt: str) -> dict[str, Any]:
    return {"model": "sonnet", "messages": [{"role": "user", "content": prompt}]}


def test_a_daemon_with_a_spare_is_alive_and_ready(fake: Running) -> None:
    with fake.client() as client:
        alive = client.get("/healthz")
    assert (alive.status_code, alive.json()) == (200, {"server": "claude-ollama-server", "alive": True})
    assert alive.headers["cache-control"] == "no-store"
    assert ready(fake) == (200, {})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_head_is_the_same_without_a_body(fake: Running, path: str) -> None:
    with fake.client() as client:
        whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


def test_it_is_not_ready_while_every_process_is_taken(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_processes": "2", "spares": "1"})
    with running.client() as client, ThreadPoolExecutor() as pool:
        answers = [pool.submit(client.post, "/api/chat", json=body("[fake: slow 0.1]")) for _ in range(2)]
        running.until(lambda: "2 leased" in running.daemon.pool.summary, "both taken")
        assert ready(running) == (503, {"process": "every Claude CLI process is taken"})
        assert {answer.result().status_code for answer in answers} == {200}
    running.until(lambda: running.daemon.pool.available, "free again")
    assert ready(running) == (200, {})


def test_it_is_not_ready_while_it_drains_but_alive(make_fake: MakeDaemon) -> None:
    running = make_fake()
    running.until(running.daemon.discovered.is_set, "told who is logged in")
    running.until_idle()
    with running.client() as client:
        assert client.get("/readyz").status_code == 200
        running.run(running.daemon.engine.drain(0))
        answer = client.get("/readyz")
        assert client.get("/healthz").status_code == 200
    assert (answer.status_code, answer.json()["missing"]) == (503, {"drain": "the server is shutting down"})


def test_it_is_not_ready_before_the_first_process_has_said_who_is_logged_in(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"pass_environment": "FAKE_*"}, environ={"FAKE_BOOT": "hang"})
    assert ready(running) == (503, {"process": "the first Claude CLI process is not there yet"})


def test_it_is_not_ready_without_a_login(make_fake: MakeDaemon) -> None:
    running = make_fake()
    running.until(running.daemon.discovered.is_set, "told who is logged in")

    running.daemon.account = Account(logged_in=False, source="", models=())
    status, missing = ready(running)
    assert (status, list(missing)) == (503, ["login"])
    assert "claude setup-token" in missing["login"]


def test_a_lower_limit_of_processes_is_kept_without_cutting_an_answer(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_processes": "4", "spares": "3"})
    running.until_idle()
    with running.client() as client, ThreadPoolExecutor() as pool:
        answer = pool.submit(client.post, "/api/chat", json=body("[fake: slow 0.05]"))
        running.until(lambda: "1 leased" in running.daemon.pool.summary, "leased")
        fewer = running.daemon.settings.model_copy(update={"max_processes": 2, "spares": 1, "max_conversations": 1})

        async def reload() -> None:
            running.daemon.reload(fewer)

        running.run(reload())
        assert answer.result().status_code == 200
    running.until(lambda: len(running.daemon.pool.processes) <= 2, "fewer")
    running.until_idle()
    assert running.daemon.settings.max_processes == 2


def test_what_a_process_is_started_with_has_the_idle_ones_replaced(make_fake: MakeDaemon) -> None:
    running = make_fake()
    running.until_idle()
    before = list(running.daemon.pool.processes)

    async def reload() -> None:
        running.daemon.reload(running.daemon.settings.model_copy(update={"cli_retries": 5}))

    running.run(reload())
    running.until_idle()
    assert running.daemon.launcher.settings.retries == 5
    assert not {view.since for view in before} & {view.since for view in running.daemon.pool.processes}
