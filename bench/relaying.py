"""Relaying: one long answer from the fake CLI, through the daemon and through a bare loop, by turns."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import orjson

from bench.bare import MODEL
from bench.children import ROOT, Failed, cpu_seconds, limit, python, running, tail
from bench.daemon import Daemon, exchange, running_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage
from proxy.backends.claude_cli.codec import encode_user

_START_TIMEOUT = 30.0
# Seconds that the loop gets to start.

_LOOP = "bare loop"

_PAUSE = 0.002
# Seconds between two deltas that are written alone.


@dataclass(frozen=True, slots=True)
class Load:
    """`deltas` of the long answer, and how often; `alone`: how many are written one at a time, and how often."""

    deltas: int
    runs: int
    alone: int
    runs_alone: int


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one answer took: its deltas, the seconds from first to last byte, and the relay's own CPU."""

    deltas: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Deltas a second."""
        return self.deltas / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU a delta."""
        return self.cpu / self.deltas * 1e6


@dataclass(slots=True)
class _Column:
    """What one relay did, in the order of its runs."""

    rates: Samples = field(default_factory=list)
    costs: Samples = field(default_factory=list)

    def note(self, relayed: Relayed) -> None:
        self.rates.append(relayed.rate)
        self.costs.append(relayed.cost)


def measure_relaying(stage: Stage, load: Load) -> Iterator[Row]:
    """The rows of relaying."""
    cli = write_emitter(stage.folder)
    ndjson, sse, loop = _Column(), _Column(), _Column()
    alone, alone_loop = _Column(), _Column()
    many, paced = f"[fake: many {load.deltas}]", f"[fake: paced {load.alone} {_PAUSE}]"
    with running_daemon(stage, cli) as daemon, running_loop(stage, cli) as bare:
        for _ in range(load.runs):
            ndjson.note(by_daemon(daemon, "/api/chat", _ndjson_texts, many, load.deltas))
            loop.note(bare(many, load.deltas))
            sse.note(by_daemon(daemon, "/v1/chat/completions", _sse_texts, many, load.deltas))
        for _ in range(load.runs_alone):
            alone.note(by_daemon(daemon, "/api/chat", _ndjson_texts, paced, load.alone))
            alone_loop.note(bare(paced, load.alone))
    for what, column in (("NDJSON", ndjson), ("SSE", sse)):
        half = Bound(0.5, least=True)
        yield Row(f"relaying to {what}", "deltas/s", column.rates, _LOOP, loop.rates, half, True, paired=True)
    for what, column in (("NDJSON", ndjson), ("SSE", sse)):
        yield Row(f"daemon's CPU: relaying to {what}", "us/delta", column.costs, _LOOP, loop.costs, paired=True)
    what = "daemon's CPU: deltas that come alone"
    yield Row(what, "us/delta", alone.costs, _LOOP, alone_loop.costs, paired=True)


def write_emitter(folder: Path) -> Path:
    """The emitter as an executable file."""
    program = folder / "claude"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -S -m bench.emitter "$@"\n')
    program.chmod(0o755)
    return program


Texts = Callable[[bytes], list[str]]


def by_daemon(daemon: Daemon, path: str, texts: Texts, prompt: str, deltas: int) -> Relayed:
    """The answer to `prompt` through the daemon."""
    daemon.until_at_rest()
    request = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    before = cpu_seconds(daemon.pid)
    seconds, body = daemon.post(path, json.dumps(request).encode())
    used = cpu_seconds(daemon.pid) - before
    _check(texts(body), deltas)
    return Relayed(deltas, seconds, used)


def _ndjson_texts(body: bytes) -> list[str]:
    return [orjson.loads(line)["message"]["content"] for line in body.splitlines()]


def _sse_texts(body: bytes) -> list[str]:
    chunks = [orjson.loads(line.removeprefix(b"data: ")) for line in body.split(b"\n\n")[:-2]]
    return [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]


def _check(texts: list[str], deltas: int) -> None:
    said = [text for text in texts if text]
    if said != [f"word{number} " for number in range(deltas)]:
        raise Failed(f"{len(said)} deltas came, not the {deltas} that were sent: … {said[-3:]}")


@contextmanager
def running_loop(stage: Stage, cli: Path) -> Iterator[Callable[[str, int], Relayed]]:
    """The bare loop as a process of its own; call it as the daemon."""
    log = stage.make_folder("loop") / "stderr.log"
    with running(python("-m", "bench.loop", str(cli)), environment=stage.environ, log=log) as child:
        port = _port(child, log)

        def relay(prompt: str, deltas: int) -> Relayed:
            line = encode_user(str(uuid4()), [{"type": "text", "text": prompt}], ask=True)
            before = cpu_seconds(child.pid)
            seconds, body = exchange(port, line)
            used = cpu_seconds(child.pid) - before
            _check(_ndjson_texts(body), deltas)
            return Relayed(deltas, seconds, used)

        yield relay


def _port(child: subprocess.Popen[bytes], log: Path) -> int:
    assert child.stdout is not None
    with limit(_START_TIMEOUT, "starting the bare loop"):
        line = child.stdout.readline()
    if not line:
        raise Failed(f"the bare loop did not start: {tail(log)}")
    return int(line)
