"""A conversation that no process holds: 36 tools and a hundred turns, told within the request, on a spare."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.bare import booted_cli
from bench.children import Failed
from bench.conversation import JsonObject, chat_body, history, tools
from bench.daemon import Daemon, running_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage

_SETTLE = 0.1
# Seconds of rest before each measurement.


@dataclass(frozen=True, slots=True)
class Replays:
    """How often a conversation of so many `turns` is told."""

    turns: int
    times: int


@dataclass(slots=True)
class _Times:
    mine: Samples = field(default_factory=list)
    bare: Samples = field(default_factory=list)


def measure_replaying(stage: Stage, replays: Replays) -> Iterator[Row]:
    """The row of replaying."""
    times = _Times()
    exchanges = history(replays.turns)
    with running_daemon(stage, stage.cli) as daemon:
        for number in range(replays.times):
            system = {"role": "system", "content": f"This is conversation {number}."}
            _replay(stage, daemon, [system, *exchanges, {"role": "user", "content": "Say exactly ok"}], times)
    what = f"first token: {replays.turns} turns and 36 tools, replayed"
    yield Row(what, "ms", times.mine, "bare script, the same", times.bare, Bound(1.3), paired=True)


def _replay(stage: Stage, daemon: Daemon, messages: list[JsonObject], times: _Times) -> None:
    body = chat_body(messages, tools=tools())
    with booted_cli(stage) as cli:
        daemon.until_at_rest()
        time.sleep(_SETTLE)
        mine = daemon.ask(body)
        daemon.until_at_rest()
        time.sleep(_SETTLE)
        bare = cli.replay(body)
    if not mine.text == bare.text == "ok":
        raise Failed(f"the answers are {mine.text!r:.100} and {bare.text!r:.100}, not 'ok'")
    times.mine.append(mine.first_token * 1000)
    times.bare.append(bare.first_token * 1000)
