"""What clients may do wrong: they are told so, or given up, in time, and cost no other request anything."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from proxy.api.protocol import Protocol
from proxy.wire.census import MOST_VALUES
from tests.conftest import MakeDaemon
from tests.faults.conftest import Beside
from tests.support.asking import PATHS, ask, outcome, question
from tests.support.children import wait_until_none
from tests.support.running import WAIT, Running, running_daemon, write_fake_cli

HOST = b"Host: localhost\r\n"
BUFFERED = 4 << 20
"""Bytes that may wait in the daemon for one client: what the pipe's inbox and the connection's buffer hold."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI that gives requests half a second to arrive."""
    folder = tmp_path_factory.mktemp("hasty")
    with running_daemon(folder, cli=write_fake_cli(folder), settings={"request_timeout": "500ms"}) as running:
        yield running
    wait_until_none(folder)


@contextlib.contextmanager
def connection(running: Running, sent: bytes = b"", *, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """A connection that has sent something."""
    address = urlsplit(running.url)
    with socket.socket() as made:
        made.settimeout(WAIT)
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.connect((address.hostname, address.port))
        made.sendall(sent)
        yield made


def rest(made: socket.socket) -> bytes:
    """Everything that comes until the daemon closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := made.recv(1 << 16):
            received += data
    return received


def post(path: str, body: object, length: int | None = None) -> bytes:
    """A request as bytes; `length` is what it says of its own body."""
    data = json.dumps(body).encode()
    said = len(data) if length is None else length
    return b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (path.encode(), HOST, said, data)


# Slowly


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"POST /api/chat HT", b"HTTP/1.1 408 Request Timeout"),
        (b"POST /api/chat HTTP/1.1\r\n" + HOST + b"X-Long: ", b"HTTP/1.1 408 Request Timeout"),
        (b"GET /api/version HTTP/1.1\r\n" + HOST + b"\r\nGET /api/ver", b"HTTP/1.1 408 Request Timeout"),
    ],
)
def test_a_head_that_never_ends_is_given_up(hasty: Running, unharmed: Beside, sent: bytes, answer: bytes) -> None:
    with unharmed(hasty), connection(hasty, sent) as made:
        assert answer in rest(made)


@pytest.mark.parametrize("dialect", PATHS)
def test_a_body_that_never_ends_is_a_408_in_its_dialect(hasty: Running, dialect: str) -> None:
    with connection(hasty, post(PATHS[dialect], question(dialect, "hello"), length=5000)) as made:
        head, _, body = rest(made).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert outcome(dialect, 408, body).error == "the body of the request did not arrive within 0.5 s"
    hasty.until(lambda: not hasty.server.server_state.connections, "closed")


@pytest.mark.parametrize("sent", [b"POST /api/chat HTTP/1.1\r\nX: ", post("/api/chat", "", length=100_000)])
def test_who_sends_a_byte_at_a_time_is_given_up_all_the_same(hasty: Running, sent: bytes) -> None:
    with connection(hasty, sent) as made:
        made.settimeout(0.02)
        answer = b""
        with contextlib.suppress(OSError):
            while b" 408 " not in answer:
                made.send(b"x")
                with contextlib.suppress(TimeoutError):
                    answer += made.recv(4096)
    assert b" 408 " in answer
    hasty.until(lambda: not hasty.server.server_state.connections, "closed")


def test_the_time_of_a_request_is_not_that_of_its_answer(hasty: Running) -> None:
    with hasty.client() as client:
        assert ask(client, "ollama", "[fake: slow 0.08]").complete


# Not at all


def test_what_is_made_for_clients_that_never_read_waits_in_the_cli(make_fake: MakeDaemon, unharmed: Beside) -> None:
    running = make_fake(settings={"write_timeout": "10m"})
    request = post("/api/chat", question("ollama", "[fake: torrent 2000]"))

    def held() -> list[int]:
        pipes: Any = [child.session.process._pipes for child in running.daemon.pool._children if child.session]
        writes = [each.transport.get_write_buffer_size() for each in connections() if each.transport]
        return [*(pipe._inbox_size for pipe in pipes if pipe.paused), *writes]

    def connections() -> list[Protocol]:
        return [each for each in running.server.server_state.connections if isinstance(each, Protocol)]

    with unharmed(running), contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connection(running, request, receive_buffer=2048))
        children = running.daemon.pool._children

        def all_wait() -> bool:
            return sum(bool(child.session and child.session.process._pipes.paused) for child in children) == 4

        running.until(all_wait, "waiting for their clients")
        assert sum(held()) < 4 * BUFFERED


def test_a_client_that_asks_and_asks_and_never_reads_is_given_up(make_fake: MakeDaemon, unharmed: Beside) -> None:
    running = make_fake(settings={"write_timeout": "300ms"})
    requests = b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10_000
    with unharmed(running), connection(running, receive_buffer=2048) as made:
        with contextlib.suppress(ConnectionError):
            made.sendall(requests)
        running.until(lambda: len(running.server.server_state.connections) == 2, "taken")
        running.until(lambda: len(running.server.server_state.connections) == 1, "given up")


def test_connections_whose_other_side_vanishes_are_asked_for_by_the_kernel(fake: Running) -> None:
    with connection(fake):
        fake.until(lambda: bool(fake.server.server_state.connections), "taken")
        [made] = fake.server.server_state.connections
        assert isinstance(made, Protocol)
        assert made.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_client_that_closes_its_own_side_alone_has_gone(fake: Running) -> None:
    with connection(fake, post("/api/chat", question("ollama", "[fake: hang 1]"))) as made:
        said = b""
        while b"word" not in said:
            said += (data := made.recv(4096))
            assert data
        made.shutdown(socket.SHUT_WR)
        fake.until(lambda: fake.daemon.engine.running == 0, "ended")


# Too much


def test_a_body_of_very_many_values_is_refused(fake: Running, unharmed: Beside) -> None:
    body = b'{"model":"sonnet","messages":[%s]}' % b",".join([b"0"] * (MOST_VALUES + 1))
    with unharmed(fake), fake.client() as client:
        for dialect, path in PATHS.items():
            answer = client.post(path, content=body)
            assert (answer.status_code, "400000 values" in answer.text) == (413, True), dialect


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tools": [{"function": {"name": f"tool{number}"}} for number in range(1001)]}, "1000 are allowed"),
        ({"options": {"stop": list("x" * 101)}}, "at most 100"),
    ],
    ids=["tools", "stop strings"],
)
def test_too_many_of_a_kind_are_refused_with_the_limit(fake: Running, fields: dict[str, Any], words: str) -> None:
    with fake.client() as client:
        got = ask(client, "ollama", "hello", **fields)
    assert (got.status, words in got.error) == (400, True)


def test_requests_that_come_before_the_answer_are_answered_in_their_order(fake: Running) -> None:
    prompts = ("[fake: slow 0.01]", "[fake: answer]", "[fake: unknown]")
    requests = [post("/api/chat", question("ollama", prompt, stream=False)) for prompt in prompts]
    closing = b"GET /api/version HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with connection(fake, b"".join(requests) + closing) as made:
        said = rest(made)
    places = [said.find(text) for text in (b"word0", b'"fake answer"', b'"word"', b'"version"')]
    assert -1 not in places
    assert places == sorted(places)


def test_beyond_the_most_connections_a_client_is_told_so(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_connections": "2"})
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connection(running))
        running.until(lambda: len(running.server.server_state.connections) == 2, "taken")
        with connection(running) as made:
            told = rest(made)
    assert told.startswith(b"HTTP/1.1 503 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["error"].startswith("server busy, please try again.")
    running.until(lambda: not running.server.server_state.connections, "closed")
    with running.client() as client:
        assert ask(client, "ollama", "hello").complete


# What is no HTTP


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", b"400 Bad Request"),
        (b"what is this?\r\n\r\n", b"400 Bad Request"),
        (b"GET /api/version HTTP/1.1\r\nNo colon\r\n\r\n", b"400 Bad Request"),
        (b"GET /api/version HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 70_000, b"431 Request Header Fields Too Large"),
        (b"POST /api/chat HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: rot13\r\n\r\n", b"501 Not Implemented"),
    ],
)
def test_what_is_no_http_is_told_so_in_one_line(fake: Running, sent: bytes, status: bytes) -> None:
    with connection(fake, sent) as made:
        head, _, body = rest(made).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert body == status


def test_a_body_that_becomes_no_http_ends_its_connection(fake: Running) -> None:
    chunked = b"POST /api/chat HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nnothing\r\n"
    with connection(fake, chunked) as made:
        assert rest(made).startswith(b"HTTP/1.1 400 ")
