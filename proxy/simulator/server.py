"""The simulator on a loopback port, in this event loop."""

import logging
import socket
from types import TracebackType
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from proxy.simulator.app import Simulator
from proxy.simulator.cache import MINIMUM_TOKENS
from proxy.simulator.pace import Pace

HOST = "127.0.0.1"
BACKLOG = 1024
# Closing takes a few turns of the loop; longer means that something is stuck.
CLOSE_SECONDS = 5.0


class _QuietProtocol(HttpToolsProtocol):
    """uvicorn logs every response that ends early as an error; here that is a feature."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("proxy.simulator.server")
        self.logger.setLevel(logging.CRITICAL + 1)


class serve_simulator:  # noqa: N801  (used as a function: async with serve_simulator() as simulator)
    """Serve a simulator on loopback for the length of an `async with`; `port` 0 takes a free one.

    It may be left in another task than it was entered in, as test fixtures do, so it holds no task group. Leaving
    drops every open connection.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        ttft: float = 0.0,
        rate: float = 0.0,
        cache_minimum: int = MINIMUM_TOKENS,
        binds_thinking: bool = True,
    ) -> None:
        self._port = port
        self._simulator = Simulator(pace=Pace(ttft, rate), cache_minimum=cache_minimum, binds_thinking=binds_thinking)
        config = Config(
            self._simulator,
            http=_QuietProtocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            backlog=BACKLOG,
        )
        config.load()
        self._server = Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def __aenter__(self) -> Simulator:
        """Start listening."""
        # asyncio turns Nagle's delays off only where the socket names its protocol.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self._port))
        except OSError:
            listener.close()
            raise
        # Without uvicorn's own loop, which ticks every 0.1 s only to ask whether to stop.
        await self._server.startup(sockets=[listener])
        self._simulator.url = f"http://{HOST}:{listener.getsockname()[1]}"
        return self._simulator

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening and drop every connection; the answers that still play end by that."""
        for listener in self._server.servers:
            listener.close()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            while self._server.server_state.connections:
                for connection in list(self._server.server_state.connections):
                    connection.transport.abort()
                await checkpoint()
            await self._simulator.recorder.wait_until_open(0)
            # uvicorn's own tasks end one turn later.
            while self._server.server_state.tasks:
                await checkpoint()
