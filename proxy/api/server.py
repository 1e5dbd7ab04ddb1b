"""uvicorn with our signals and a drain.

uvicorn ends connections first and lifespans after, and re-raises the signal that stopped it. Here the first signal
drains, with running answers left to finish for a while, a second one stops at once, and the exit code is ours.
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.api.departure import ABORT
from proxy.api.protocol import Bounds, Protocol
from proxy.api.tls import Certificate

log = structlog.get_logger()

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the daemon: by hand, by a service manager, by closing its terminal; without one SIGHUP is a reload."""

Drain = Callable[[], Awaitable[None]]

_CLOSE_TIMEOUT = 2
# Seconds that connections get to close after the drain, so that a stalled client cannot hold the exit.

_BACKLOG = 128
# Connections that wait to be taken.

_TAKEN_AT_ONCE = 1
# Without descriptors asyncio tries for each connection of its backlog, and comes back later for each one that failed.

_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 1.5
# Seconds after which asyncio listens again, with the backlog that it knows.

_KEEP_ALIVE = 15
# Seconds of silence after which the kernel asks, four times, whether the other side of a connection is still there.


class Server(uvicorn.Server):
    """Serves `app` within `bounds` until a signal; `drain` runs after the last accepted connection, before the running
    ones end.

    With `on_hangup` SIGHUP does that, instead of ending it. With a `certificate` it speaks TLS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        drain: Drain,
        on_started: Callable[[], None],
        bounds: Bounds,
        on_hangup: Callable[[], None] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        given = bounds

        class Bounded(Protocol):
            bounds = given

        super().__init__(
            uvicorn.Config(
                self._with_abort(app),
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                # Who the client is, the connection says: its abort is looked for by that.
                proxy_headers=False,
                date_header=True,
                http=Bounded,
                ws="none",
                loop="asyncio",
                backlog=_TAKEN_AT_ONCE,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_CLOSE_TIMEOUT,
                ssl_certfile=certificate.certificate if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
            )
        )
        self._drain = drain
        self._on_started = on_started
        self._on_hangup = on_hangup
        self._draining: asyncio.Task[None] | None = None
        self._listeners: list[socket.socket] = []

    def _with_abort(self, app: ASGIApp) -> ASGIApp:
        """Gives each request the means to drop its connection, which an ASGI application lacks."""

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            scope[ABORT] = lambda: self._abort(scope["client"])
            await app(scope, receive, send)

        return with_abort

    def _abort(self, client: tuple[str, int]) -> None:
        for connection in self.server_state.connections:
            if isinstance(connection, Protocol) and connection.client == client:
                connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._on_loop_error)
        await super().startup(sockets)
        self._listeners = sockets or []
        self._listen()
        self._on_started()

    def _listen(self) -> None:
        for listener in self._listeners:
            if listener.fileno() >= 0:
                listener.listen(_BACKLOG)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "socket" in context and isinstance(error, OSError) and error.errno in _NO_MORE:
            log.error("connection_not_taken", error=error.strerror, connections=len(self.server_state.connections))
            loop.call_later(_PAUSE, self._listen)
        else:
            loop.default_exception_handler(context)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # They stay when the server has ended: a signal must not kill us while the processes are ended.
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            # Not in the main thread: whoever runs us sets should_exit.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                if number is signal.SIGHUP and self._on_hangup is not None:
                    loop.add_signal_handler(number, self._on_hangup)
                else:
                    loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, another one stops at once."""
        if self.should_exit:
            self.force_exit = True
            if self._draining is not None:
                self._draining.cancel()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._listeners = []
        for listener in self.servers:
            listener.close()
        if not self.force_exit:
            self._draining = asyncio.ensure_future(self._drain_all())
            with contextlib.suppress(asyncio.CancelledError):
                await self._draining
        await super().shutdown(sockets)

    async def _drain_all(self) -> None:
        await self._drain()


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket; who connects waits until it is served. Raises OSError, with `errno` telling why."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        _keep_alive(listener)
        listener.bind(address)
        listener.listen()  # bound alone, two daemons could have the same port
    except OSError:
        listener.close()
        raise
    return listener


def _keep_alive(listener: socket.socket) -> None:
    """Have connections whose other side has vanished without a word end as if it had hung up."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", _KEEP_ALIVE), ("TCP_KEEPINTVL", _KEEP_ALIVE), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):  # not everywhere
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
