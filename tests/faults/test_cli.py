"""What the CLI may do wrong: each fault has its error in every dialect, and costs no other request anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeDaemon
from tests.faults.conftest import Beside
from tests.support.asking import PATHS, Outcome, ask, ask_all
from tests.support.children import wait_until_none
from tests.support.running import Running, running_daemon, write_fake_cli


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI that gives up an interrupted process soon."""
    folder = tmp_path_factory.mktemp("faulty")
    settings = {"interrupt_timeout": "100ms", "keep_alive": "0", "reuse_patience": "50ms"}
    with running_daemon(folder, cli=write_fake_cli(folder), settings=settings) as running:
        yield running
    wait_until_none(folder)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "exited with code 3; it said: fake: assertion failed: the moon is full"),
        ("nothing", "ended the turn without an answer"),
        ("lost_delta", "before its message began"),
        ("early_end", "a message that never began"),
    ],
)
def test_before_the_answer_a_fault_is_a_500(faulty: Running, unharmed: Beside, fault: str, words: str) -> None:
    with unharmed(faulty):
        for got in ask_all(faulty, f"[fake: {fault}]"):
            assert (got.status, got.text) == (500, "")
            assert words in got.error


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash 2", "exited with code 3; it said: fake: assertion failed: the moon is full"),
        ("killed", "was ended by SIGKILL"),
        ("half_line", "exited with code 0"),
        ("garbage", "not JSON"),
        ("no_end", "ended the turn without an answer"),
        ("second_start", "broke after a part of the answer"),
        ("nonsense", "makes no sense"),
        ("grandchild", "exited with code 1"),
    ],
)
def test_within_the_answer_a_fault_is_told_in_the_stream(
    faulty: Running, unharmed: Beside, fault: str, words: str
) -> None:
    with unharmed(faulty):
        for got in ask_all(faulty, f"[fake: {fault}]"):
            assert (got.status, got.complete) == (200, False)
            assert words in got.error
            assert got.text.replace("word ", "") == ""


@pytest.mark.parametrize(
    ("oddity", "text"),
    [
        ("unknown", "word"),
        ("bytewise", "caf\u00e9 \u4f60\u597d \U0001f600"),
        ("not_utf8", "a\ufffd\ufffdz"),
        ("flood 5000000", "fake answer"),
        ("two_results", "fake answer"),
        ("no_result", "word "),
        ("afterwards", "fake answer"),
    ],
)
def test_what_can_be_borne_is_borne(faulty: Running, unharmed: Beside, oddity: str, text: str) -> None:
    with unharmed(faulty):
        for got in ask_all(faulty, f"[fake: {oddity}]"):
            assert got == Outcome(200, text, complete=True), got


def test_a_line_of_50_megabytes_is_read(faulty: Running, unharmed: Beside) -> None:
    with unharmed(faulty), faulty.client() as client:
        assert ask(client, "ollama", "[fake: big_line 50000000]").complete


@pytest.mark.parametrize("fault", ["two_results", "afterwards"])
def test_what_a_process_says_after_its_turn_is_not_the_next_requests_fault(make_fake: MakeDaemon, fault: str) -> None:
    running = make_fake(settings={"spares": "0"})
    messages = [{"role": "user", "content": f"[fake: {fault}]"}]
    with running.client() as client:
        assert ask(client, "ollama", "", messages=messages).complete
        running.until_idle()
        messages += [{"role": "assistant", "content": "fake answer"}, {"role": "user", "content": "and now?"}]
        assert ask(client, "ollama", "", messages=messages) == Outcome(200, "fake answer", complete=True)


@pytest.mark.parametrize("dialect", PATHS)
def test_a_process_that_dies_before_anything_came_of_it_costs_the_request_nothing(
    faulty: Running, unharmed: Beside, tmp_path: Path, dialect: str
) -> None:
    with unharmed(faulty), faulty.client() as client:
        assert ask(client, dialect, f"[fake: crashes {tmp_path / 'mark'}]").text == "fake answer"


def test_a_request_that_ends_processes_ends_two_of_them_and_no_more(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"spares": "0"})
    marks = [running.folder / "one", running.folder / "two"]
    with running.client() as client:
        assert ask(client, "ollama", f"[fake: crashes {' '.join(map(str, marks))}]").status == 500
        assert all(mark.exists() for mark in marks)
        assert ask(client, "ollama", f"[fake: crashes {' '.join(map(str, marks))}]").text == "fake answer"
