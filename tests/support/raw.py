"""Requests that are sent exactly as they are written: no client puts their path, host or headers right."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from urllib.parse import urlsplit

from tests.support.running import WAIT, Running


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back; a header may be in `headers` more than once."""

    status: int
    headers: HTTPMessage
    body: bytes


def send(
    running: Running, method: str, path: str, headers: Mapping[str, str] | None = None, *, body: bytes | None = None
) -> RawAnswer:
    """The daemon's answer. Nothing is sent but `headers`, and a ``Host`` that names the daemon if they have none."""
    address = urlsplit(running.url)
    given = {"Host": address.netloc, **(headers or {})}
    if body is not None:
        given["Content-Length"] = str(len(body))
    connection = HTTPConnection(address.hostname or "", address.port, timeout=WAIT)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return RawAnswer(response.status, response.headers, response.read())
    finally:
        connection.close()
