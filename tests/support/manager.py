"""A service manager's end of the notification socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from tests.support.running import WAIT


class Manager:
    """Hears what a service says. `address` is the value of NOTIFY_SOCKET."""

    def __init__(self, heard: socket.socket, address: str) -> None:
        self._socket = heard
        self.address = address

    def hear(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(1 << 16).decode().split("\n")

    def close(self) -> None:
        """Go away."""
        self._socket.close()

    def hear_until(self, line: str) -> list[str]:
        """The lines of the first message that has `line`."""
        while line not in (lines := self.hear()):
            pass
        return lines


@contextmanager
def listening_manager() -> Iterator[Manager]:
    """A manager on an abstract socket, where no file is left."""
    name = f"claude-ollama-server-test-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.settimeout(WAIT)
        heard.bind(f"\0{name}")
        yield Manager(heard, f"@{name}")
