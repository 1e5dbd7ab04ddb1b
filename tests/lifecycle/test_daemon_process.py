"""The daemon as a process: what signals do to it, and what it leaves when it is killed."""

import json
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.children import children, wait_until_none
from tests.support.program import Program, Start, programs
from tests.support.running import write_fake_cli

KEY = "sk-ant-the-operators-own-key"
WORDS = [f"word{number} " for number in range(10)]
CUT = "the server is shutting down"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program; it has a key, which it must never tell."""
    with programs(tmp_path, environ={"ANTHROPIC_API_KEY": KEY}) as begin:
        begun: list[Program] = []

        def remembered(*arguments: object, **options: Any) -> Program:
            begun.append(begin(*arguments, **options))
            return begun[-1]

        yield remembered
    assert not any(KEY in program.said + program.printed for program in begun)


@pytest.fixture
def serve(start: Start, tmp_path: Path) -> Start:
    """Start the daemon over the fake CLI."""
    program = write_fake_cli(tmp_path)

    def begin(*arguments: object, **options: Any) -> Program:
        return start("serve", "--port", "0", "--cli", program, "--spares", "1", *arguments, **options)

    return begin


def body(prompt: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": "sonnet", "stream": stream, "messages": [{"role": "user", "content": prompt}]}


class Answer:
    """A streamed answer that is read step by step."""

    def __init__(self, program: Program, stack: ExitStack, path: str, prompt: str) -> None:
        client = stack.enter_context(program.client())
        self.response = stack.enter_context(client.stream("POST", path, json=body(prompt)))
        self._lines = (line.removeprefix("data: ") for line in self.response.iter_lines() if line)

    def next(self) -> Any:
        return json.loads(next(self._lines))

    def rest(self) -> list[Any]:
        return [json.loads(line) if line != "[DONE]" else line for line in self._lines]


def said(lines: list[Any]) -> list[str]:
    """The pieces of the text in Ollama's lines."""
    return [line["message"]["content"] for line in lines if line.get("message", {}).get("content")]


# A drain


def test_a_signal_lets_a_running_answer_finish_and_takes_no_new_request(serve: Start, tmp_path: Path) -> None:
    program = serve()
    with ExitStack() as stack:
        kept = stack.enter_context(program.client())
        assert kept.get("/api/version").status_code == 200
        answer = Answer(program, stack, "/api/chat", "[fake: slow 0.25]")
        lines = [answer.next()]
        program.send(signal.SIGTERM)
        program.wait_for("draining", running=1)

        refused = kept.post("/api/chat", json=body("hello"))
        assert (refused.status_code, refused.json()) == (503, {"error": CUT})
        with program.client() as new, pytest.raises(httpx.ConnectError):
            new.get("/api/version")

        lines += answer.rest()
    assert said(lines) == WORDS
    assert lines[-1]["done_reason"] == "stop"
    assert program.exit_code() == 0
    assert program.logged("drained", finished=1, cut=0)
    assert program.lines[-1]["event"] == "stopped"
    assert not children(tmp_path)


def test_answers_that_outlast_the_drain_end_in_their_dialects_error(serve: Start, tmp_path: Path) -> None:
    program = serve("--drain-timeout", "300ms")
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        native = Answer(program, stack, "/api/chat", "[fake: hang 2]")
        other = Answer(program, stack, "/v1/chat/completions", "[fake: hang 2]")
        client = stack.enter_context(program.client())
        whole = pool.submit(client.post, "/api/chat", json=body("[fake: hang 2]", stream=False))
        first, role = native.next(), other.next()
        program.wait_until_running(3)
        program.send(signal.SIGINT)

        lines = [first, *native.rest()]
        assert said(lines) == ["word ", "word "]
        assert CUT in lines[-1]["error"]
        *chunks, error, done = [role, *other.rest()]
        assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["word ", "word "]
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
        assert CUT in error["error"]["message"]
        assert done == "[DONE]"
        answer = whole.result()
        assert answer.status_code == 503
        assert CUT in answer.json()["error"]
        assert answer.headers["x-should-retry"] == "false"
    assert program.exit_code() == 0
    assert program.wait_for("drained") == program.wait_for("drained", finished=0, cut=3)
    assert [line["ended"] for line in program.logged("request", method="POST")] == ["busy"] * 3
    assert not children(tmp_path)


def test_a_second_signal_stops_at_once_and_more_change_nothing(serve: Start, tmp_path: Path) -> None:
    program = serve("--drain-timeout", "1h", "--stop-term-timeout", "500ms")
    with ExitStack() as stack:
        answer = Answer(program, stack, "/api/chat", "[fake: stubborn 2]")
        lines = [answer.next()]
        program.send(signal.SIGTERM)
        program.wait_for("draining")
        program.send(signal.SIGTERM)
        program.wait_for("drained", finished=0, cut=1)
        lines += answer.rest()
    # The CLI ignores SIGTERM, so that its end takes long enough for more of them.
    while children(tmp_path):
        program.send(signal.SIGTERM)
    assert said(lines) == ["word ", "word "]
    assert CUT in lines[-1]["error"]
    assert program.exit_code() == 0
    assert not children(tmp_path)


# Before anything runs


def test_a_signal_while_idle_stops_it(serve: Start, tmp_path: Path) -> None:
    program = serve("--log-level", "debug")
    program.wait_for("logged_in")
    program.send(signal.SIGTERM)
    assert program.exit_code() == 0
    assert program.logged("drained", finished=0, cut=0)
    assert not children(tmp_path)
    assert not list(tmp_path.rglob("daemon-*")), "its folder is left"


def test_a_signal_while_the_processes_boot_stops_it_and_ends_who_waits_for_them(serve: Start, tmp_path: Path) -> None:
    program = serve("--drain-timeout", "300ms", "--pass-environment", "FAKE_*", FAKE_BOOT="hang")
    with ThreadPoolExecutor() as pool, program.client() as client:
        waiting = pool.submit(client.post, "/api/chat", json=body("hello"))
        program.wait_until_running(1)
        program.send(signal.SIGTERM)
        answer = waiting.result()
    assert answer.status_code == 503
    assert CUT in answer.json()["error"]
    assert program.exit_code() == 0
    assert not children(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_it_listens_stops_it(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    begun = tmp_path / "begun"
    cli = tmp_path / "claude"
    cli.write_text(f'#!/bin/sh\ncd "{tmp_path}"\nmkfifo begun.new && mv begun.new begun\nexec cat begun\n')
    cli.chmod(0o755)
    program = start("serve", "--port", "0", "--cli", cli)
    program.wait_until_file(begun)
    program.send(number)
    assert program.exit_code() == 0
    assert program.said == ""
    wait_until_none(tmp_path)


# SIGKILL


def check_swept(program: Program, tmp_path: Path, left: list[Path]) -> None:
    """The daemon that follows has removed what the killed one left."""
    program.wait_for("listening")
    assert left
    assert not any(folder.exists() for folder in left)
    assert len(list(tmp_path.rglob("daemon-*"))) == 1


@on_linux
def test_a_killed_daemon_leaves_no_process_that_ignores_sigterm(serve: Start, tmp_path: Path) -> None:
    program = serve()
    with ExitStack() as stack:
        answer = Answer(program, stack, "/api/chat", "[fake: stubborn 1]")
        answer.next()
        assert children(tmp_path)
        program.process.kill()
        assert program.exit_code() == -signal.SIGKILL
        wait_until_none(tmp_path)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.rest()
    left = list(tmp_path.rglob("daemon-*"))
    check_swept(serve(), tmp_path, left)


@on_linux
def test_a_killed_daemon_leaves_no_process_of_the_real_cli(start: Start, tmp_path: Path) -> None:
    program = start("demo", "--port", "0", "--spares", "1")
    with ExitStack() as stack:
        answer = Answer(program, stack, "/api/chat", "hello [simulate: hang after=2]")
        while not answer.next()["message"]["content"]:
            pass
        assert children(tmp_path)
        program.process.kill()
        assert program.exit_code() == -signal.SIGKILL
        wait_until_none(tmp_path)
    left = list(tmp_path.rglob("daemon-*"))
    check_swept(start("demo", "--port", "0", "--spares", "0"), tmp_path, left)
