"""A turn in which the model calls tools: its events, its end, and what the process then waits for."""

import pytest

from proxy.backends.claude_cli.codec import Output, TurnBegins
from proxy.backends.claude_cli.replay import Recalled
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.errors import BackendFailed, UpstreamFailed
from proxy.core.events import (
    CallComplete,
    CallDelta,
    CallStarted,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    Timings,
    Usage,
)
from proxy.core.request import ToolCall
from tests.backends.claude_cli.api_events import (
    STARTED,
    STOP,
    Clock,
    block,
    call,
    end,
    finished,
    piece,
    said,
    start,
    text,
    thinking,
)
from tests.backends.claude_cli.messages import message

TOOLS = {"add": "add", "a_b_1234": "a.b"}
ALL = frozenset(TOOLS)
ADD: list[Output] = [
    call("add"),
    piece('{"a": '),
    piece("5}"),
    said("tool_use", id="toolu_1", name="add", input={"a": 5}),
    STOP,
]
OTHER: list[Output] = [call("a_b_1234", "toolu_2"), said("tool_use", id="toolu_2", name="a_b_1234", input={}), STOP]
UNKNOWN: list[Output] = [
    call("sub", "toolu_3"),
    piece("{}"),
    said("tool_use", id="toolu_3", name="sub", input={}),
    STOP,
]
BROKEN: list[Output] = [call("add", "toolu_4"), piece('{"a": '), STOP]
WORDS: list[Output] = [block("text"), text("I add."), said("text", text="I add."), STOP]
THOUGHTS: list[Output] = [block("thinking"), thinking("Hm"), said("thinking", thinking="Hm", signature="c2ln"), STOP]

ADDED: list[Event] = [
    CallStarted(0, "toolu_1", "add"),
    CallDelta(0, '{"a": '),
    CallDelta(0, "5}"),
    CallComplete(0, "toolu_1", "add", {"a": 5}),
]


def machine() -> TurnMachine:
    return TurnMachine(Clock(), load_ns=0, tools=TOOLS)


def fed(turn: TurnMachine, *outputs: Output) -> list[Event]:
    return [event for output in outputs for event in turn.feed(output)]


@pytest.mark.parametrize(
    ("outputs", "events"),
    [
        ([start(), *ADD, end("tool_use")], [STARTED, *ADDED, finished("tool_calls")]),
        (
            [start(), *THOUGHTS, *WORDS, *ADD, end("tool_use")],
            [STARTED, ThinkingDelta("Hm"), TextDelta("I add."), *ADDED, finished("tool_calls")],
        ),
        (
            [start(), *ADD, *OTHER, end("tool_use")],
            [
                STARTED,
                *ADDED,
                CallStarted(1, "toolu_2", "a.b"),
                CallDelta(1, "{}"),
                CallComplete(1, "toolu_2", "a.b", {}),
                finished("tool_calls"),
            ],
        ),
        ([start(), *ADD, end()], [STARTED, *ADDED, finished("tool_calls")]),
    ],
    ids=["a call", "after thinking and words", "two calls", "an ordinary reason"],
)
def test_calls_end_an_answer_whose_process_waits_for_the_results(outputs: list[Output], events: list[Event]) -> None:
    turn = machine()
    assert fed(turn, *outputs) == events
    assert (turn.ended, turn.pending, turn.goes_on) == (True, True, False)
    assert turn.first_call == "toolu_1"


@pytest.mark.parametrize(
    ("outputs", "parts"),
    [
        ([*ADD, end("tool_use")], (ToolCall("toolu_1", "add", {"a": 5}),)),
        (
            [*THOUGHTS, *WORDS, *ADD, *OTHER, end("tool_use")],
            ("I add.", ToolCall("toolu_1", "add", {"a": 5}), ToolCall("toolu_2", "a.b")),
        ),
    ],
)
def test_what_the_process_holds_is_the_words_and_the_calls(
    outputs: list[Output], parts: tuple[str | ToolCall, ...]
) -> None:
    turn = machine()
    fed(turn, start(), *outputs)
    assert turn.answer == message("a", *parts)


def test_what_was_given_has_the_thoughts_and_the_apis_own_names() -> None:
    turn = machine()
    fed(turn, start(), *THOUGHTS, *WORDS, *OTHER, end("tool_use"))
    assert turn.given == Recalled(
        "claude-x",
        (
            {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
            {"type": "text", "text": "I add."},
            {"type": "tool_use", "id": "toolu_2", "name": "a_b_1234", "input": {}},
        ),
    )


def test_a_call_is_the_first_token() -> None:
    clock = Clock()
    turn = TurnMachine(clock, load_ns=7, tools=TOOLS)
    clock.nanoseconds += 100
    fed(turn, start())
    clock.nanoseconds += 20
    fed(turn, call("add"))
    assert turn.answering
    clock.nanoseconds += 3000
    *_, last = fed(turn, piece("{}"), STOP, end("tool_use"))
    assert last == Finished("tool_calls", Usage(), Timings(load=7, prompt=120, eval=3000, total=3127))


# Ends of other kinds


@pytest.mark.parametrize(
    ("calls", "pending"),
    [([*UNKNOWN], False), ([*ADD, *UNKNOWN], True), ([*UNKNOWN, *ADD], True)],
    ids=["alone", "behind a known one", "before a known one"],
)
def test_unknown_tools_alone_are_answered_by_the_cli_which_then_goes_on(calls: list[Output], pending: bool) -> None:
    turn = machine()
    *_, last = fed(turn, start(), *calls, end("tool_use"))
    assert last == finished("tool_calls")
    assert (turn.pending, turn.goes_on) == (pending, not pending)
    assert turn.answer is None, "the process will hold an answer of the CLI's to it"


@pytest.mark.parametrize("before", [[], ADD], ids=["alone", "behind a whole one"])
def test_a_call_whose_arguments_are_no_object_fails_the_answer(before: list[Output]) -> None:
    turn = machine()
    fed(turn, start(), *before, *BROKEN)
    with pytest.raises(UpstreamFailed, match='the tool "add" with arguments that are not a JSON object'):
        turn.feed(end("tool_use"))
    assert turn.goes_on
    assert turn.answer is None


def test_an_answer_that_is_cut_off_may_have_a_call_that_is_not_complete() -> None:
    turn = machine()
    events = fed(turn, start(), *ADD, *BROKEN, end("max_tokens"))
    assert events == [
        STARTED,
        *ADDED,
        CallStarted(1, "toolu_4", "add"),
        CallDelta(1, '{"a": '),
        finished("length"),
    ]
    assert (turn.pending, turn.goes_on, turn.answer) == (False, True, None)


@pytest.mark.parametrize("reason", ["tool_use", "pause_turn"])
def test_a_reason_that_speaks_of_calls_is_nothing_without_one(reason: str) -> None:
    turn = machine()
    *_, last = fed(turn, start(), *WORDS, end(reason))
    assert last == finished("stop")
    assert (turn.pending, turn.goes_on) == (False, True)


@pytest.mark.parametrize("outputs", [[call("add")], [start(), call("add"), piece(7)]])  # type: ignore[arg-type]
def test_calls_that_make_no_sense_are_the_clis_fault(outputs: list[Output]) -> None:
    with pytest.raises(BackendFailed):
        fed(machine(), *outputs)


# The tools that the CLI offers


@pytest.mark.parametrize(
    ("offered", "complaint"),
    [
        (frozenset({"add"}), "did not take these tools: a.b"),
        (frozenset[str](), "did not take these tools: add, a.b"),
        (ALL | {"Bash", "Agent"}, "offers tools that it should not: Agent, Bash"),
    ],
)
def test_a_cli_that_offers_other_tools_than_it_should_gives_no_answer(offered: frozenset[str], complaint: str) -> None:
    with pytest.raises(BackendFailed, match=complaint) as caught:
        machine().feed(TurnBegins(offered))
    assert caught.value.should_retry is False


def test_a_cli_that_offers_the_clients_tools_goes_on() -> None:
    turn = machine()
    assert fed(turn, TurnBegins(ALL), start()) == [STARTED]


# The CLI's own tools

SEARCH: list[Output] = [call("WebSearch", "toolu_5"), piece('{"query": "a"}'), said("tool_use", id="toolu_5"), STOP]


def test_tools_of_the_clis_own_are_told_as_thoughts_and_the_answer_goes_on() -> None:
    turn = TurnMachine(Clock(), load_ns=0, tools=TOOLS, builtin=("WebSearch",))
    events = fed(turn, TurnBegins(ALL | {"WebSearch"}), start(), *WORDS, *SEARCH, end("tool_use"))
    assert events == [STARTED, TextDelta("I add."), ThinkingDelta('[WebSearch {"query": "a"}]\n')]
    assert not turn.ended
    assert fed(turn, start(), *ADD, end("tool_use")) == [*ADDED, finished("tool_calls")]
    assert turn.used == ["WebSearch"]
    assert turn.answer is None, "the process holds more than the client knows"


def test_a_tool_of_the_clis_own_that_it_does_not_offer_is_missed() -> None:
    turn = TurnMachine(Clock(), load_ns=0, builtin=("WebSearch",))
    with pytest.raises(BackendFailed, match="did not take these tools: WebSearch"):
        turn.feed(TurnBegins(frozenset()))
