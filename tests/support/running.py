"""A whole daemon in a thread, over the real CLI or the fake one, as tests use it.

The daemon has an event loop of its own there, so that tests may use the official clients' plain synchronous calls.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from config import load
from proxy.api.server import Server, open_socket
from proxy.app import Daemon, open_daemon
from proxy.backends.claude_cli.locate import bundled_program
from proxy.simulator.app import Simulator
from proxy.simulator.recorder import RecordedRequest
from proxy.simulator.server import serve_simulator

Value = TypeVar("Value")

WAIT = 30.0
"""Seconds that anything may take before a test fails. No test relies on its being shorter."""

PATIENT = {"reuse_patience": "30s"}
"""However busy the machine is, which process a request gets is then no matter of time."""

DEFAULTS: dict[str, object] = dict(PATIENT)
"""Flags of every daemon that does not say otherwise."""

FAKE_CLI = Path(__file__).with_name("fake_cli.py")


@dataclass
class Running:
    """A daemon that listens at `url`, the `simulator` behind it, and the folder that holds all it writes."""

    url: str
    daemon: Daemon
    simulator: Simulator
    folder: Path
    loop: asyncio.AbstractEventLoop
    server: Server

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run `work` on the daemon's loop."""
        future: Future[Value] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(WAIT)

    def client(self) -> httpx.Client:
        """A plain HTTP client of the daemon."""
        # To load the certificates of all the world takes longer than most requests.
        return httpx.Client(base_url=self.url, timeout=WAIT, trust_env=False, verify=False)

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until `reached` is true on the daemon's loop; fails with `what` when it never is."""

        async def wait() -> None:
            deadline = time.monotonic() + WAIT
            while not reached():
                assert time.monotonic() < deadline, f"never {what}: {self.daemon.pool!r}"
                await asyncio.sleep(0.005)

        self.run(wait())

    def until_idle(self) -> None:
        """Wait until no turn runs, every process is at rest and the spares are there."""
        pool, wanted = self.daemon.pool, self.daemon.settings.spares

        def at_rest() -> bool:
            states = [view.state.value for view in pool.processes]
            resting = all(state in ("spare", "clean", "live") for state in states)
            return self.daemon.engine.running == 0 and pool.waiting == 0 and resting and states.count("spare") >= wanted

        self.until(at_rest, "idle")

    def sent(self) -> list[RecordedRequest]:
        """What reached the Messages API, oldest first."""
        return list(self.simulator.recorder.requests)

    def last(self) -> dict[str, Any]:
        """The body of the last request that reached the Messages API."""
        return self.sent()[-1].body


@contextmanager
def running_daemon(
    folder: Path,
    *,
    cli: Path | None = None,
    settings: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A daemon that writes beneath `folder` only. Without `cli` it is the real one, against the simulator.

    `settings` are flags by name; `environ` replaces or adds to what the CLI gets, None as a value is not possible.
    """
    ready: Future[Running] = Future()
    home = folder / "user"
    home.mkdir(parents=True, exist_ok=True)
    flags = {
        "cli": str(cli or bundled_program()),
        "port": "0",
        "spares": "0",
        "probe": "off",
        **DEFAULTS,
        **(settings or {}),
    }
    loaded = load(
        flags,
        {
            "HOME": str(home),
            "CLAUDE_OLLAMA_RUNTIME_FOLDER": str(folder / "run"),
            "CLAUDE_OLLAMA_STATE_FOLDER": str(folder / "state"),
        },
    )

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            simulator = await stack.enter_async_context(serve_simulator())
            given = clean_environment(home, simulator.url) | dict(environ or {})
            listener = open_socket("127.0.0.1", loaded.port)
            stack.callback(listener.close)
            daemon = await stack.enter_async_context(open_daemon(loaded, given, simulated=True))
            daemon.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            loop = asyncio.get_running_loop()

            def started() -> None:
                ready.set_result(Running(daemon.url, daemon, simulator, folder, loop, server))

            server = Server(daemon.application(), drain=daemon.drain, on_started=started, bounds=daemon.bounds)
            await server.serve(sockets=[listener])

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run, name="daemon")
    thread.start()
    try:
        yield ready.result(WAIT)
    finally:
        if ready.exception() is None:
            ready.result().server.should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive(), "the daemon did not stop"


def clean_environment(home: Path, upstream: str) -> dict[str, str]:
    """What the CLI may see: nothing of the machine's logins, and no way out but the simulator."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ANTHROPIC_BASE_URL": upstream,
        "ANTHROPIC_API_KEY": "simulated",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }


def write_fake_cli(folder: Path) -> Path:
    """The fake CLI as an executable file."""
    program = folder / "claude"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{FAKE_CLI}" "$@"\n')
    program.chmod(0o755)
    return program
