"""One question to whatever listens on a port of this machine, over plain HTTP."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

_PATIENCE = 3.0
# Seconds: it is this machine that is asked.

_LARGEST = 64 << 10
# Bytes of an answer that are read.

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the names of all addresses


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def ask(host: str, port: int, path: str) -> Answer | None:
    """The answer of what listens on `host` and `port`, None when nothing that speaks HTTP does."""
    connection = HTTPConnection(_EVERYWHERE.get(host, host), port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status, response.read(_LARGEST))
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
