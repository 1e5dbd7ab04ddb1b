"""A client that goes away, at any stage, has its turn interrupted and its process back."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import MakeDaemon
from tests.support.children import children
from tests.support.running import WAIT, Running

HISTORY = [{"role": role, "content": "word " * 50} for _ in range(60) for role in ("user", "assistant")]


@contextlib.contextmanager
def raw_request(running: Running, path: str, body: object, *, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """A request on a socket of one's own, which is closed without a word at the end."""
    address = urlsplit(running.url)
    with socket.socket() as connection:
        connection.settimeout(WAIT)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((address.hostname, address.port))
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        yield connection


def body(prompt: str, *, stream: bool = True, history: bool = False) -> dict[str, object]:
    messages = [*(HISTORY if history else []), {"role": "user", "content": prompt}]
    return {"model": "sonnet", "stream": stream, "messages": messages}


def pids(running: Running) -> set[int]:
    return {process.pid for process in children(running.folder)}


def check_free(running: Running) -> None:
    """The turn has ended, upstream too, and the next one finds a clean process."""
    running.until(lambda: running.daemon.engine.running == 0, "ended")
    running.until(lambda: running.simulator.recorder.open_requests == 0, "let go upstream")
    running.until_idle()
    with running.client() as client:
        answer = client.post("/api/chat", json=body("echo: still here", stream=False))
    assert answer.json()["message"]["content"] == "still here"
    sent = [message for message in running.last()["messages"] if message["role"] != "system"]
    assert [block["text"] for message in sent for block in message["content"]] == ["echo: still here"]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
def test_before_the_api_answers(live: Running, path: str, stream: bool) -> None:
    seen, before = live.simulator.recorder.count, pids(live)
    with raw_request(live, path, body("[simulate: hang]", stream=stream)):
        live.run(live.simulator.recorder.wait_for(seen + 1))
    check_free(live)
    assert before <= pids(live), "the interrupted process was not used again"


def test_while_the_prompt_is_still_in_the_clis_queue(fake: Running) -> None:
    """The CLI would put such a prompt back and run it later, unless it is told not to."""
    before = pids(fake)
    with raw_request(fake, "/api/chat", body("[fake: queued]")):
        fake.until(lambda: fake.daemon.engine.running == 1, "running")
    fake.until(lambda: fake.daemon.engine.running == 0, "ended")
    fake.until_idle()
    assert before <= pids(fake)
    with fake.client() as client:
        answer = client.post("/api/chat", json=body("hello", stream=False))
    assert answer.json()["message"]["content"] == "fake answer"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_in_the_middle_of_the_answer(live: Running, path: str) -> None:
    before = pids(live)
    with raw_request(live, path, body("hello [simulate: hang after=3]")) as connection:
        received = b""
        while b"Hello" not in received:
            data = connection.recv(4096)
            assert data
            received += data
    check_free(live)
    assert before <= pids(live), "the interrupted process was not used again"


def test_in_the_middle_of_an_answer_that_is_not_streamed(live: Running) -> None:
    seen = live.simulator.recorder.count
    with raw_request(live, "/api/chat", body("[simulate: words 500 rate=20]", stream=False)):
        live.run(live.simulator.recorder.wait_for(seen + 1))
    check_free(live)


def test_while_the_history_is_told(live: Running) -> None:
    seen = live.simulator.recorder.count
    with raw_request(live, "/api/chat", body("hello", history=True)):
        live.until(lambda: live.daemon.engine.running == 1, "running")
    live.until(lambda: live.daemon.engine.running == 0, "ended")
    live.until_idle()
    assert live.simulator.recorder.count == seen
    check_free(live)


def test_while_waiting_for_a_process(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_processes": "2", "spares": "0"})
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(raw_request(running, "/api/chat", body("[simulate: hang]")))
        running.run(running.simulator.recorder.wait_for(2))
        with raw_request(running, "/api/chat", body("hello")):
            running.until(lambda: running.daemon.pool.waiting == 1, "waiting")
        running.until(lambda: running.daemon.pool.waiting == 0, "gone")
    check_free(running)


def test_in_the_middle_of_its_own_body(live: Running) -> None:
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), address.port or 0)) as connection:
        connection.sendall(b'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"model"')
    check_free(live)


def test_a_client_that_never_reads_is_given_up(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"write_timeout": "400ms"})
    with raw_request(running, "/api/chat", body("[fake: many 300000]"), receive_buffer=2048):
        running.until(lambda: running.daemon.engine.running == 1, "running")
        running.until(lambda: running.daemon.engine.running == 0, "given up")
        running.until(lambda: not running.server.server_state.connections, "dropped")
    running.until_idle()


def test_a_client_that_reads_slowly_gets_everything_and_no_deadline_counts_against_it(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"idle_timeout": "500ms", "write_timeout": "30s"})
    with raw_request(running, "/api/chat", body("[fake: many 60000]"), receive_buffer=2048) as connection:
        running.until(lambda: running.daemon.engine.running == 1, "running")
        held = time.monotonic() + 1.0
        running.until(lambda: time.monotonic() > held, "held up")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        received = b""
        while b'"done":true' not in received[-2000:]:
            data = connection.recv(1 << 16)
            assert data
            received += data
    assert received.count(b'"done":false') == 60000
    running.until_idle()


def test_behind_a_second_request_on_the_same_connection(fake: Running) -> None:
    with raw_request(fake, "/api/chat", body("[fake: hang 1]")) as connection:
        connection.sendall(b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while b"word" not in received:
            data = connection.recv(4096)
            assert data
            received += data
    fake.until(lambda: fake.daemon.engine.running == 0, "ended")
    fake.until_idle()
