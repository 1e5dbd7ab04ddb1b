"""Conversations at once, each answered at the pace of a real model: the first token, and who uses the CPU.

Each conversation asks, reads the whole answer, waits a moment and asks again, so that at any time most of them stream
while some begin. The moments are random, and the same in every run.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from bench.children import Failed, cpu_seconds
from bench.clients import Client, connected, together
from bench.conversation import JsonObject, chat_body
from bench.daemon import Daemon, running_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage

RATE = 50
"""Tokens a second of each answer."""

_WORD = "abc "
# One token for the simulator, and one delta.

_SEED = 9


@dataclass(frozen=True, slots=True)
class Crowd:
    """`turns` that each of so many conversations takes, by how many there are; an answer has `tokens`, and a pause is
    at most `pause` seconds."""

    turns: dict[int, int]
    tokens: int
    pause: float


@dataclass(slots=True)
class _Level:
    """What so many conversations at once came to: milliseconds; seconds of CPU; tokens."""

    first_tokens: Samples = field(default_factory=list)
    tokens: int = 0
    daemon_cpu: float = 0.0
    cli_cpu: float = 0.0


def measure_crowd(stage: Stage, crowd: Crowd) -> Iterator[Row]:
    """The rows of conversations at once."""
    most = max(crowd.turns)
    with running_daemon(stage, stage.cli, processes=most + 2, conversations=most + 1) as daemon:
        levels = asyncio.run(_levels(daemon, crowd))
    one, *more = crowd.turns
    alone = levels[one].first_tokens
    for count in more:
        bound = Bound(2.0) if count == 8 else None
        what = f"first token, p95: {count} conversations at once"
        yield Row(what, "ms", levels[count].first_tokens, "one conversation, p95", alone, bound, worst=True)
    full = levels[most]
    daemon_cost, cli_cost = (1e6 * cpu / full.tokens for cpu in (full.daemon_cpu, full.cli_cpu))
    what = f"daemon's CPU for 1,000 tokens: {most} at {RATE}/s"
    yield Row(what, "ms", [daemon_cost], "the CLI processes' own", [cli_cost], Bound(0.25))


async def _levels(daemon: Daemon, crowd: Crowd) -> dict[int, _Level]:
    chance = random.Random(_SEED)
    levels = {}
    conversations: list[_Conversation] = []
    for count, turns in crowd.turns.items():
        while len(conversations) < count:
            conversations.append(_Conversation(len(conversations), crowd, chance))
            await asyncio.to_thread(daemon.until_at_rest)
            async with connected(daemon.port) as client:
                await conversations[-1].turn(client)  # on a spare, and its boot beside nobody's turn
        await asyncio.to_thread(daemon.until_at_rest)
        levels[count] = await _level(daemon, conversations, turns)
    return levels


async def _level(daemon: Daemon, conversations: list["_Conversation"], turns: int) -> _Level:
    level = _Level()
    clis = {child.pid for child in psutil.Process(daemon.pid).children()}
    own, theirs = cpu_seconds(daemon.pid), sum(map(cpu_seconds, clis))
    await together(*(conversation.turns(daemon.port, turns, level) for conversation in conversations))
    level.daemon_cpu = cpu_seconds(daemon.pid) - own
    if clis != {child.pid for child in psutil.Process(daemon.pid).children()}:
        raise Failed("the daemon started or ended a process beside conversations that were all live")
    level.cli_cpu = sum(map(cpu_seconds, clis)) - theirs
    return level


class _Conversation:
    def __init__(self, number: int, crowd: Crowd, chance: random.Random) -> None:
        self._answer = (_WORD * crowd.tokens).strip()
        self._crowd = crowd
        self._chance = chance
        self._messages: list[JsonObject] = [{"role": "system", "content": f"This is conversation {number}."}]

    async def turns(self, port: int, count: int, level: _Level) -> None:
        """So many turns, each after a pause."""
        async with connected(port) as client:
            for _ in range(count):
                await asyncio.sleep(self._chance.uniform(0, self._crowd.pause))
                level.first_tokens.append(await self.turn(client) * 1000)
                level.tokens += self._crowd.tokens

    async def turn(self, client: Client) -> float:
        """Seconds to the first token of a turn, whose answer comes at its pace."""
        asked = {"role": "user", "content": f'Go on. [simulate: text "{self._answer}" rate={RATE}]'}
        told = await client.ask(chat_body([*self._messages, asked]))
        if told.text != self._answer:
            raise Failed(f"the answer is {told.text!r:.100}, not {self._answer!r:.100}")
        self._messages += [asked, {"role": "assistant", "content": told.text}]
        return told.first_token
