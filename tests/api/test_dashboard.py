"""What the running daemon tells of itself: over the whole daemon, as the dashboard asks for it."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.observe.lines import RECENT
from tests.conftest import MakeDaemon
from tests.support.keys import bearer, keep, make_key
from tests.support.running import Running, running_daemon, write_fake_cli

BODY = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "stream": False}

WAIT = 15.0
# Seconds: statuses come all the time, so no reading of them ends by itself.

Event = tuple[str, Any]


def get(running: Running, path: str, headers: dict[str, str] | None = None) -> Any:
    with running.client() as client:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


def chat(running: Running, id: str, path: str = "/api/chat", **fields: Any) -> httpx.Response:
    with running.client() as client:
        return client.post(path, json=BODY | fields, headers={"x-request-id": id})


@contextmanager
def news(running: Running, query: str = "") -> Iterator[Iterator[Event]]:
    """The events of the daemon, as they come."""
    with running.client() as client, client.stream("GET", f"/admin/events{query}") as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[Event]:
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def until(heard: Iterator[Event], name: str, **fields: object) -> Any:
    """The first event of that name which has those fields."""
    deadline = time.monotonic() + WAIT
    for kind, data in heard:
        if kind == name and fields.items() <= data.items():
            return data
        assert time.monotonic() < deadline, f"never {name} {fields}"
    raise AssertionError(f"ended without {name} {fields}")


def test_a_request_is_told_with_its_model_durations_tokens_and_cost(live: Running) -> None:
    chat(live, "told-1", options={"seed": 1})
    live.until_idle()
    told = get(live, "/admin/requests/told-1")
    assert (told["path"], told["dialect"], told["model"], told["status"]) == ("/api/chat", "ollama", "sonnet", 200)
    assert (told["ended"], told["failed"], told["running"]) == ("complete", False, False)
    assert told["unsupported"] == ["seed"]
    assert told["answered_by"].startswith("claude-")
    assert told["dollars"] > 0
    for name in ("prompt_tokens", "output_tokens", "first_token_ms", "seconds"):
        assert told[name] > 0, name
    assert told["contents"] is None
    assert not told["contents_shown"]
    assert get(live, "/admin/requests?limit=1")["requests"][0]["id"] == "told-1"


def test_a_failed_request_is_told_with_whose_fault_it_was(live: Running) -> None:
    chat(live, "told-2", "/v1/chat/completions", model="nothing")
    told = get(live, "/admin/requests/told-2")
    assert (told["status"], told["ended"], told["failed"], told["fault"]) == (404, "model_not_found", True, "client")


def test_the_daemon_is_told_with_its_processes_and_host(live: Running) -> None:
    chat(live, "told-3")
    live.until_idle()
    told = get(live, "/admin/status")
    assert told["ready"]
    assert told["simulated"]
    assert told["limits"]["max_processes"] == live.daemon.settings.max_processes
    assert {process["pid"] for process in told["processes"]} == {
        member.pid for member in live.daemon.pool.members if member.pid is not None
    }
    assert all(process["memory_mb"] > 1 and process["age_seconds"] > 0 for process in told["processes"])
    assert "sonnet" in [loaded["model"] for loaded in told["loaded"]]
    assert told["host"]["ram"]["total_gb"] > 0
    assert told["host"]["gpu"]["available"] in (True, False)


def test_what_is_counted_is_told_over_time_and_by_model_and_dialect(live: Running) -> None:
    before = requests_of(get(live, "/admin/metrics?model=haiku&dialect=anthropic"))
    chat(live, "told-4", "/v1/messages", model="haiku", max_tokens=50)
    told = get(live, "/admin/metrics?range=hour&model=haiku&dialect=anthropic")
    assert requests_of(told) == before + 1
    assert told["step_seconds"] == 10
    assert requests_of(get(live, "/admin/metrics?range=day&model=haiku&dialect=openai")) == 0
    [total] = [each for each in told["totals"] if (each["model"], each["dialect"]) == ("haiku", "anthropic")]
    assert total["output_tokens"] > 0
    assert total["total_ms"]["p50"] > 0


def requests_of(told: dict[str, Any]) -> int:
    return sum(point["requests"] for point in told["points"])


def test_prometheus_is_told_in_its_own_format(live: Running) -> None:
    chat(live, "told-5")
    with live.client() as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'claude_ollama_requests_total{dialect="ollama",model="sonnet"}' in answer.text
    assert "claude_ollama_processes " in answer.text


def test_news_are_heard_as_they_happen_and_while_a_request_runs(live: Running) -> None:
    with news(live) as heard:
        assert until(heard, "status")["ready"]
        chat(live, "news-1")
        assert until(heard, "request", id="news-1")["ended"] == "complete"


def test_whoever_looked_before_hears_what_came_since(live: Running) -> None:
    last = get(live, "/admin/requests")["last"]
    chat(live, "news-2")
    with news(live, f"?requests={last}") as heard:
        assert until(heard, "request")["id"] == "news-2"


def test_lines_of_the_log_are_told_and_heard(live: Running) -> None:
    with news(live) as heard:
        RECENT.take(None, "warning", {"event": "a_line", "level": "warning", "field": 1})
        line = until(heard, "log", event="a_line")
    assert (line["level"], line["fields"]) == ("warning", {"field": 1})
    assert get(live, "/admin/log?limit=1")["lines"] == [line]


def test_who_leaves_is_noticed_and_no_more_may_watch_than_there_is_room_for(fake: Running) -> None:
    def streams() -> int:
        return sum(exchange.path == "/admin/events" for exchange in fake.daemon.observer._open)

    with ExitStack() as stack:
        # Kept: what nobody refers to is closed.
        heard = [stack.enter_context(news(fake)) for _ in range(16)]
        assert [next(each)[0] for each in heard] == ["status"] * 16
        with fake.client() as client:
            refused = client.get("/admin/events")
        assert (refused.status_code, refused.headers["x-should-retry"]) == (503, "true")
        fake.until(lambda: streams() == 16, "one refused, and the others heard")
    fake.until(lambda: streams() == 0, "left alone")
    with news(fake) as again:
        until(again, "status")


def test_a_drain_ends_the_news(make_fake: MakeDaemon) -> None:
    running = make_fake()
    with news(running) as heard:
        until(heard, "status")
        running.server.should_exit = True
        assert until(heard, "end") == {"reason": "the server is shutting down"}
        assert list(heard) == []


@pytest.mark.parametrize(
    "path",
    [
        "/admin/requests?limit=many",
        "/admin/requests?limit=-1",
        "/admin/log?limit=1e3",
        "/admin/metrics?range=year",
        "/admin/events?lines=%00",
    ],
)
def test_a_query_that_makes_no_sense_is_a_clear_error(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.get(path)
    assert answer.status_code == 400
    assert "has to be" in answer.json()["error"]


def test_a_request_that_nobody_remembers_is_not_found(fake: Running) -> None:
    with fake.client() as client:
        answer = client.get("/admin/requests/never-was")
    assert (answer.status_code, answer.json()) == (404, {"error": "no request of that id is remembered"})


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Running]:
    """A daemon that needs keys, and keeps what was said."""
    keep(tmp_path / "state", [make_key("ann"), make_key("root", admin=True)])
    settings = {"state_folder": str(tmp_path / "state"), "keep_contents": "on"}
    with running_daemon(tmp_path, cli=write_fake_cli(tmp_path), settings=settings) as running:
        yield running


def test_what_was_said_is_told_to_an_admin_key_alone(kept: Running) -> None:
    with kept.client() as client:
        assert client.post("/api/chat", json=BODY, headers={**bearer("ann"), "x-request-id": "1"}).status_code == 200
        assert client.get("/admin/requests/1", headers=bearer("ann")).status_code == 403
        assert client.get("/admin/events", headers=bearer("ann")).status_code == 403
    of_admin = get(kept, "/admin/requests/1", bearer("root"))
    assert of_admin["caller"] == "ann"
    assert of_admin["contents"]["messages"] == [{"role": "user", "text": "hello"}]
    assert of_admin["contents"]["text"] == "fake answer"
    at_hand = get(kept, "/admin/requests/1")
    assert (at_hand["caller"], at_hand["contents"], at_hand["contents_shown"]) == ("ann", None, False)


def test_a_client_that_takes_nothing_of_the_news_is_given_up(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"write_timeout": "200ms"})
    host, port = running.url.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.settimeout(WAIT)
        client.connect((host, int(port)))
        client.sendall(b"GET /admin/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert client.recv(1), "from here on whatever is logged is news"
        for _ in range(3000):
            RECENT.take(None, "info", {"event": "flood", "text": "x" * 2000})
        running.until(lambda: not running.daemon.observer._open, "given up")
