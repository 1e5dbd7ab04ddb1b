"""The conversation with one process, with tiny children that say what a test wants to hear."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from proxy.backends.claude_cli.codec import ApiEvent, Other, Output, Result
from proxy.backends.claude_cli.process import CliProcess, StopTimes
from proxy.backends.claude_cli.session import REWINDABLE, Session
from proxy.core.errors import BackendFailed

WAIT = 20.0
"""Seconds that anything may take before a test fails."""

WORDS = """
import json, sys
def say(kind, **fields): print(json.dumps({"type": kind, **fields}), flush=True)
def hear(): return json.loads(sys.stdin.readline())
def reply(ask, **response):
    subtype = "error" if "error" in response else "success"
    say("control_response", response={"subtype": subtype, "request_id": ask["request_id"], **response})
"""


@asynccontextmanager
async def session(code: str) -> AsyncIterator[Session]:
    """A session with a child that runs `code`."""
    argv = [sys.executable, "-S", "-c", WORDS + code]
    process = await CliProcess.spawn(argv, environment={}, folder=Path("/"), max_line=1 << 20)
    try:
        yield Session(process)
    finally:
        await process.kill(StopTimes(WAIT, WAIT, WAIT))


async def call(spoken: Session, subtype: str, **fields: object) -> Mapping[str, Any]:
    with anyio.fail_after(WAIT):
        return await spoken.call(subtype, **fields)


async def following(spoken: Session) -> Output:
    with anyio.fail_after(WAIT):
        return await spoken.next()


async def arrived(spoken: Session) -> None:
    """Wait until the child has said something."""
    with anyio.fail_after(WAIT):
        await spoken.arrival()


async def test_a_call_returns_the_answer_to_it() -> None:
    async with session("ask = hear(); reply(ask, response={'heard': ask['request']})") as spoken:
        assert await call(spoken, "set_model", model="claude-x") == {
            "heard": {"subtype": "set_model", "model": "claude-x"}
        }


async def test_answers_find_their_questions_in_any_order() -> None:
    code = "one = hear(); two = hear(); reply(two, response={'n': 2}); reply(one, response={'n': 1}); hear()"
    async with session(code) as spoken:
        heard: list[tuple[str, Any]] = []
        spoken.ask("first", lambda payload: heard.append(("first", payload["n"])))
        assert await call(spoken, "second") == {"n": 2}
        with anyio.fail_after(WAIT):
            while not heard:
                await spoken.arrival()
                assert spoken.take() is None
    assert heard == [("first", 1)]


async def test_what_arrives_before_an_answer_stays_to_be_read() -> None:
    code = "ask = hear(); say('one'); say('two'); reply(ask); say('three'); hear()"
    async with session(code) as spoken:
        assert await call(spoken, "interrupt") == {}
        assert [await following(spoken) for _ in range(3)] == [Other("one"), Other("two"), Other("three")]


async def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    async with session("reply({'request_id': 'unknown'}, error='no'); say('one'); hear()") as spoken:
        assert await following(spoken) == Other("one")


async def test_a_question_may_be_asked_without_hearing_the_answer() -> None:
    async with session("reply(hear(), response={'n': 1}); say('one'); hear()") as spoken:
        spoken.ask("interrupt")
        assert await following(spoken) == Other("one")


async def test_a_refused_question_is_an_error_where_its_answer_is_read() -> None:
    async with session("reply(hear(), error='not now'); hear()") as spoken:
        spoken.ask("interrupt")
        with pytest.raises(BackendFailed, match="the Claude CLI refused interrupt: not now"):
            await following(spoken)


async def test_what_the_cli_asks_is_refused_and_the_conversation_goes_on() -> None:
    code = "say('control_request', request_id='7', request={'subtype': 'can_use_tool'}); say('heard', **{'x': hear()})"
    async with session(code + "; say(hear()['said'])") as spoken:
        assert await following(spoken) == Other("heard")
        spoken.write(b'{"said":"more"}\n')
        assert await following(spoken) == Other("more")


async def test_the_refusal_names_what_was_asked() -> None:
    code = "say('control_request', request_id='7', request={'subtype': 'can_use_tool'}); say(json.dumps(hear()))"
    async with session(code) as spoken:
        output = await following(spoken)
    assert isinstance(output, Other)
    response = {"subtype": "error", "request_id": "7", "error": "can_use_tool is not supported"}
    assert json.loads(output.kind) == {"type": "control_response", "response": response}


async def test_settings_are_sent_when_they_are_others_than_the_last() -> None:
    code = "for _ in range(2): ask = hear(); say(ask['request']['settings']['model']); reply(ask)\nhear()"
    async with session(code) as spoken:
        for model in ("one", "one", "two", "two"):
            spoken.set({"model": model})
        assert [await following(spoken) for _ in range(2)] == [Other("one"), Other("two")]
        with anyio.fail_after(WAIT):
            await spoken.answered()


async def test_a_result_is_found_behind_whatever_comes_before_it() -> None:
    code = (
        "say('one'); say('stream_event', event={'type': 'ping'}); say('result', subtype='success'); say('two'); hear()"
    )
    async with session(code) as spoken:
        with anyio.fail_after(WAIT):
            assert await spoken.result() == Result("success")
        assert await following(spoken) == Other("two")


async def test_what_has_arrived_is_taken_one_by_one_and_what_nobody_takes_stays() -> None:
    async with session("say('one'); say('stream_event', event={}); say('two'); reply(hear()); hear()") as spoken:
        assert spoken.take() is None
        assert await following(spoken) == Other("one")
        assert await call(spoken, "interrupt") == {}
        assert spoken.ready
        with anyio.fail_after(WAIT):
            await spoken.arrival()
        assert [spoken.take(), spoken.take(), spoken.take()] == [ApiEvent({}), Other("two"), None]
        assert not spoken.ready


async def test_what_came_of_no_question_is_no_quiet_however_it_was_read() -> None:
    said = "say('stream_event', event={}); say('one')"
    async with session(f"{said}; reply(hear()); hear()") as spoken:
        assert await call(spoken, "interrupt") == {}
        assert not await spoken.quiet()
        assert not spoken.ready
        assert await spoken.quiet()


async def test_a_process_whose_words_cannot_be_read_is_not_quiet() -> None:
    code = 'sys.stdout.write(\'{"type":"one"}\\n{not json at all\\n\'); sys.stdout.flush(); hear()'
    async with session(code) as spoken:
        await arrived(spoken)
        for _ in range(2):
            with pytest.raises(BackendFailed, match="a line that is not JSON"):
                await spoken.quiet()


async def test_a_corrupt_line_is_an_error_after_what_came_before_it() -> None:
    code = 'sys.stdout.write(\'{"type":"one"}\\n{not json at all\\n{"type":"two"}\\n\'); sys.stdout.flush(); hear()'
    async with session(code) as spoken:
        assert await following(spoken) == Other("one")
        for _ in range(2):
            with pytest.raises(BackendFailed, match="a line that is not JSON") as caught:
                await following(spoken)
            assert caught.value.should_retry is False


async def test_the_end_of_the_process_is_an_error_for_whoever_waits() -> None:
    async with session("hear(); sys.exit(3)") as spoken:
        with pytest.raises(BackendFailed, match="exited with code 3"):
            await call(spoken, "initialize")


# Taking back


def rewound(**before: str | None) -> dict[str, Any]:
    return {"response": {"rewound": True, **before}}


EMPTY = rewound(precedingAssistantUuid=None)
MORE = rewound(precedingAssistantUuid="a-1")
UNSAID = rewound()
REFUSED = {"response": {"rewound": False, "precedingAssistantUuid": None}}


@pytest.mark.parametrize(
    ("answers", "empty", "proven"),
    [
        ([EMPTY], True, True),
        ([MORE], True, False),
        ([UNSAID], True, False),
        ([EMPTY], False, False),
        ([MORE], False, True),
        ([UNSAID], False, False),
        ([REFUSED], True, False),
        ([{"response": {"precedingAssistantUuid": None}}], True, False),
        ([{"response": {"rewound": 1, "precedingAssistantUuid": None}}], True, False),
        ([{}], True, False),
        ([MORE, EMPTY], True, True),
        ([EMPTY, MORE], False, True),
        ([EMPTY, MORE], True, False),
        ([MORE, REFUSED], True, False),
    ],
)
async def test_what_was_taken_back_has_to_be_proven(answers: list[dict[str, Any]], empty: bool, proven: bool) -> None:
    turns = [f"u-{index}" for index in range(len(answers))]
    async with session(f"for answer in {answers!r}: reply(hear(), **answer)\nhear()") as spoken:
        with anyio.fail_after(WAIT):
            assert await spoken.rewind(turns, empty=empty) is proven


async def test_user_messages_are_taken_back_one_by_one_the_last_one_first() -> None:
    code = """
for uuid in "u-3", "u-2", "u-1":
    ask = hear()
    right = ask["request"] == {"subtype": "rewind_conversation", "target_message_uuid": uuid}
    reply(ask, response={"rewound": right, "precedingAssistantUuid": None})
"""
    async with session(code) as spoken:
        with anyio.fail_after(WAIT):
            assert await spoken.rewind(["u-1", "u-2", "u-3"], empty=True)


async def test_after_one_that_cannot_be_taken_back_no_other_is_asked_for() -> None:
    code = "reply(hear(), response={'rewound': False}); say('next ' + hear()['request']['subtype'])"
    async with session(code) as spoken:
        with anyio.fail_after(WAIT):
            assert not await spoken.rewind(["u-1", "u-2", "u-3"], empty=True)
        spoken.ask("interrupt")
        assert await following(spoken) == Other("next interrupt")


@pytest.mark.parametrize("turns", [(), tuple("u" * (REWINDABLE + 1))])
@pytest.mark.parametrize("empty", [True, False])
async def test_nothing_and_too_much_are_decided_without_the_process(turns: tuple[str, ...], empty: bool) -> None:
    async with session("say('first ' + hear()['request']['subtype'])") as spoken:
        assert await spoken.rewind(turns, empty=empty) is (not turns)
        spoken.ask("interrupt")
        assert await following(spoken) == Other("first interrupt")


async def test_a_process_that_refuses_to_take_back_is_at_fault() -> None:
    async with session("reply(hear(), error='unknown subtype'); hear()") as spoken:
        with pytest.raises(BackendFailed, match="refused rewind_conversation: unknown subtype"), anyio.fail_after(WAIT):
            await spoken.rewind(["u-1"], empty=True)
