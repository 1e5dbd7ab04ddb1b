"""The daemon in a process of its own: it says where it listens, then, for each line it is sent, what it holds."""

import asyncio
import ctypes
import gc
import json
import logging
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import structlog

from config import load
from proxy.api.server import Server, open_socket
from proxy.app import Daemon, open_daemon
from tests.support.children import children
from tests.support.running import clean_environment

REST, PAUSE = 90.0, 0.05
"""Seconds that the daemon gets to come to rest, and between two looks."""

SETTINGS = {
    "port": "0",
    "spares": "2",
    "max_processes": "8",
    "probe": "off",
    "keep_alive": "0",
    "idle_process_timeout": "1s",
    "interrupt_timeout": "500ms",
    "stop_term_timeout": "300ms",
    "idle_timeout": "3s",
    "cli_retries": "1",
}


async def serve(folder: Path, cli: str, upstream: str, first_event: str) -> None:
    """Run the daemon until stdin ends."""
    home = folder / "user"
    home.mkdir(parents=True)
    flags = {**SETTINGS, "cli": cli, "first_event_timeout": first_event}
    settings = load(flags, {"HOME": str(home), "CLAUDE_OLLAMA_RUNTIME_FOLDER": str(folder / "run")})
    async with AsyncExitStack() as stack:
        listener = open_socket("127.0.0.1", settings.port)
        stack.callback(listener.close)
        daemon = await stack.enter_async_context(
            open_daemon(settings, clean_environment(home, upstream), simulated=True)
        )
        port = listener.getsockname()[1]
        server: Server

        def started() -> None:
            loop.add_reader(sys.stdin, asked)
            print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)

        def asked() -> None:
            if sys.stdin.readline():
                measuring.append(asyncio.ensure_future(tell(daemon, server, folder)))
            else:
                loop.remove_reader(sys.stdin)
                server.should_exit = True

        loop = asyncio.get_running_loop()
        measuring: list[asyncio.Future[None]] = []
        server = Server(daemon.application(), drain=daemon.drain, on_started=started, bounds=daemon.bounds)
        await server.serve(sockets=[listener])


async def tell(daemon: Daemon, server: Server, folder: Path) -> None:
    """Print what is held once the daemon is at rest, or what keeps it from that."""

    def at_rest() -> bool:
        states = [view.state.value for view in daemon.pool.processes]
        return states == ["spare", "spare"] and not daemon.engine.running and not server.server_state.connections

    for _ in range(round(REST / PAUSE)):
        if at_rest():
            break
        await asyncio.sleep(PAUSE)
    await asyncio.sleep(0.5)  # the pool has looked for the last time
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    held = {
        "rest": at_rest(),
        "state": repr(daemon.pool),
        "processes": len(children(folder)),
        "descriptors": psutil.Process().num_fds(),
        "tasks": len(asyncio.all_tasks()),
        "memory": psutil.Process().memory_info().rss,
    }
    print(json.dumps(held), flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()
    asyncio.run(serve(Path(sys.argv[1]), *sys.argv[2:5]))
