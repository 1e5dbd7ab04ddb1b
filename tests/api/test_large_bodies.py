"""A body over the limit: whoever sends it all before reading anything gets the answer too."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.conftest import MakeDaemon
from tests.support.running import WAIT, Running

LIMIT = 64 << 10


@pytest.fixture
def narrow(make_fake: MakeDaemon) -> Running:
    return make_fake(settings={"max_body": str(LIMIT)})


def answer_to(running: Running, head: str, body: bytes) -> tuple[int, str]:
    """The status and the error of the answer to a request that is sent as a whole before anything is read."""
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), WAIT) as connection:
        connection.sendall(f"POST {head}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode() + body)
        *_, answer = connection.makefile("rb").read().partition(b"HTTP/1.1 413")
    status, _, rest = answer.partition(b"\r\n")
    error = json.loads(rest.partition(b"\r\n\r\n")[2])["error"]
    return 413 if status or rest else 0, error if isinstance(error, str) else error["message"]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_body_that_is_too_large_is_taken_and_refused(narrow: Running, path: str, chunked: bool) -> None:
    body = b" " * (LIMIT * 6)
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    assert answer_to(narrow, f"{path} HTTP/1.1\r\n{how}", sent) == (
        413,
        f"http: request body too large: at most {LIMIT} bytes",
    )
    with narrow.client() as client:
        assert client.get("/api/version").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        f"/api/chat HTTP/1.1\r\nContent-Length: {LIMIT * 2}\r\nExpect: 100-continue",
        f"/api/chat HTTP/1.1\r\nContent-Length: {LIMIT * 9}",
    ],
    ids=["a client that asks first", "far too much"],
)
def test_a_body_that_need_not_be_sent_is_refused_at_once(narrow: Running, head: str) -> None:
    assert answer_to(narrow, head, b"")[0] == 413
