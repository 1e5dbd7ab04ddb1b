import pytest

from proxy.core.events import Event, Finished, Started, TextDelta, ThinkingDelta, Timings, Usage
from proxy.core.reply import Reply, fold

END = Finished("length", Usage(1, 2, 3, 4), Timings(1, 2, 3, 4))
ANSWER: list[Event] = [
    Started("claude-x"),
    ThinkingDelta("Let me "),
    ThinkingDelta("see."),
    TextDelta("Good "),
    TextDelta("day"),
    END,
]
WHOLE = Reply("claude-x", "Good day", "Let me see.", END)


def test_a_reply_joins_the_deltas_of_each_kind() -> None:
    assert fold(ANSWER) == WHOLE


def test_an_answer_may_be_empty() -> None:
    assert fold([Started("claude-x"), END]) == Reply("claude-x", "", "", END)


@pytest.mark.parametrize("events", [[], ANSWER[:-1]])
def test_events_without_an_end_are_no_answer(events: list[Event]) -> None:
    with pytest.raises(ValueError, match="without Finished"):
        fold(events)


def test_the_prompt_counts_what_the_cache_read_and_wrote() -> None:
    assert Usage(input_tokens=1, output_tokens=10, cache_read_tokens=100, cache_write_tokens=1000).prompt_tokens == 1101
