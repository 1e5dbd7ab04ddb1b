import pytest

from proxy.core.events import (
    CallComplete,
    CallDelta,
    CallStarted,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThoughtEnded,
    Timings,
    Usage,
)
from proxy.core.reply import Reply, fold
from proxy.core.request import Text, Thought, ToolCall

END = Finished("length", Usage(1, 2, 3, 4), Timings(1, 2, 3, 4))
ANSWER: list[Event] = [
    Started("claude-x"),
    ThinkingDelta("Let me "),
    ThinkingDelta("see."),
    TextDelta("Good "),
    TextDelta("day"),
    END,
]
WHOLE = Reply("claude-x", "Good day", "Let me see.", END, (), (Thought("Let me see."), Text("Good day")))


def test_a_reply_joins_the_deltas_of_each_kind() -> None:
    assert fold(ANSWER) == WHOLE


def test_a_reply_has_its_parts_in_order() -> None:
    events: list[Event] = [
        Started("claude-x"),
        ThinkingDelta("One"),
        ThinkingDelta(" two."),
        ThoughtEnded("signed"),
        ThoughtEnded(redacted="sealed"),
        ThoughtEnded("signed unseen"),
        TextDelta("I "),
        TextDelta("look."),
        CallStarted(0, "a", "get_weather"),
        CallDelta(0, '{"city":"Rome"}'),
        CallComplete(0, "a", "get_weather", {"city": "Rome"}),
        CallStarted(1, "b", "get_time"),
        CallDelta(1, "{}"),
        CallComplete(1, "b", "get_time", {}),
        TextDelta("Then."),
        END,
    ]
    calls = (ToolCall("a", "get_weather", {"city": "Rome"}), ToolCall("b", "get_time", {}))
    reply = fold(events)
    assert reply.parts == (
        Thought("One two.", "signed"),
        Thought(redacted="sealed"),
        Thought("", "signed unseen"),
        Text("I look."),
        *calls,
        Text("Then."),
    )
    assert (reply.text, reply.thinking, reply.calls) == ("I look.Then.", "One two.", calls)


def test_an_answer_may_be_empty() -> None:
    assert fold([Started("claude-x"), END]) == Reply("claude-x", "", "", END)


@pytest.mark.parametrize("events", [[], ANSWER[:-1]])
def test_events_without_an_end_are_no_answer(events: list[Event]) -> None:
    with pytest.raises(ValueError, match="without Finished"):
        fold(events)


def test_the_prompt_counts_what_the_cache_read_and_wrote() -> None:
    assert Usage(input_tokens=1, output_tokens=10, cache_read_tokens=100, cache_write_tokens=1000).prompt_tokens == 1101
