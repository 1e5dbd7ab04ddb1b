"""Processes that wait for the results of calls: what ends them, and that nothing is left of them."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import ask, process_of, spoken, user
from tests.support.children import children, wait_until_none
from tests.support.program import programs
from tests.support.running import Running
from tests.support.tools import TOOLS, Talk, numbered, waiting

THREE = "call get_weather, get_time and find_hotels in Paris"


def live_processes(running: Running) -> int:
    return sum(view.state.value == "live" for view in running.daemon.pool.processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_ends_leaves_no_process_that_waits(tmp_path: Path, number: signal.Signals) -> None:
    with programs(tmp_path) as start:
        program = start("demo", "--port", "0", "--spares", "1", "--simulated-ttft", "0", "--simulated-rate", "10000")
        body: dict[str, Any] = {"model": "sonnet", "stream": False, "tools": TOOLS, "messages": [user(THREE)]}
        with program.client() as client:
            calls = client.post("/api/chat", json=body).json()["message"]["tool_calls"]
        assert len(calls) == 3
        assert children(tmp_path)
        program.send(number)
        assert program.exit_code() == (0 if number == signal.SIGTERM else -number)
        wait_until_none(tmp_path)


def test_a_client_that_goes_away_within_a_call_holds_no_slot(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_processes": "2", "max_conversations": "1"})
    asked = f'[simulate: tool get_time {{"city": "{"long " * 400}"}} text="I look." rate=200]'
    with running.client() as client:
        body = {"model": "sonnet", "messages": [user(asked)], "tools": TOOLS}
        with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
            for line in response.iter_lines():
                if "tool_calls" in line:
                    break
    running.until_idle()
    talk = Talk(running)
    talk.say(THREE)
    assert "fog" in talk.give("fog", "noon", "Ritz").text
    assert numbered(running.last()) == talk.told[:-1]
    assert len(running.sent()) == 3


def test_a_wait_that_is_too_long_ends_and_the_conversation_goes_on(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"result_timeout": "100ms"})
    talk = Talk(running, "ollama")
    talk.say(THREE)
    running.until(lambda: live_processes(running) == 0, "emptied")
    running.until_idle()
    assert waiting(running) == 0
    assert "fog" in talk.give("fog", "noon", "Ritz").text
    assert numbered(running.last()) == talk.told[:-1]


def test_with_keep_alive_0_no_process_waits(fresh: Running) -> None:
    running = fresh
    talk = Talk(running, "ollama", {"keep_alive": 0})
    talk.say(THREE)
    assert (live_processes(running), waiting(running)) == (0, 0)
    talk.give("fog", "noon", "Ritz")
    assert numbered(running.last()) == talk.told[:-1]
    assert live_processes(running) == 0


@pytest.mark.line_by_line
def test_of_too_many_that_wait_the_oldest_goes_first(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_conversations": "1", "spares": "2"})
    talks = []
    for city in ("Oslo", "Bern"):
        talk = Talk(running)
        talk.say(f"call get_time in {city}")
        talks.append((talk, process_of(running.last())))
    running.until_idle()
    assert (live_processes(running), waiting(running)) == (1, 1)
    for talk, process in reversed(talks):
        assert "noon" in talk.give("noon").text
        assert numbered(running.last()) == talk.told[:-1]
        assert talk is talks[0][0] or process_of(running.last()) == process


@pytest.mark.line_by_line
def test_a_process_that_died_while_it_waited_is_replaced(fresh: Running) -> None:
    running = fresh
    asked = user("call get_time in Paris")
    answer = ask(running, [asked], tools=TOOLS).json()["message"]
    running.until_idle()
    [holder] = [child for child in running.daemon.pool._children if child.waits]
    assert holder.session is not None
    holder.session.process.end()
    running.until(lambda: not holder.running, "ended")
    again = ask(running, [asked, answer, {"role": "tool", "content": "noon"}], tools=TOOLS)
    assert "noon" in again.json()["message"]["content"]
    assert [message["role"] for message in spoken(running.last())] == ["user", "assistant", "user"]


@pytest.mark.line_by_line
def test_a_process_that_dies_while_it_is_given_results_is_replaced(fresh: Running) -> None:
    running = fresh
    talk = Talk(running)
    talk.say("call get_time in Paris")
    [holder] = [child for child in running.daemon.pool._children if child.waits]
    assert holder.session is not None
    os.kill(holder.session.process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        given = threads.submit(talk.give, "noon")
        running.until(lambda: holder.state.value == "leased", "given the result")
        os.kill(holder.session.process.pid, signal.SIGKILL)
        assert "noon" in given.result().text
    assert numbered(running.last()) == talk.told[:-1]
