"""The calls of an answer, from the pieces in which the API sends them."""

import json
from typing import Any

import pytest

from proxy.backends.claude_cli.calls import Calls, read_arguments
from proxy.core.errors import UpstreamFailed
from proxy.core.events import CallComplete, CallDelta, CallStarted, Event, ThinkingDelta
from proxy.core.request import ToolCall

TOOLS = {"add": "add", "a_b_1234": "a.b"}


def block(name: str, call_id: str = "call_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}}


def called(calls: Calls, name: str, *pieces: str, call_id: str = "call_1") -> list[Event]:
    """The events of one call."""
    events = calls.start(block(name, call_id))
    for piece in pieces:
        events += calls.piece(piece)
    return events + calls.stop()


@pytest.mark.parametrize(
    ("pieces", "deltas", "arguments"),
    [
        (['{"a": 1}'], ['{"a": 1}'], {"a": 1}),
        (['{"a', '": [1', ", 2]}"], ['{"a', '": [1', ", 2]}"], {"a": [1, 2]}),
        (["", '{"a": 1', "", "}", ""], ['{"a": 1', "}"], {"a": 1}),
        ([], ["{}"], {}),
        ([""], ["{}"], {}),
        (["{}"], ["{}"], {}),
        ([' {"a" : "\\ud83d\\ude00 ä"} '], [' {"a" : "\\ud83d\\ude00 ä"} '], {"a": "\U0001f600 ä"}),
    ],
)
def test_a_call_comes_piece_by_piece_and_then_whole(
    pieces: list[str], deltas: list[str], arguments: dict[str, Any]
) -> None:
    calls = Calls(TOOLS)
    assert called(calls, "add", *pieces) == [
        CallStarted(0, "call_1", "add"),
        *(CallDelta(0, delta) for delta in deltas),
        CallComplete(0, "call_1", "add", arguments),
    ]
    assert calls.complete == [ToolCall("call_1", "add", arguments)]
    assert (calls.known, calls.unknown, calls.broken) == (1, 0, [])


def test_several_calls_are_counted_in_their_order() -> None:
    calls = Calls(TOOLS)
    called(calls, "add", '{"a": 1}')
    events = called(calls, "a_b_1234", call_id="call_2")
    assert [event.index for event in events if not isinstance(event, ThinkingDelta)] == [1, 1, 1]  # type: ignore[union-attr]
    assert calls.complete == [ToolCall("call_1", "add", {"a": 1}), ToolCall("call_2", "a.b")]


@pytest.mark.parametrize(
    ("name", "told", "known", "unknown"), [("add", "add", 1, 0), ("a_b_1234", "a.b", 1, 0), ("a.b", "a.b", 0, 1)]
)
def test_a_call_has_the_clients_name_of_a_tool_that_was_offered(name: str, told: str, known: int, unknown: int) -> None:
    calls = Calls(TOOLS)
    assert called(calls, name)[0] == CallStarted(0, "call_1", told)
    assert (calls.known, calls.unknown) == (known, unknown)


def test_the_arguments_keep_the_order_of_their_keys() -> None:
    calls = Calls(TOOLS)
    called(calls, "add", '{"b": 1, "a": {"d": 2, "c": 3}}')
    (call,) = calls.complete
    assert json.dumps(call.arguments) == '{"b": 1, "a": {"d": 2, "c": 3}}'


def nested(depth: int) -> str:
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ',
        '{"a": "cut o',
        "{'a': 1}",
        '{"a": 1} and more',
        "[]",
        "7",
        "null",
        '"text"',
        " ",
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": [-1e999]}',
        nested(101),
        '{"a":' * 101 + "1" + "}" * 101,
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_arguments_that_are_no_json_object_make_a_call_broken(text: str) -> None:
    calls = Calls(TOOLS)
    assert called(calls, "a_b_1234", text) == [CallStarted(0, "call_1", "a.b"), CallDelta(0, text)]
    assert calls.complete == []
    assert calls.broken == ["a.b"]
    error = calls.error()
    assert isinstance(error, UpstreamFailed)
    assert '"a.b"' in error.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("-2e3", "-2000"),
        ("0.5", "0.5"),
        ("-0.0", "0"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1e-400", "0"),
        ("true", "True"),
        ("null", "None"),
    ],
)
def test_integral_numbers_are_whole_ones(text: str, value: str) -> None:
    assert repr(read_arguments(f'{{"a": {text}}}')["a"]) == value


def test_arguments_as_deep_as_every_client_reads_them_are_taken() -> None:
    assert read_arguments(nested(100)) == json.loads(nested(100))


def test_a_large_argument_is_taken_as_it_is() -> None:
    large = "x" * (1 << 20)
    text = json.dumps({"a": large})
    pieces = [text[at : at + 100] for at in range(0, len(text), 100)]
    calls = Calls(TOOLS)
    events = called(calls, "add", *pieces)
    assert calls.complete == [ToolCall("call_1", "add", {"a": large})]
    assert len(events) == len(pieces) + 2


def test_blocks_that_are_no_calls_bring_nothing() -> None:
    calls = Calls(TOOLS)
    assert calls.stop() == []
    assert calls.piece("{}") == []
    called(calls, "add")
    assert calls.stop() == []
    assert len(calls.complete) == 1


def test_a_piece_that_is_no_text_makes_no_sense() -> None:
    calls = Calls(TOOLS)
    calls.start(block("add"))
    with pytest.raises(TypeError):
        calls.piece(None)


# The CLI's own tools


def test_a_call_of_a_tool_of_the_clis_own_is_told_as_a_thought() -> None:
    calls = Calls(TOOLS, frozenset({"WebSearch"}))
    assert called(calls, "WebSearch", '{"query":', '"a"}') == [ThinkingDelta('[WebSearch {"query":"a"}]\n')]
    assert (calls.used, calls.complete, calls.known, calls.unknown) == (["WebSearch"], [], 0, 0)
    assert calls.only_used
    calls.next_message()
    assert not calls.only_used


@pytest.mark.parametrize("name", ["add", "unknown"])
def test_beside_a_call_that_the_client_answers_it_is_not_alone(name: str) -> None:
    calls = Calls(TOOLS, frozenset({"WebSearch"}))
    called(calls, "WebSearch")
    assert called(calls, name)[0] == CallStarted(0, "call_1", name)
    assert not calls.only_used
