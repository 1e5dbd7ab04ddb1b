"""`keep_alive`: which models /api/ps shows, and when their conversations are let go."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ollama
import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import ask, chat, converse, process_of, user
from tests.support.running import Running


def loaded(running: Running) -> dict[str, datetime]:
    """The models in /api/ps, and when they go."""
    client = ollama.Client(running.url, trust_env=False)
    try:
        return {str(model.model): model.expires_at for model in client.ps().models if model.expires_at}
    finally:
        client._client.close()


def live_processes(running: Running) -> int:
    return sum(view.state.value == "live" for view in running.daemon.pool.processes)


def generate(running: Running, **fields: Any) -> dict[str, Any]:
    with running.client() as client:
        response = client.post("/api/generate", json={"model": "sonnet", "stream": False, **fields})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def left(running: Running, model: str = "sonnet:latest") -> timedelta:
    expires = loaded(running)[model]
    return expires - datetime.now(expires.tzinfo)


def test_a_model_is_loaded_by_its_first_request_and_shown_with_its_end(fresh: Running) -> None:
    running = fresh
    assert loaded(running) == {}
    chat(running, [user("hello")])
    assert timedelta(minutes=4) < left(running) <= timedelta(minutes=5)
    chat(running, [user("hello")], "haiku", keep_alive="1h")
    assert list(loaded(running)) == ["haiku:latest", "sonnet:latest"]
    # The value of a request stays with the model.
    chat(running, [user("hello")], "haiku")
    assert timedelta(minutes=59) < left(running, "haiku:latest") <= timedelta(hours=1)
    chat(running, [user("hello")], keep_alive=-1)
    assert loaded(running)["sonnet:latest"].year > 2300


@pytest.mark.line_by_line
@pytest.mark.parametrize("keep_alive", [0, "0", "0s"])
def test_an_answer_with_keep_alive_0_leaves_nothing_behind(fresh: Running, keep_alive: int | str) -> None:
    running = fresh
    talk = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    assert live_processes(running) == 1
    chat(running, [*talk, user("go on")], keep_alive=keep_alive)
    running.until_idle()
    assert loaded(running) == {}
    assert live_processes(running) == 0


def test_loading_and_unloading_cost_nothing(fresh: Running) -> None:
    running = fresh
    answer = generate(running, prompt="", keep_alive="10m")
    assert (answer["done"], answer["done_reason"], answer["response"]) == (True, "load", "")
    assert timedelta(minutes=9) < left(running) <= timedelta(minutes=10)
    talk = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    answer = generate(running, prompt="", keep_alive=0)
    assert answer["done_reason"] == "unload"
    running.until_idle()
    assert loaded(running) == {}
    assert live_processes(running) == 0
    assert len(running.sent()) == 2
    assert "Ann" in chat(running, [*talk, user("what is my name?")])


def test_unloading_a_model_that_answers_waits_for_its_answer(fresh: Running) -> None:
    running = fresh
    talk = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    with running.client() as client:
        body = {"model": "sonnet", "messages": [*talk, user("[simulate: words 300 rate=2000]")]}
        with client.stream("POST", "/api/chat", json=body) as response:
            lines = response.iter_lines()
            next(lines)
            assert generate(running, prompt="", keep_alive=0)["done_reason"] == "unload"
            assert '"done_reason":"stop"' in list(lines)[-1]
    running.until_idle()
    assert loaded(running) == {}
    assert live_processes(running) == 0


@pytest.mark.line_by_line
def test_conversations_go_when_the_time_of_their_model_is_over(fresh: Running) -> None:
    running = fresh
    converse(running, ["my name is Ann", "echo: two"], "haiku", keep_alive=-1)
    converse(running, ["my name is Bob", "echo: two"], keep_alive="20ms")
    running.until(lambda: live_processes(running) == 1, "one conversation alone")
    running.until_idle()
    assert list(loaded(running)) == ["haiku:latest"]


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"keep_alive": "2h"}, lambda stay: timedelta(hours=1) < stay <= timedelta(hours=2)),
        ({"keep_alive": "-1"}, lambda stay: stay > timedelta(days=36500)),
    ],
)
def test_the_operator_sets_how_long_models_stay(
    make_daemon: MakeDaemon, settings: dict[str, str], check: Callable[[timedelta], bool]
) -> None:
    running = make_daemon(settings=settings)
    chat(running, [user("hello")])
    assert check(left(running))


def test_without_live_conversations_every_turn_is_replayed(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_conversations": "0"})
    talk = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    assert live_processes(running) == 0
    assert "Ann" in chat(running, [*talk, user("what is my name?")])


@pytest.mark.line_by_line
def test_a_conversation_whose_process_died_is_replayed(fresh: Running) -> None:
    running = fresh
    talk = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    [holder] = [child for child in running.daemon.pool._children if child.state.value == "live"]
    assert holder.session is not None
    holder.session.process.end()
    running.until(lambda: not holder.running, "ended")
    answer = ask(running, [*talk, user("what is my name?")]).json()
    assert "Ann" in answer["message"]["content"]
    assert process_of(running.last()) != process_of(running.sent()[0].body)
