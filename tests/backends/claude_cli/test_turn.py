"""Conversations with a turn: what the CLI says, and the events that it brings."""

import time
from typing import Any

import pytest

from proxy.backends.claude_cli.codec import ApiEvent, Failure, Other, Output, Refused, Result, Retry, TurnBegins
from proxy.backends.claude_cli.turn import REFUSAL_TEXT, TurnMachine
from proxy.core.errors import BackendFailed, InvalidRequest, LimitReached, PromptTooLong, ServerError, UpstreamFailed
from proxy.core.events import Event, Finished, TextDelta, ThinkingDelta, ThoughtEnded, Timings, Usage
from tests.backends.claude_cli.api_events import (
    STARTED,
    Clock,
    api,
    block,
    end,
    finished,
    said,
    start,
    text,
    thinking,
)

SIGNED = ThoughtEnded("c2ln")
Steps = list[tuple[Output, list[Event]]]


def machine() -> TurnMachine:
    return TurnMachine(Clock(), load_ns=0)


def converse(turn: TurnMachine, steps: Steps) -> None:
    for output, events in steps:
        assert turn.feed(output) == events


# Answers


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [
                (TurnBegins(frozenset()), []),
                (Other("system/status"), []),
                (start(input_tokens=10, output_tokens=1), [STARTED]),
                (api("ping"), []),
                (block("text"), []),
                (text("Good "), [TextDelta("Good ")]),
                (text("day"), [TextDelta("day")]),
                (said("text", text="Good day"), []),
                (api("content_block_stop", index=0), []),
                (end(output_tokens=3), [finished(input_tokens=10, output_tokens=3)]),
            ],
            id="text",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (block("thinking"), []),
                (thinking("Let me "), [ThinkingDelta("Let me ")]),
                (Other("system/thinking_tokens"), []),
                (thinking("see."), [ThinkingDelta("see.")]),
                (api("content_block_delta", delta={"type": "signature_delta", "signature": "c2ln"}), [SIGNED]),
                (said("thinking"), []),
                (block("text"), []),
                (text("Day"), [TextDelta("Day")]),
                (end(), [finished()]),
            ],
            id="thinking, then text",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (block("text"), []),
                (text(""), []),
                (thinking(""), []),
                (text(" "), [TextDelta(" ")]),
                (text("word"), [TextDelta("word")]),
                (end(), [finished()]),
            ],
            id="empty deltas are no events",
        ),
        pytest.param(
            [
                (Other("weather"), []),
                (start(), [STARTED]),
                (api("telepathy"), []),
                (api("content_block_delta", delta={"type": "smell_delta", "smell": "rose"}), []),
                (api("content_block_delta", delta={}), []),
                (ApiEvent({}), []),
                (text("\ud83d"), [TextDelta("\ud83d")]),
                (end("a_new_reason"), [finished()]),
            ],
            id="unknown events",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (text("a"), [TextDelta("a")]),
                (end(None, output_tokens=2), []),
                (text("b"), [TextDelta("b")]),
                (end(output_tokens=4), [finished(output_tokens=4)]),
            ],
            id="a message_delta without a reason ends nothing",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (text("a"), [TextDelta("a")]),
                (api("message_delta", delta={"stop_reason": "stop_sequence"}), [finished()]),
            ],
            id="no usage at all",
        ),
    ],
)
def test_an_answer_starts_says_its_deltas_and_ends(steps: Steps) -> None:
    turn = machine()
    converse(turn, steps)
    assert turn.ended
    assert not turn.goes_on


def test_a_turn_tells_how_far_it_has_come() -> None:
    turn = machine()
    far = []
    for output in (Retry(1.0, 529, ""), start(), block("text"), text("a"), end()):
        turn.feed(output)
        far.append((turn.started, turn.answering, turn.ended))
    assert far == [
        (False, False, False),
        (True, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]


@pytest.mark.parametrize(
    ("first", "last", "usage"),
    [
        ({}, {}, Usage()),
        ({"input_tokens": 5, "output_tokens": 1}, {"output_tokens": 9}, Usage(5, 9)),
        ({"input_tokens": 5}, {"input_tokens": 6, "output_tokens": 9}, Usage(6, 9)),
        (
            {"input_tokens": 5, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 800, "output_tokens": 1},
            {"output_tokens": 9},
            Usage(5, 9, 70, 800),
        ),
        (
            {"input_tokens": 5, "cache_read_input_tokens": 70},
            {"input_tokens": 5, "cache_read_input_tokens": 71, "output_tokens": 9},
            Usage(5, 9, 71, 0),
        ),
        ({"input_tokens": 5, "service_tier": "standard"}, {"output_tokens": None, "server_tool_use": {}}, Usage(5)),
    ],
)
def test_the_last_count_known_of_each_kind_counts(first: dict[str, Any], last: dict[str, Any], usage: Usage) -> None:
    turn = machine()
    converse(
        turn, [(start(**first), [STARTED]), (text("a"), [TextDelta("a")]), (end(**last), [Finished("stop", usage)])]
    )


# Ends of other kinds


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_a_cut_answer_has_the_reason_length_and_the_cli_would_go_on(reason: str) -> None:
    turn = machine()
    converse(turn, [(start(), [STARTED]), (text("a"), [TextDelta("a")]), (end(reason), [finished("length")])])
    assert turn.ended
    assert turn.goes_on


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "max_tokens"])
def test_after_an_empty_answer_the_cli_would_go_on(reason: str) -> None:
    turn = machine()
    turn.feed(start())
    turn.feed(block("text"))
    turn.feed(text(""))
    assert isinstance(turn.feed(end(reason))[-1], Finished)
    assert turn.goes_on


REFUSAL = finished("refusal")


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [(start(), [STARTED]), (end("refusal"), [TextDelta(REFUSAL_TEXT), REFUSAL])],
            id="without a word",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (text("Well"), [TextDelta("Well")]),
                (end("refusal"), [TextDelta(f"\n\n{REFUSAL_TEXT}"), REFUSAL]),
            ],
            id="after text",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (end("refusal", details={"explanation": "Harm."}), [TextDelta(f"{REFUSAL_TEXT} Harm."), REFUSAL]),
            ],
            id="with an explanation",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (Refused("Danger."), []),
                (Failure("API Error", refusal=True), []),
                (end("refusal", details={"explanation": "Harm."}), [TextDelta(f"{REFUSAL_TEXT} Danger."), REFUSAL]),
            ],
            id="explained by the CLI before",
        ),
        pytest.param(
            [
                (start(), [STARTED]),
                (Refused(""), []),
                (end("refusal", details="Harm."), [TextDelta(REFUSAL_TEXT), REFUSAL]),
            ],
            id="explained in no known way",
        ),
    ],
)
def test_a_refusal_says_that_it_is_one(steps: Steps) -> None:
    turn = machine()
    converse(turn, steps)
    assert turn.ended


# Retries


def test_retries_before_the_first_delta_are_silent() -> None:
    turn = machine()
    converse(
        turn,
        [
            (Retry(0.5, 529, "overloaded"), []),
            (Retry(1.0, None, "connection"), []),
            (start(input_tokens=5), [STARTED]),
            (block("text"), []),
            (Retry(2.0, None, "connection"), []),
            (start(model="claude-y", input_tokens=6), []),
            (api("message_stop"), []),
            (start(input_tokens=7), []),
            (text("a"), [TextDelta("a")]),
            (end(output_tokens=2), [finished(input_tokens=7, output_tokens=2)]),
        ],
    )


BROKEN = "the API's stream broke after a part of the answer"


@pytest.mark.parametrize("delta", [text("a"), thinking("a")])
@pytest.mark.parametrize("output", [Retry(1.0, None, "connection"), start(), api("message_stop")])
def test_a_repetition_after_the_first_delta_is_an_error(delta: Output, output: Output) -> None:
    turn = machine()
    turn.feed(start())
    turn.feed(delta)
    with pytest.raises(UpstreamFailed, match=BROKEN) as caught:
        turn.feed(output)
    assert caught.value.should_retry is False
    assert not turn.ended


# Failures

BEFORE: list[Output] = []
ACCEPTED: list[Output] = [start(), block("text")]
ANSWERING: list[Output] = [*ACCEPTED, text("a")]


@pytest.mark.parametrize("earlier", [BEFORE, ACCEPTED, ANSWERING], ids=["before", "accepted", "answering"])
@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (Failure("limit", code="rate_limit", status=429), LimitReached),
        (Failure("overloaded", status=529), UpstreamFailed),
        (Failure("too long", cause="prompt_too_long"), PromptTooLong),
        (Result("success", Failure("bad", status=400)), InvalidRequest),
        (Result("error_during_execution", Failure("error_during_execution")), UpstreamFailed),
        (Result("success"), BackendFailed),
        (api("error", error={"type": "overloaded_error", "message": "Overloaded"}), UpstreamFailed),
    ],
)
def test_a_failed_turn_is_never_an_answer(earlier: list[Output], output: Output, kind: type[ServerError]) -> None:
    turn = machine()
    for before in earlier:
        turn.feed(before)
    with pytest.raises(ServerError) as caught:
        turn.feed(output)
    assert type(caught.value) is kind
    assert not turn.ended


def test_a_result_without_an_answer_is_not_tried_again() -> None:
    with pytest.raises(BackendFailed, match="ended the turn without an answer") as caught:
        machine().feed(Result("success"))
    assert caught.value.should_retry is False


def test_an_error_says_how_long_the_api_asked_to_wait() -> None:
    turn = machine()
    turn.feed(Retry(3.0, 529, "overloaded"))
    turn.feed(Retry(6.5, 529, "overloaded"))
    with pytest.raises(UpstreamFailed) as caught:
        turn.feed(Failure("Overloaded", status=529))
    assert caught.value.retry_after == 7


def test_an_error_counts_the_wait_from_the_clocks_time() -> None:
    turn = TurnMachine(Clock(seconds=1000.0), load_ns=0)
    with pytest.raises(LimitReached) as caught:
        turn.feed(Failure("limit", status=429, resets_at=1042))
    assert caught.value.retry_after == 42


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (text("a"), "a delta before its message began"),
        (thinking("a"), "a delta before its message began"),
        (end(), "ended a message that never began"),
    ],
)
def test_what_comes_before_the_message_began_is_an_error(output: Output, what: str) -> None:
    with pytest.raises(BackendFailed, match=what):
        machine().feed(output)


@pytest.mark.parametrize(
    "output",
    [
        api("message_start"),
        api("message_start", message="claude-x"),
        api("content_block_delta"),
        api("content_block_delta", delta=None),
        api("content_block_delta", delta="a"),
        api("content_block_delta", delta={"type": "text_delta"}),
        api("content_block_delta", delta={"type": "thinking_delta", "text": "a"}),
        text(5),  # type: ignore[arg-type]
        api("message_delta"),
        api("message_delta", delta=[]),
        api("message_delta", delta={"stop_reason": ["end_turn"]}),
    ],
)
def test_events_that_make_no_sense_are_errors_with_a_bounded_text(output: ApiEvent) -> None:
    turn = machine()
    turn.feed(start())
    output.event["padding"] = "x" * 100_000
    with pytest.raises(BackendFailed, match="an event that makes no sense") as caught:
        turn.feed(output)
    assert len(caught.value.message) < 300


# Timings


def test_every_phase_of_a_turn_is_timed() -> None:
    clock = Clock()
    turn = TurnMachine(clock, load_ns=7)
    clock.nanoseconds += 100
    turn.feed(start())
    clock.nanoseconds += 20
    turn.feed(thinking("a"))
    clock.nanoseconds += 3000
    turn.feed(text("b"))
    clock.nanoseconds += 40_000
    assert turn.feed(end()) == [Finished("stop", Usage(), Timings(load=7, prompt=120, eval=43_000, total=43_127))]


def test_the_phases_of_an_answer_without_a_delta_are_timed_too() -> None:
    clock = Clock()
    turn = TurnMachine(clock, load_ns=7)
    turn.feed(start())
    clock.nanoseconds += 100
    assert turn.feed(end()) == [Finished("stop", Usage(), Timings(load=7, prompt=100, eval=1, total=107))]


@pytest.mark.parametrize("deltas", [[], [text("a")]])
def test_every_timing_is_at_least_one_nanosecond(deltas: list[Output]) -> None:
    turn = machine()
    for output in (start(), *deltas):
        turn.feed(output)
    assert turn.feed(end()) == [Finished("stop", Usage(), Timings(1, 1, 1, 1))]


def test_the_standard_librarys_time_is_a_clock() -> None:
    turn = TurnMachine(time, load_ns=0)
    turn.feed(start())
    assert isinstance(turn.feed(end())[-1], Finished)
