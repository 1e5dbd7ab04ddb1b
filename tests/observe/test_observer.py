"""What is seen of requests, from their beginning to their end, and what is kept of it."""

from collections.abc import Mapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.core.contracts import Spent
from proxy.core.events import Usage
from proxy.core.request import Caller
from proxy.core.resources import Gpu, Gpus
from proxy.observe.contents import ContentKeeper
from proxy.observe.exchange import CURRENT, Exchange
from proxy.observe.host import Host
from proxy.observe.lines import LogLines
from proxy.observe.observer import Observer
from proxy.observe.prometheus import exposition
from proxy.observe.resources import Resources

ANSWERED: dict[str, Any] = {
    "model": "sonnet",
    "prompt_tokens": 7,
    "output_tokens": 3,
    "load_ms": 20,
    "first_token_ms": 80,
}


def seen(
    observer: Observer,
    *,
    path: str = "/api/chat",
    method: str = "POST",
    status: int = 200,
    ended: str = "complete",
    **facts: Any,
) -> Exchange:
    """A request that has run its course."""
    exchange = observer.begun("an-id", method, path, facts)
    observer.ended(exchange, status=status, ended=ended, seconds=1.5)
    return exchange


def test_a_request_that_asks_a_model_is_counted_and_remembered() -> None:
    observer = Observer()
    exchange = seen(observer, **ANSWERED)
    tally = observer.metrics.tallies["sonnet", "ollama"]
    assert (tally.requests, tally.prompt_tokens, tally.output_tokens) == (1, 7, 3)
    assert (tally.first_token.count, tally.total.count, dict(tally.errors)) == (1, 1, {})
    assert tally.first_token.seconds == pytest.approx(0.1)
    assert observer.requests.newest(9) == [exchange]
    assert observer.find("an-id") is exchange


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"status": 503, "ended": "busy"}, "busy"),
        ({"status": 200, "ended": "upstream_failed"}, "upstream_failed"),
        ({"status": 200, "ended": "stalled"}, "stalled"),
        ({"status": 404}, "status_404"),
        ({"status": 200, "ended": "disconnected"}, ""),
        ({"status": 200}, ""),
    ],
    ids=str,
)
def test_what_went_wrong_is_counted_by_its_kind_and_has_no_latency(fields: dict[str, Any], error: str) -> None:
    observer = Observer()
    seen(observer, **fields, **ANSWERED)
    tally = observer.metrics.tallies["sonnet", "ollama"]
    assert dict(tally.errors) == ({error: 1} if error else {})
    assert tally.first_token.count == (0 if error else 1)


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/api/tags", 200, False),
        ("GET", "/static/style.css", 304, False),
        ("GET", "/nothing", 404, True),
        ("POST", "/api/show", 200, True),
        ("GET", "/admin/status", 200, False),
        ("GET", "/admin/requests/1", 404, False),
    ],
)
def test_who_only_looks_is_no_news(method: str, path: str, status: int, told: bool) -> None:
    observer = Observer()
    seen(observer, method=method, path=path, status=status)
    assert bool(observer.requests.newest(1)) is told
    assert sum(observer.metrics.answers.values()) == 1


def test_what_runs_is_told_with_what_is_known_of_it_so_far() -> None:
    observer = Observer()
    facts: dict[str, Any] = {}
    exchange = observer.begun("1", "POST", "/v1/messages", facts)
    facts["model"] = "opus"
    assert [(each.id, each.model, each.dialect) for each in observer.open] == [("1", "opus", "anthropic")]
    observer.ended(exchange, status=200, ended="complete", seconds=0.1)
    assert list(observer.open) == []


async def test_what_is_spent_is_noted_with_the_request_of_the_task_even_after_its_end() -> None:
    observer = Observer()
    heard: list[tuple[Caller, Spent]] = []
    on_spent = observer.counting(lambda caller, spent: heard.append((caller, spent)))
    ended = anyio.Event()

    async def settle() -> None:
        await ended.wait()
        on_spent(Caller("ann"), Spent(dollars=0.5))

    async with anyio.create_task_group() as tasks:

        async def request(id: str, dollars: float) -> Exchange:
            exchange = observer.begun(id, "POST", "/api/chat", {"model": "sonnet"})
            on_spent(Caller("ann"), Spent(Usage(), dollars))
            tasks.start_soon(settle)
            observer.ended(exchange, status=200, ended="complete", seconds=1.0)
            return exchange

        first = await request("1", 1.0)
        second = await request("2", 2.0)
        ended.set()
    assert (first.dollars, second.dollars) == (1.5, 2.5)
    assert observer.metrics.tallies["sonnet", "ollama"].dollars == 4.0
    assert len(heard) == 4


async def test_what_no_request_has_spent_is_heard_all_the_same() -> None:
    CURRENT.set(None)
    heard: list[Spent] = []
    Observer().counting(lambda _caller, spent: heard.append(spent))(Caller(), Spent(dollars=1.0))
    assert heard == [Spent(dollars=1.0)]


def test_long_words_of_a_request_are_cut_when_it_is_remembered() -> None:
    exchange = seen(Observer(), path="/x" * 9000, status=404, error="y" * 9000)
    assert len(exchange.path) <= 200
    assert len(exchange.facts["error"]) <= 2001


async def test_the_host_is_read_once_however_many_look() -> None:
    reads: list[int] = []

    def read() -> Gpus:
        reads.append(1)
        return Gpus((Gpu(0, "A", 512, 1024, 30.0),))

    host = Host(Resources(read, age=0))
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(host.look)
    levels = await host.levels()
    assert len(reads) == 1
    assert (levels["gpu0_percent"], levels["gpu0_memory_percent"]) == (30, 50)
    assert 0 < levels["ram_percent"] <= 100


async def test_a_reading_that_fails_costs_the_chart_and_nothing_else() -> None:
    read_at = anyio.Event()

    class Broken(Host):
        async def levels(self) -> Mapping[str, float]:
            read_at.set()
            raise OSError("no such machine")

    observer = Observer(Broken())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(observer.watch, lambda: {"running": 3.0})
        with anyio.fail_after(5):
            await read_at.wait()
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert observer.metrics.hour.now().levels == {"running": 3}


def test_the_log_is_kept_without_what_was_said() -> None:
    lines = LogLines()
    for event in ("request", "prompt", "answer", "drained"):
        assert lines.take(None, "info", {"event": event, "level": "info", "n": 1, "o": object()})["event"] == event
    kept = lines.ring.newest(9)
    assert [line.event for line in kept] == ["drained", "request"]
    assert kept[0].fields["n"] == 1
    assert "object" in str(kept[0].fields["o"])


def test_a_line_of_a_crash_has_its_traceback_cut() -> None:
    lines = LogLines()
    try:
        int("x" * 5000)
    except ValueError:
        lines.take(None, "error", {"event": "crashed", "exc_info": True})
    [line] = lines.ring.newest(1)
    assert "Traceback" in str(line.fields["exception"])
    assert len(str(line.fields["exception"])) <= 2001


def test_contents_are_kept_of_the_newest_requests_within_their_room() -> None:
    observer, keeper = Observer(), ContentKeeper(room=200_000)
    exchanges = []
    for index in range(9):
        exchanges.append(observer.begun(str(index), "POST", "/api/chat", {}))
        keeper.prompt("m", [{"role": "user", "text": "q" * 40_000}])
        keeper.answer("m", "a" * 10_000, [])
    kept = [exchange.contents is not None for exchange in exchanges]
    assert kept == [False] * 6 + [True] * 3


def test_of_a_long_prompt_the_end_is_kept_and_it_is_said_that_there_was_more() -> None:
    observer, keeper = Observer(), ContentKeeper()
    exchange = observer.begun("1", "POST", "/api/chat", {})
    keeper.prompt("m", [{"role": "user", "text": f"{index}" * 1000} for index in range(200)])
    keeper.answer("m", "b" * 10**6, [{"name": "find", "arguments": {"a": "c" * 10**6}}] * 50)
    contents = exchange.contents
    assert contents is not None
    assert contents.cut
    assert str(contents.messages[-1]["text"]).startswith("199")
    assert contents.size < 4 * 65536
    assert len(contents.text) == 65536


def test_nothing_is_kept_of_what_no_request_has_said() -> None:
    CURRENT.set(None)
    keeper = ContentKeeper()
    keeper.prompt("m", [])
    keeper.answer("m", "text", [])


def test_prometheus_reads_what_was_counted() -> None:
    observer = Observer()
    seen(observer, **ANSWERED)
    seen(observer, status=503, ended="busy", model='so"nn\\et\n')
    text = exposition(observer.metrics, {"running": 2}).decode()
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    label = (("dialect", "ollama"), ("model", "sonnet"))
    assert samples["claude_ollama_running", ()] == 2
    assert samples["claude_ollama_requests_total", label] == 1
    assert samples["claude_ollama_output_tokens_total", label] == 3
    assert samples["claude_ollama_request_seconds_count", label] == 1
    assert samples["claude_ollama_first_token_seconds_sum", label] == pytest.approx(0.1)
    broken = (("dialect", "ollama"), ("kind", "busy"), ("model", 'so"nn\\et\n'))
    assert samples["claude_ollama_errors_total", broken] == 1
