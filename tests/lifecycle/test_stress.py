"""Turns over the real CLI, half of them cut, hung, refused, limited or abandoned."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from tests.conftest import MakeDaemon
from tests.support.levels import measure
from tests.support.running import Running

TURNS = 60
AT_ONCE = 8
SEED = 20261121

GOOD = ("echo: {}", "count to 5 for {}", "[simulate: words 30] {}")
BAD = (
    "[simulate: cut after=2] {}",
    "[simulate: cut after=0 times=1] {}",
    "[simulate: hang] {}",
    "[simulate: hang after=2] {}",
    "[simulate: refusal] {}",
    "[simulate: max_tokens] {}",
    "[simulate: status=429] {}",
    "[simulate: status=529] {}",
    "[simulate: status=400] {}",
    "[simulate: error after=3] {}",
)


@dataclass(frozen=True)
class Plan:
    """One turn: what is asked, whether it is streamed, and after how many lines the client goes away."""

    prompt: str
    stream: bool
    leaves_after: int | None


def make_plans() -> list[Plan]:
    chance = random.Random(SEED)
    plans = []
    for number in range(TURNS):
        kind = chance.random()
        if kind < 0.5:
            prompt, leaves = chance.choice(GOOD), None
        elif kind < 0.8:
            prompt, leaves = chance.choice(BAD), None
        else:
            prompt, leaves = chance.choice(GOOD + BAD), chance.choice((0, 1, 3))
        plans.append(Plan(prompt.format(f"turn-{number}"), chance.random() < 0.7, leaves))
    return plans


def one_turn(running: Running, plan: Plan) -> str:
    """Run a turn; returns how it ended for the client: its status, ``left``, ``error`` or ``done``."""
    body = {"model": "sonnet", "stream": plan.stream, "messages": [{"role": "user", "content": plan.prompt}]}
    with running.client() as client:
        try:
            patience = 0.05 if plan.leaves_after == 0 else 30.0
            with client.stream("POST", "/api/chat", json=body, timeout=patience) as answer:
                lines = []
                for line in answer.iter_lines():
                    lines.append(json.loads(line))
                    if plan.leaves_after is not None and len(lines) >= plan.leaves_after:
                        return "left"
        except httpx.TimeoutException:
            return "left"
    if answer.status_code != 200:
        assert set(lines[-1]) == {"error"}
        return str(answer.status_code)
    return "error" if "error" in lines[-1] else "done" if lines[-1]["done"] else "cut"


def test_after_turns_of_every_kind_all_is_as_before(make_daemon: MakeDaemon) -> None:
    running = make_daemon(
        settings={
            "spares": "2",
            "max_processes": "6",
            "first_event_timeout": "8s",
            "idle_timeout": "3s",
            "cli_retries": "1",
            "idle_process_timeout": "1s",
            "keep_alive": "1s",
        }
    )

    def at_rest() -> bool:
        states = [view.state.value for view in running.daemon.pool.processes]
        return states == ["spare", "spare"] and running.daemon.engine.running == 0

    running.until(at_rest, "at rest")
    before = measure(running)
    plans = make_plans()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        ends = list(threads.map(lambda plan: one_turn(running, plan), plans))
    running.until(at_rest, "at rest again")
    running.until(lambda: running.simulator.recorder.open_requests == 0, "let go upstream")
    running.until(lambda: not running.server.server_state.connections, "let go by the clients")
    after = measure(running)
    assert (after.processes, after.tasks) == (before.processes, before.tasks)
    assert after.descriptors <= before.descriptors

    for plan, end in zip(plans, ends, strict=True):
        if (plan.leaves_after is None and not plan.prompt.startswith("[simulate")) or "words" in plan.prompt:
            assert end in ("done", "left"), plan
    assert {"done", "left", "error", "504", "429", "529", "400"} <= set(ends)
    assert "cut" not in ends
