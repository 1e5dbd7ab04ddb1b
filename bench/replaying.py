"""A conversation that no process holds: 36 tools and a hundred turns, told within the request, on a spare."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.bare import booted_cli
from bench.children import Failed
from bench.conversation import JsonObject, chat_body, history, tools
from bench.daemon import Daemon, running_daemon
from bench.pairs import Pair
from bench.report import Bound, Row
from bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Replays:
    """How often a conversation of so many `turns` is told."""

    turns: int
    times: int


def measure_replaying(stage: Stage, replays: Replays) -> Iterator[Row]:
    """The row of replaying."""
    times = Pair()
    exchanges = history(replays.turns)
    with running_daemon(stage, stage.cli) as daemon:
        for number in range(replays.times):
            system = {"role": "system", "content": f"This is conversation {number}."}
            _replay(stage, daemon, [system, *exchanges, {"role": "user", "content": "Say exactly ok"}], times)
    yield times.row(f"{replays.turns} turns and 36 tools, replayed", "bare script, the same", Bound(1.3))


def _replay(stage: Stage, daemon: Daemon, messages: list[JsonObject], times: Pair) -> None:
    body = chat_body(messages, tools=tools())
    with booted_cli(stage) as cli:
        daemon.rest()
        mine = daemon.ask(body)
        daemon.rest()
        bare = cli.replay(body)
    if mine.text != "ok":
        raise Failed(f"the answer is {mine.text!r:.100}, not 'ok'")
    times.note(mine, bare)
