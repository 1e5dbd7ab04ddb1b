"""A CLI that does anything: each fault has its error, and costs no other request anything."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import MakeDaemon
from tests.support.asking import ask_all
from tests.support.children import children
from tests.support.running import Running


def body(fault: str, **fields: object) -> dict[str, Any]:
    return {"model": "sonnet", "messages": [{"role": "user", "content": f"[fake: {fault}]"}], **fields}


def ask(running: Running, fault: str, **fields: object) -> httpx.Response:
    with running.client() as client:
        return client.post("/api/chat", json=body(fault, **fields))


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def works(running: Running) -> bool:
    running.until_idle()
    return lines(ask(running, "answer"))[-1]["done"] is True


def test_an_error_that_trying_again_would_only_pay_for_says_so(fake: Running) -> None:
    assert ask(fake, "nothing").headers["x-should-retry"] == "false"


def test_a_grandchild_in_a_session_of_its_own_keeps_no_client_waiting(fake: Running) -> None:
    """It holds the output, and no signal to the group reaches it."""
    assert "exited with code 1" in lines(ask(fake, "escaped"))[-1]["error"]
    assert works(fake)


def test_an_error_of_the_api_that_comes_with_the_end_of_the_turn_costs_no_process(fake: Running) -> None:
    before = {process.pid for process in children(fake.folder)}
    assert ask(fake, "api_error 400").status_code == 400
    assert works(fake)
    assert before <= {process.pid for process in children(fake.folder)}


def test_an_endless_line_is_an_error_and_takes_no_memory(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_line": "128KiB"})
    answer = ask(running, "endless")
    assert "line of more than 131072 bytes" in lines(answer)[-1]["error"]
    assert works(running)


def test_an_emoji_that_is_split_between_deltas_arrives(fake: Running) -> None:
    assert ask(fake, "surrogate", stream=False).json()["message"]["content"] == "\N{GRINNING FACE}"
    streamed = "".join(line["message"]["content"] for line in lines(ask(fake, "surrogate")))
    assert streamed.encode("utf-16", "surrogatepass").decode("utf-16") == "\N{GRINNING FACE}"


def test_a_question_of_the_cli_is_answered_so_that_it_goes_on(fake: Running) -> None:
    assert ask(fake, "ask_us", stream=False).json()["message"]["content"] == "can_use_tool is not supported"


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens"])
def test_a_cli_that_goes_on_by_itself_is_ended_and_the_client_sees_one_answer(fake: Running, reason: str) -> None:
    before = {process.pid for process in children(fake.folder)}
    answer = ask(fake, f"goes_on {reason}")
    *said, last = lines(answer)
    assert [line["message"]["content"] for line in said] == ["word "]
    assert last["done"] is True
    assert works(fake)
    assert before - {process.pid for process in children(fake.folder)}


@pytest.mark.parametrize(
    ("setting", "fault", "status"),
    [("first_event", "hang", 504), ("idle", "hang 2", 200), ("total", "slow 0.2", 200), ("idle", "stubborn 1", 200)],
)
def test_each_deadline_ends_a_turn_that_hangs(make_fake: MakeDaemon, setting: str, fault: str, status: int) -> None:
    running = make_fake(settings={f"{setting}_timeout": "300ms", "interrupt_timeout": "200ms"})
    answer = ask(running, fault)
    assert answer.status_code == status
    assert f"the {setting} deadline of 0.3 s has passed" in lines(answer)[-1]["error"]
    assert works(running)


@pytest.mark.parametrize(("fault", "status"), [("hang", 504), ("hang 2", 200)])
def test_a_deadline_is_told_in_every_dialect(make_fake: MakeDaemon, fault: str, status: int) -> None:
    limits = {"first_event_timeout": "1s", "idle_timeout": "1s", "interrupt_timeout": "200ms"}
    for got in ask_all(make_fake(settings=limits), f"[fake: {fault}]"):
        assert (got.status, got.complete) == (status, False)
        assert "deadline of 1 s has passed" in got.error


def test_a_full_queue_answers_503_at_once_and_a_long_wait_504(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_processes": "2", "max_queue": "1", "queue_timeout": "700ms"})
    pool = running.daemon.pool
    with (
        running.client() as client,
        client.stream("POST", "/api/chat", json=body("hang 1")),
        client.stream("POST", "/api/chat", json=body("hang 1")),
        running.client() as waiting,
        ThreadPoolExecutor(1) as threads,
    ):
        queued = threads.submit(waiting.post, "/api/chat", json=body("answer"))
        running.until(lambda: pool.waiting == 1, "queued")
        full = ask(running, "answer")
        assert full.status_code == 503
        assert full.json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
        late = queued.result()
    assert late.status_code == 504
    assert "the queue deadline of 0.7 s" in late.json()["error"]
    assert works(running)


@pytest.mark.parametrize(("boot", "words"), [("crash", "the disk is on fire"), ("hang", "did not boot within 0.5 s")])
def test_a_cli_that_does_not_boot_is_an_error_at_once(make_fake: MakeDaemon, boot: str, words: str) -> None:
    running = make_fake(
        settings={"boot_timeout": "500ms", "pass_environment": "FAKE_*"},
        environ={"FAKE_BOOT": boot},
    )
    answer = ask(running, "answer")
    assert answer.status_code == 500
    assert words in answer.json()["error"]


def test_a_spare_that_dies_while_idle_is_replaced(fake: Running) -> None:
    fake.until_idle()
    before = children(fake.folder)
    for process in before:
        process.kill()
    fake.until(lambda: len(fake.daemon.pool.processes) < len(before), "noticed")
    assert works(fake)


def test_a_process_is_replaced_after_its_share_of_turns(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_turns_per_process": "2", "spares": "1"})
    seen = set()
    for _ in range(6):
        assert works(running)
        running.until_idle()
        seen |= {process.pid for process in children(running.folder)}
    assert len(seen) > 3


def test_a_clean_process_beyond_the_spares_is_stopped_when_it_stays_idle(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"spares": "1", "idle_process_timeout": "200ms"})
    assert works(running)
    running.until(lambda: [view.state.value for view in running.daemon.pool.processes] == ["spare"], "one spare")


def test_a_runtime_folder_that_was_removed_costs_nothing(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"spares": "1"})
    running.until_idle()
    shutil.rmtree(running.folder / "run")
    for number in range(3):
        messages = [{"role": "system", "content": f"System {number}."}, {"role": "user", "content": "hello"}]
        with running.client() as client:
            assert client.post("/api/chat", json={"model": "sonnet", "messages": messages}).status_code == 200
    assert works(running)


def test_a_runtime_folder_that_cannot_be_made_is_an_error_and_not_the_end(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"spares": "1"})
    running.until_idle()
    run = running.folder / "run"
    shutil.rmtree(run)
    run.write_text("not a folder")
    for process in children(running.folder):
        process.kill()
    running.until(lambda: not running.daemon.pool.processes, "gone")
    answer = ask(running, "answer")
    assert answer.status_code == 500
    assert "folders of a Claude CLI process cannot be made" in answer.json()["error"]
    run.unlink()
    assert works(running)


def test_a_cli_that_never_takes_its_setup_is_given_up(make_fake: MakeDaemon) -> None:
    running = make_fake(
        settings={"first_event_timeout": "500ms", "pass_environment": "FAKE_*", "spares": "1"},
        environ={"FAKE_BOOT": "deaf"},
    )
    running.until(running.daemon.discovered.is_set, "given up")
    assert works(running)


def test_without_a_queue_requests_one_after_another_are_served(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_queue": "0", "spares": "2"})
    running.until_idle()
    assert [ask(running, "answer").status_code for _ in range(30)] == [200] * 30


def test_a_cli_that_boots_and_goes_is_not_booted_again_and_again(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"pass_environment": "FAKE_*", "spares": "2"}, environ={"FAKE_BOOT": "short"})
    running.until(lambda: running.daemon.pool.failed_boots >= 3, "paused")
    assert running.daemon.pool.failed_boots < 10
