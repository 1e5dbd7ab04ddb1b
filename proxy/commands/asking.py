"""One question to whatever listens on a port of this machine."""

import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection

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


def ask(host: str, port: int, path: str, *, tls: bool = False) -> Answer | None:
    """The answer of what listens on `host` and `port`, None when nothing that speaks HTTP, over `tls`, does."""
    connection = _connection(_EVERYWHERE.get(host, host), port, tls=tls)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status, response.read(_LARGEST))
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _connection(host: str, port: int, *, tls: bool) -> HTTPConnection:
    if not tls:
        return HTTPConnection(host, port, timeout=_PATIENCE)
    # The certificate is for the name that clients use, which is not this one, and nothing secret is asked.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=_PATIENCE, context=context)
