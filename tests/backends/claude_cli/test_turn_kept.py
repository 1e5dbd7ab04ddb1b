"""A turn beside its answer: what the process holds afterwards, thinking that nobody sees, and an answer cut off."""

import pytest

from proxy.backends.claude_cli.codec import Other, Output, Retry
from proxy.backends.claude_cli.turn import BYTES_PER_TOKEN, TurnMachine
from proxy.core.events import Event, Finished, TextDelta, ThinkingDelta, Timings, Usage
from tests.backends.claude_cli.api_events import STARTED, Clock, block, end, finished, said, start, text, thinking
from tests.backends.claude_cli.messages import message


def machine(*, show_thinking: bool = True) -> TurnMachine:
    return TurnMachine(Clock(), load_ns=0, show_thinking=show_thinking)


DAY = [text("Good "), text("day"), said("text", text="Good day")]


@pytest.mark.parametrize(
    ("outputs", "answer"),
    [
        pytest.param([start(), *DAY, end()], "Good day", id="one text"),
        pytest.param([start(), *DAY, end("stop_sequence")], "Good day", id="up to a stop string"),
        pytest.param([start(), thinking("Hm"), said("thinking"), *DAY, end()], "Good day", id="after thinking"),
        pytest.param([start(), said("redacted_thinking"), *DAY, end()], "Good day", id="after hidden thinking"),
        pytest.param([start(), text(" a\n"), said("text", text=" a\n"), end()], " a\n", id="with its blanks"),
        pytest.param(
            [start(), said("text", text="Bad"), Retry(1.0, 529, ""), start(), *DAY, end()],
            "Good day",
            id="after a retry",
        ),
        pytest.param([start(), *DAY, Other("system/status"), end()], "Good day", id="beside other lines"),
        pytest.param([start(), text("Good"), end()], None, id="never called finished"),
        pytest.param([start(), *DAY, text("!"), said("text", text="!"), end()], "Good day!", id="two texts"),
        pytest.param([start(), *DAY, end("tool_use")], None, id="for a call that never came"),
        pytest.param([start(), *DAY, said("server_tool_use"), end()], None, id="a block of a new type"),
        pytest.param([start(), *DAY, end("max_tokens")], None, id="too long"),
        pytest.param([start(), *DAY, end("pause_turn")], None, id="paused"),
        pytest.param([start(), *DAY, end("refusal")], None, id="refused"),
        pytest.param([start(), said("text", text=" "), text(" "), end()], None, id="blanks alone"),
        pytest.param([start(), thinking("Hm"), said("thinking"), end()], None, id="thinking alone"),
        pytest.param([start(), end()], None, id="nothing"),
        pytest.param([start(), *DAY], None, id="not ended"),
        pytest.param([], None, id="not begun"),
    ],
)
def test_the_answer_is_what_the_process_holds_and_nothing_else_beside_it(
    outputs: list[Output], answer: str | None
) -> None:
    turn = machine()
    for output in outputs:
        turn.feed(output)
    assert turn.answer == (message("a", answer) if answer else None)


@pytest.mark.parametrize(
    ("shown", "events"),
    [
        (True, [STARTED, ThinkingDelta("Let me see."), TextDelta("Day"), finished(output_tokens=9)]),
        (False, [STARTED, TextDelta("Day"), finished(output_tokens=9)]),
    ],
)
def test_thinking_is_shown_only_to_who_wants_to_see_it(shown: bool, events: list[Event]) -> None:
    turn = machine(show_thinking=shown)
    outputs = [start(), block("thinking"), thinking("Let me see."), text("Day"), end(output_tokens=9)]
    assert [event for output in outputs for event in turn.feed(output)] == events


def test_thinking_that_nobody_sees_counts_as_the_first_token() -> None:
    clock = Clock()
    turn = TurnMachine(clock, load_ns=7, show_thinking=False)
    clock.nanoseconds += 100
    turn.feed(start())
    turn.feed(thinking("Hm"))
    assert turn.answering
    clock.nanoseconds += 3000
    turn.feed(text("Day"))
    assert turn.feed(end()) == [Finished("stop", Usage(), Timings(load=7, prompt=100, eval=3000, total=3107))]


@pytest.mark.parametrize(
    ("size", "outputs", "tokens"),
    [
        (0, [start(output_tokens=1)], 1),
        (0, [start()], 0),
        (1, [start()], 1),
        (BYTES_PER_TOKEN, [start()], 1),
        (BYTES_PER_TOKEN + 1, [start(output_tokens=1)], 2),
        (400, [start(output_tokens=1), text("a")], 100),
        (8, [start(output_tokens=1), text("a"), end(output_tokens=50)], 50),
    ],
)
def test_an_answer_that_is_cut_counts_what_the_api_has_not_counted_yet(
    size: int, outputs: list[Output], tokens: int
) -> None:
    turn = machine()
    for output in outputs:
        turn.feed(output)
    assert turn.cut(size) == Finished("stop", Usage(output_tokens=tokens))


def test_an_answer_that_is_cut_has_ended_and_is_not_held() -> None:
    clock = Clock()
    turn = TurnMachine(clock, load_ns=7)
    clock.nanoseconds += 100
    turn.feed(start(input_tokens=5, cache_read_input_tokens=70))
    turn.feed(text("Good day"))
    turn.feed(said("text", text="Good day"))
    clock.nanoseconds += 3000
    assert turn.cut(4) == Finished("stop", Usage(5, 1, 70), Timings(load=7, prompt=100, eval=3000, total=3107))
    assert (turn.ended, turn.goes_on, turn.answer) == (True, False, None)
