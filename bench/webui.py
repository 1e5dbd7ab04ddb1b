"""Open WebUI's first message: the chat and its title at once, then follow-ups and tags together.

Beside it the chat alone, and the CPU time of four CLIs that are started for these calls.
"""

import asyncio
import resource
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.bare import answer_from_new_cli
from bench.children import Failed, tree_cpu_seconds
from bench.clients import Told, connected, together
from bench.conversation import FOLLOW_UPS, TAGS, TITLE, first_message, task
from bench.daemon import Daemon, running_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage

_CALLS = 4


@dataclass(frozen=True, slots=True)
class Visits:
    """How many first messages, and how many chats alone."""

    times: int


@dataclass(slots=True)
class _Times:
    alone: Samples = field(default_factory=list)
    chat: Samples = field(default_factory=list)
    cpu: Samples = field(default_factory=list)
    boots: Samples = field(default_factory=list)


def measure_webui(stage: Stage, visits: Visits) -> Iterator[Row]:
    """The rows of Open WebUI's first message."""
    times = _Times()
    with running_daemon(stage, stage.cli, spares=2, processes=8, conversations=4) as daemon:
        _visit(daemon, "How is the first visit?")
        for number in range(visits.times):
            times.alone.append(_alone(daemon, f"What is alone about {number}?") * 1000)
            first_token, cpu = _visit(daemon, f"What is new about {number}?")
            times.chat.append(first_token * 1000)
            times.cpu.append(cpu)
            times.boots.append(_boots(stage))
    what = "Open WebUI's first message"
    yield Row(f"first token: {what}", "ms", times.chat, "one chat alone", times.alone, Bound(1.5))
    yield Row(f"CPU, all processes: {what}", "s", times.cpu, "four CLIs started", times.boots, Bound(0.5))


def _alone(daemon: Daemon, text: str) -> float:
    async def ask() -> Told:
        async with connected(daemon.port) as client:
            return await client.ask(first_message(text))

    daemon.rest()
    return asyncio.run(ask()).first_token


def _visit(daemon: Daemon, text: str) -> tuple[float, float]:
    """The chat's first token, and the CPU seconds of everything that the four calls made run, new spares included."""

    async def ask() -> float:
        async with connected(daemon.port) as one, connected(daemon.port) as other:
            chat, title = await together(one.ask(first_message(text)), other.ask(task(text, "", TITLE)))
            follow_ups, tags = await together(
                one.ask(task(text, chat.text, FOLLOW_UPS)), other.ask(task(text, chat.text, TAGS))
            )
        for told, name in ((title, "title"), (follow_ups, "follow_ups"), (tags, "tags")):
            if f'"{name}"' not in told.text:
                raise Failed(f"asked for {name}, the daemon answers {told.text!r:.100}")
        return chat.first_token

    daemon.rest()
    before = tree_cpu_seconds(daemon.pid)
    first_token = asyncio.run(ask())
    daemon.rest()
    return first_token, tree_cpu_seconds(daemon.pid) - before


def _boots(stage: Stage) -> float:
    before = _ended_children()
    for number in range(_CALLS):
        answer_from_new_cli(stage, "You are a helpful assistant.", f"What is new about {number}?")
    return _ended_children() - before


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
