"""An answer held to stop strings and JSON: the events of the model, and those that the client gets."""

from typing import Any

import pytest

from proxy.backends.claude_cli.shaping import Shaper, shaper_for
from proxy.backends.claude_cli.turn import REFUSAL_TEXT
from proxy.core.contracts import Structure, Target, Thinking
from proxy.core.errors import InvalidRequest, ServerError, UpstreamFailed
from proxy.core.events import Event, Finished, FinishReason, Started, TextDelta, ThinkingDelta, Usage
from proxy.core.request import Options

STARTED = Started("claude-x")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def shaper(*stops: str, structure: Structure | None = None) -> Shaper:
    made = shaper_for(Target("claude-x", Options(stop=stops), structure=structure))
    assert made is not None
    return made


def json_shaper(schema: dict[str, Any] | None = None, *stops: str) -> Shaper:
    return shaper(*stops, structure=Structure(schema))


def texts(*said: str) -> list[Event]:
    return [TextDelta(text) for text in said]


def end(reason: FinishReason = "stop") -> Finished:
    return Finished(reason, Usage(5, 9))


@pytest.mark.parametrize(
    "target",
    [
        Target("claude-x"),
        Target("claude-x", Options(temperature=0.5, max_tokens=9), Thinking("adaptive", shown=True), prefill=True),
    ],
)
def test_nothing_is_held_to_nothing(target: Target) -> None:
    assert shaper_for(target) is None


@pytest.mark.parametrize("schema", [{"type": "no such type"}, {"$ref": "https://example.com/schema"}])
def test_a_schema_that_is_none_is_found_before_anything_is_asked(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        shaper_for(Target("claude-x", structure=Structure(schema)))


# Stop strings


@pytest.mark.parametrize(
    ("said", "heard", "stopped"),
    [
        (["Good ", "day"], ["Good ", "day"], False),
        (["Good END day"], ["Good "], True),
        (["Good E", "ND day"], ["Good "], True),
        (["Good E", "N", "D", " day"], ["Good "], True),
        (["Good E", "nd"], ["Good ", "End"], False),
        (["END"], [], True),
        (["Good EN"], ["Good ", "EN"], False),
        (["Good ", "\n", "day"], ["Good "], True),
    ],
)
def test_an_answer_ends_before_the_first_stop_string(said: list[str], heard: list[str], stopped: bool) -> None:
    stopping = shaper("END", "\n")
    events = stopping.take([STARTED, *texts(*said), end()])
    assert events == [STARTED, *texts(*heard), *([] if stopped else [end()])]
    assert stopping.stopped is stopped
    assert stopping.size == len("".join(heard))


def test_a_stop_string_is_found_across_batches_and_what_may_begin_one_is_held_back() -> None:
    stopping = shaper("END")
    batches: list[list[Event]] = [[STARTED], texts("Good "), texts("E"), texts("N"), texts("D day")]
    assert [stopping.take(events) for events in batches] == [[STARTED], texts("Good "), [], [], []]
    assert stopping.stopped


def test_what_was_held_back_is_sent_before_the_end() -> None:
    stopping = shaper("END")
    assert stopping.take(texts("Good EN")) == texts("Good ")
    assert stopping.take([end("length")]) == [*texts("EN"), end("length")]
    assert not stopping.stopped


def test_thinking_is_not_stopped() -> None:
    stopping = shaper("END")
    assert stopping.take([ThinkingDelta("END?"), *texts("No"), end()]) == [ThinkingDelta("END?"), *texts("No"), end()]
    assert (stopping.stopped, stopping.size) == (False, 2)


@pytest.mark.parametrize(("said", "size"), [("é\u2028", 5), ("\ud83d", 3), ("\U0001f600", 4)])
def test_the_size_is_in_bytes(said: str, size: int) -> None:
    stopping = shaper("END")
    stopping.take(texts(f"{said}END"))
    assert stopping.size == size


@pytest.mark.parametrize(
    ("events", "heard"),
    [
        (texts(REFUSAL_TEXT), texts(REFUSAL_TEXT)),
        (texts("Well", f"\n\n{REFUSAL_TEXT}"), texts("Well", f"\n\n{REFUSAL_TEXT}")),
        (texts("Well mo", REFUSAL_TEXT), texts("Well ", "mo", REFUSAL_TEXT)),
    ],
)
def test_no_stop_string_ends_the_words_of_a_refusal(events: list[Event], heard: list[Event]) -> None:
    stopping = shaper("\n\n", "model", ".")
    assert stopping.take([STARTED, *events, end("refusal")]) == [STARTED, *heard, end("refusal")]
    assert not stopping.stopped


def test_a_refusal_after_a_stop_string_is_nobodys() -> None:
    stopping = shaper("END")
    assert stopping.take([*texts("Good END", REFUSAL_TEXT), end("refusal")]) == texts("Good ")
    assert stopping.stopped


# JSON


@pytest.mark.parametrize(
    ("schema", "said", "heard"),
    [
        (None, ['{"a":', " 1}"], ['{"a":', " 1}"]),
        (None, ["Sure! ```json\n", '{"b": [1]}', "\n```", " Done {}."], ['{"b": [1]}']),
        (SCHEMA, ['{"a": 1}'], ['{"a": 1}']),
        (SCHEMA, ['Here: {"a"', ': 1, "b": "}"}', " bye"], ['{"a"', ': 1, "b": "}"}']),
        ({"type": "array"}, ["[1, ", "2]"], ["[1, ", "2]"]),
    ],
)
@pytest.mark.parametrize("reason", ["stop", "length"])
def test_a_client_gets_the_json_and_nothing_around_it(
    schema: dict[str, Any] | None, said: list[str], heard: list[str], reason: FinishReason
) -> None:
    shaping = json_shaper(schema)
    assert shaping.take([STARTED, ThinkingDelta("{"), *texts(*said), end(reason)]) == [
        STARTED,
        ThinkingDelta("{"),
        *texts(*heard),
        end(reason),
    ]
    assert shaping.size == len("".join(heard))


@pytest.mark.parametrize(
    ("schema", "said", "reason", "kind", "complaint", "should_retry"),
    [
        (None, "I cannot.", "stop", UpstreamFailed, "is not the JSON that was asked for: the answer is not", None),
        (None, '{"a": ', "stop", UpstreamFailed, "is not the JSON that was asked for", None),
        (None, "{'a': 1}", "stop", UpstreamFailed, "is not the JSON that was asked for", None),
        (SCHEMA, '{"a": "1"}', "stop", UpstreamFailed, "is not the JSON that was asked for", None),
        (SCHEMA, '{"a": "1"}', "length", UpstreamFailed, "is not the JSON that was asked for", None),
        (SCHEMA, "[1]", "stop", UpstreamFailed, "is not the JSON that was asked for", None),
        (SCHEMA, '{"a": 1', "length", InvalidRequest, "cut its JSON off", False),
        (SCHEMA, "", "length", InvalidRequest, "cut its JSON off", False),
        (SCHEMA, '{"a": 1}', "refusal", UpstreamFailed, "refused to answer", False),
        (SCHEMA, REFUSAL_TEXT, "refusal", UpstreamFailed, "refused to answer", False),
    ],
)
def test_what_is_not_the_json_that_was_asked_for_is_an_error(
    schema: dict[str, Any] | None,
    said: str,
    reason: FinishReason,
    kind: type[ServerError],
    complaint: str,
    should_retry: bool | None,
) -> None:
    shaping = json_shaper(schema)
    shaping.take([STARTED, *texts(said)])
    with pytest.raises(ServerError, match=complaint) as caught:
        shaping.take([end(reason)])
    assert (type(caught.value), caught.value.should_retry) == (kind, should_retry)


def test_a_refusal_is_an_error_where_json_was_asked_for_also_with_stop_strings() -> None:
    with pytest.raises(UpstreamFailed, match="refused to answer"):
        json_shaper(None, "model").take([STARTED, *texts(REFUSAL_TEXT), end("refusal")])


# Both


@pytest.mark.parametrize("said", [['{"a": 1}\n', "END {}"], ['{"a": 1}', "EN", "D"]])
def test_a_stop_string_after_the_json_ends_the_answer(said: list[str]) -> None:
    shaping = json_shaper(SCHEMA, "END")
    assert "".join(event.text for event in shaping.take(texts(*said)) if isinstance(event, TextDelta)) == '{"a": 1}'
    assert shaping.stopped
    shaping.check("stop")


def test_a_stop_string_inside_the_json_makes_it_none() -> None:
    shaping = json_shaper(SCHEMA, "END")
    assert shaping.take(texts('{"a": 1, "b": "END"}')) == texts('{"a": 1, "b": "')
    assert shaping.stopped
    with pytest.raises(UpstreamFailed, match="is not the JSON that was asked for"):
        shaping.check("stop")


@pytest.mark.parametrize("reason", ["stop", "length", "refusal"])
def test_where_no_json_was_asked_for_every_end_is_one(reason: FinishReason) -> None:
    shaping = shaper("END")
    shaping.take(texts("Good day"))
    shaping.check(reason)
