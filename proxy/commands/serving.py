"""A daemon served until a signal: its service manager hears how it is, SIGHUP has it read its settings again."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import structlog
from anyio import to_thread

from config import ConfigError, Settings
from proxy.api.server import Server
from proxy.api.tls import Certificate
from proxy.app import Daemon
from proxy.observe.notify import Notifier

log = structlog.get_logger()

Reread = Callable[[], Settings]
"""Reads the settings again, from where they came. Raises `ConfigError`."""

_READY_PATIENCE = 30.0
# Seconds that a service manager is let wait for the first CLI process: without one the daemon answers too, if only
# with errors that say why.

_STOP_MARGIN = 10.0
# Seconds that the end takes at most beside the drain and the stop ladder of the processes: connections, folders.


def catch_hangup() -> asyncio.Event | None:
    """What each SIGHUP sets from now on, for a reload; None where it is to stop the daemon.

    It is where the daemon was started on a terminal: there it is the news that the terminal has been closed.
    """
    if any(os.isatty(descriptor) for descriptor in (0, 2)):
        return None
    hung_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
    return hung_up


@dataclass(frozen=True, slots=True)
class Serving:
    """A daemon, the manager that it serves under, and where its settings come from; `hung_up` asks for a reload.

    With a `certificate` it speaks TLS.
    """

    daemon: Daemon
    notifier: Notifier
    reread: Reread
    hung_up: asyncio.Event | None
    certificate: Certificate | None = None

    async def run(self, listener: socket.socket, announce: Callable[[], None]) -> None:
        """Serve on `listener` until a signal; `announce` is called once it does."""

        def started() -> None:
            announce()
            # What was made for the start stays for ever: no collection beside a stream has to look through it.
            gc.collect()
            gc.freeze()
            tasks.start_soon(self._tell_when_ready)
            if self.hung_up is not None:
                tasks.start_soon(self._reload_when_asked, self.hung_up)

        on_hangup = self.hung_up.set if self.hung_up is not None else None
        server = Server(
            self.daemon.application(),
            drain=self._drain,
            on_started=started,
            bounds=self.daemon.bounds,
            on_hangup=on_hangup,
            certificate=self.certificate,
        )
        async with anyio.create_task_group() as tasks:
            await server.serve(sockets=[listener])
            tasks.cancel_scope.cancel()

    async def _tell_when_ready(self) -> None:
        """Ready is it when its first process has booted, or failed to."""
        with anyio.move_on_after(_READY_PATIENCE):
            await self.daemon.discovered.wait()
        self.notifier.keep_up(self._in_a_line)
        self.notifier.ready()

    def _in_a_line(self) -> str:
        missing = self.daemon.missing()
        return f"cannot answer: {next(iter(missing.values()))}" if missing else f"answers on {self.daemon.url}"

    async def _reload_when_asked(self, asked: asyncio.Event) -> None:
        while True:
            await asked.wait()
            asked.clear()
            if self.daemon.engine.draining:
                return
            self.notifier.reloading()
            await self._reload()
            self.notifier.ready()

    async def _reload(self) -> None:
        try:
            # A file may hang, as one on another machine's disk does.
            self.daemon.reload(await to_thread.run_sync(self.reread, abandon_on_cancel=True))
        except ConfigError as error:
            for line in str(error).splitlines():
                log.error("settings_refused", error=line)
            log.error("not_reloaded", meaning="the settings stay as they were")
        except Exception:
            # A fault of ours: it must cost this reload, and not the daemon.
            log.exception("reload_crashed")

    async def _drain(self) -> None:
        now = self.daemon.settings
        ladder = now.stop_eof_timeout + now.stop_term_timeout + now.stop_kill_timeout
        self.notifier.stopping(now.drain_timeout + ladder + _STOP_MARGIN)
        await self.daemon.drain()
