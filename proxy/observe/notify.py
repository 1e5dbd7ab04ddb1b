"""What the service manager hears of the daemon: systemd's notification protocol, datagrams on a socket of its own.

Nobody waits for the manager: what it cannot take at once is lost, and its going away stops nothing.
"""

import asyncio
import contextlib
import math
import os
import socket
import time
from collections.abc import Callable, Mapping

SOCKET = "NOTIFY_SOCKET"
WATCHDOG = "WATCHDOG_USEC"
WATCHDOG_PID = "WATCHDOG_PID"
"""The variables of the protocol."""

_STATUS_INTERVAL = 10.0
# Seconds between two looks at the status, where no watchdog asks for more of them.

_LONGEST_STATUS = 1000
# Characters: it is one line for people.


class Notifier:
    """Tells the manager that listens on `address`, a path or an abstract ``@name``; with an empty one there is none.

    `watchdog` is within how many seconds the manager must hear that the event loop runs, infinite for never.
    """

    def __init__(self, address: str = "", watchdog: float = math.inf) -> None:
        self._socket: socket.socket | None = None
        self.watchdog = watchdog
        self._interval = min(_STATUS_INTERVAL, watchdog / 2)
        self._said = ""
        self._timer: asyncio.TimerHandle | None = None
        if address.startswith(("/", "@")):
            self._open(address)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Notifier":
        """The one that the environment of a service asks for."""
        try:
            watchdog = int(environ.get(WATCHDOG, "")) / 1e6
        except ValueError:
            watchdog = math.inf
        meant = environ.get(WATCHDOG_PID, "") in ("", str(os.getpid()))
        return cls(environ.get(SOCKET, ""), watchdog if meant and watchdog > 0 else math.inf)

    def ready(self) -> None:
        """It serves, or it serves again after a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """It reads its settings again; `ready` follows."""
        # The manager compares this with its own clock, to tell the notice of one reload from that of another.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, within: float) -> None:
        """It ends, `within` so many seconds: the manager waits as long, beyond its own patience too."""
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={round(within * 1e6)}")

    def status(self, text: str) -> None:
        """How it is, in a line for people; said again only when it has changed."""
        line = " ".join(text.split())[:_LONGEST_STATUS]
        if line != self._said:
            self._said = line
            self._send(f"STATUS={line}")

    def keep_up(self, status: Callable[[], str]) -> None:
        """From now on say that the event loop runs, as often as the watchdog needs it, and the status as it changes."""
        if self._socket is None:
            return
        if self.watchdog < math.inf:
            self._send("WATCHDOG=1")
        self.status(status())
        self._timer = asyncio.get_running_loop().call_later(self._interval, self.keep_up, status)

    def close(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self, address: str) -> None:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.setblocking(False)
        try:
            manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        except OSError:
            manager.close()
        else:
            self._socket = manager

    def _send(self, *lines: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send("\n".join(lines).encode())
