"""The daemon as a process of its own, and a client of it that costs as little as it can."""

import http.client
import io
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.bare import MODEL, TURN_TIMEOUT, Answer, Message
from bench.children import Failed, limit, python, running, tail
from bench.stage import Stage

_START_TIMEOUT = 60.0
# Seconds to a daemon that listens and whose spares have booted.

_TURNS = 100_000
# Turns of one process: more than any measurement takes, so that none is replaced within it.

_RESTING = {"spare", "clean", "live"}
# States of a process that has nothing to do.

_POLL = 0.02
# Seconds between two looks.

_LAST_CHUNK = b"\r\n0\r\n\r\n"

_TEXT = re.compile(rb'"content":"[^"]')
# A piece of text in a line of the stream.

_SETTLE = 0.1
# Seconds of rest before each measurement.

_START_POLL = 0.002
# The same while a start is measured.


class Daemon:
    """A daemon that listens on `port` of loopback."""

    def __init__(self, child: subprocess.Popen[bytes], port: int, spares: int) -> None:
        self.port = port
        self.pid = child.pid
        self._spares = spares
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=TURN_TIMEOUT)
        self._stream = socket.create_connection(("127.0.0.1", port))
        self._stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._stream.close()

    def until_at_rest(self) -> None:
        """Wait until every process is ready for a request and the spares are there, as the status page tells. Raises
        `Failed`."""
        patience = time.monotonic() + _START_TIMEOUT
        while not self._at_rest():
            if time.monotonic() > patience:
                raise Failed(f"the daemon did not come to rest within {_START_TIMEOUT:g} s")
            time.sleep(_POLL)

    def rest(self) -> None:
        """Wait until it is at rest, and a moment longer, for what a boot or a turn leaves to be done after it."""
        self.until_at_rest()
        time.sleep(_SETTLE)

    def _at_rest(self) -> bool:
        self._client.request("GET", "/", headers={"Accept": "text/html"})
        page = self._client.getresponse().read().decode()
        found = re.search(r"<dt>Processes</dt><dd>([^<]*)</dd><dt>Requests</dt><dd>(\d+) running", page)
        if found is None:
            raise Failed("the status page does not tell the processes")
        states = {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", found[1])}
        return found[2] == "0" and states.get("spare", 0) >= self._spares and not states.keys() - _RESTING

    def version(self) -> str:
        """What /api/version says. Raises `Failed`."""
        with limit(TURN_TIMEOUT, "/api/version"):
            self._client.request("GET", "/api/version")
            found = json.loads(self._client.getresponse().read()).get("version")
        if not isinstance(found, str):
            raise Failed("the daemon does not tell its version")
        return found

    def turn(self, system: str | None, prompt: str) -> Answer:
        """One measured turn of a conversation of its own."""
        messages = [{"role": "system", "content": system}] if system else []
        return self.chat([*messages, {"role": "user", "content": prompt}])

    def chat(self, messages: Sequence[Message]) -> Answer:
        """One measured turn of a conversation that is given whole."""
        return self.ask(json.dumps({"model": MODEL, "messages": list(messages)}).encode())

    def ask(self, body: bytes) -> Answer:
        """One measured turn over /api/chat, streamed, on a connection that is open already."""
        head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with limit(TURN_TIMEOUT, "a turn of the daemon"):
            started = time.perf_counter()
            self._stream.sendall(head.encode() + body)
            data, first_token = b"", 0.0
            while not data.endswith(_LAST_CHUNK):
                data += self._received(data)
                # The end of a stream has an empty text; so has whatever comes before the first one.
                if not first_token and _TEXT.search(data):
                    first_token = time.perf_counter() - started
        response = http.client.HTTPResponse(_Received(data))  # type: ignore[arg-type]
        response.begin()
        messages = [json.loads(line) for line in response.read().splitlines()]
        if not first_token or messages[-1].get("done") is not True:
            raise Failed(f"the daemon did not answer: {response.status} {messages[-1]}")
        return Answer(first_token, "".join(message["message"]["content"] for message in messages))

    def _received(self, before: bytes) -> bytes:
        data = self._stream.recv(1 << 18)
        if not data or not (before + data).startswith(b"HTTP/1.1 200 "):
            raise Failed(f"the daemon did not answer: {(before + data)[:500]!r}")
        return data

    def post(self, path: str, body: bytes) -> tuple[float, bytes]:
        """Send a request and take the answer as fast as it comes: seconds from its first byte to its last; the body."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        seconds, data = exchange(self.port, head.encode() + body)
        response = http.client.HTTPResponse(_Received(data))  # type: ignore[arg-type]
        response.begin()
        return seconds, response.read()


class _Received:
    """Bytes that came, in the shape of a socket, for the standard library's parser."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def exchange(port: int, request: bytes) -> tuple[float, bytes]:
    """Send `request` and read to the end of the connection; the seconds are those from the first byte to the last."""
    chunks: list[bytes] = []
    first = 0.0
    with limit(2 * TURN_TIMEOUT, "a long answer"), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        while chunk := connection.recv(1 << 18):
            first = first or time.perf_counter()
            chunks.append(chunk)
            last = time.perf_counter()
    if not chunks:
        raise Failed("the connection was closed without an answer")
    return last - first, b"".join(chunks)


@contextmanager
def running_daemon(
    stage: Stage, cli: Path, *, spares: int = 1, processes: int = 4, conversations: int = 2
) -> Iterator[Daemon]:
    """A daemon over `cli`, at rest, with room for so many `processes` and, in them, live `conversations`.

    What it has to find out about the CLI it knows already.
    """
    known = stage.state / "probe.json"
    if cli == stage.cli and not known.exists():
        with started_daemon(stage, cli, spares=1, processes=2, conversations=0), limit(_START_TIMEOUT, "the probe"):
            while not known.exists():
                time.sleep(_POLL)
    with started_daemon(stage, cli, spares=spares, processes=processes, conversations=conversations) as daemon:
        daemon.until_at_rest()
        yield daemon


@contextmanager
def started_daemon(stage: Stage, cli: Path, *, spares: int, processes: int, conversations: int) -> Iterator[Daemon]:
    """A daemon over `cli` that listens, and may not have booted anything yet."""
    place = stage.make_folder("daemon")
    log = place / "daemon.log"
    flags = {
        "port": 0,
        "cli": cli,
        "spares": spares,
        "max-processes": processes,
        "max-conversations": conversations,
        "max-turns-per-process": _TURNS,
        "state-folder": stage.state,
        "runtime-folder": place / "run",
        "log-format": "json",
        "probe": "on" if cli == stage.cli else "off",
    }
    argv = python("claude_ollama_server.py", "serve", *(f"--{name}={value}" for name, value in flags.items()))
    with (
        running(argv, environment=stage.environ, log=log) as child,
        closing(Daemon(child, _port(child, log), spares)) as daemon,
    ):
        yield daemon


def _port(child: subprocess.Popen[bytes], log: Path) -> int:
    with limit(_START_TIMEOUT, "starting the daemon"):
        while (found := re.search(rb'"url": ?"http://127\.0\.0\.1:(\d+)"', log.read_bytes())) is None:
            if child.poll() is not None:
                raise Failed(f"the daemon did not start: {tail(log)}")
            time.sleep(_START_POLL)
    return int(found[1])
