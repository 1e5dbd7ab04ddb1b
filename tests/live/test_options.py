"""Every option, thinking level and format: what the Messages API received, and what the client got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import chat, process_of, user
from tests.support.routes import ROUTES, ask_over, spelled
from tests.support.running import Running

OLDER, NEWEST = "claude-sonnet-4-5", "opus"
OFF = {"thinking": {"type": "disabled"}}
HIDDEN = {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}

PROPERTIES = {"name": {"type": "string"}, "age": {"type": "integer"}}
STRICT = {"type": "object", "properties": PROPERTIES, "required": ["name", "age"]}
LIMITED = STRICT | {"properties": PROPERTIES | {"age": {"type": "integer", "minimum": 0}}}


@dataclass(frozen=True)
class Case:
    """A request, and what is sent for it to an `older` and to the `newest` model, over what is always sent.

    `refused` are the options that each cannot do.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    think: object = None
    older: Mapping[str, Any] = field(default_factory=lambda: OFF)
    newest: Mapping[str, Any] = field(default_factory=lambda: HIDDEN)
    refused_older: tuple[str, ...] = ()
    refused_newest: tuple[str, ...] = ()
    thinks: bool = False


def budget(tokens: int, **more: object) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}, "max_tokens": 32000, **more}


def effort(level: str) -> dict[str, Any]:
    return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": level}}


CASES = {
    "nothing": Case(),
    "temperature": Case({"temperature": 0.3}, older=OFF | {"temperature": 0.3}, refused_newest=("temperature",)),
    "temperature 0": Case({"temperature": 0}, older=OFF | {"temperature": 0}, refused_newest=("temperature",)),
    "a temperature that only Ollama has": Case(
        {"temperature": 1.5},
        older=OFF | {"temperature": 1},
        refused_older=("temperature",),
        refused_newest=("temperature",),
    ),
    "Ollama's default temperature": Case({"temperature": 0.8}, older=OFF | {"temperature": 0.8}),
    "top_p": Case({"top_p": 0.5}, older=OFF | {"top_p": 0.5}, refused_newest=("top_p",)),
    "temperature and top_p": Case(
        {"temperature": 0.3, "top_p": 0.5},
        older=OFF | {"temperature": 0.3},
        refused_older=("top_p",),
        refused_newest=("temperature", "top_p"),
    ),
    "top_k": Case({"top_k": 7}, older=OFF | {"top_k": 7}, refused_newest=("top_k",)),
    "OpenAI's defaults": Case({"temperature": 1, "top_p": 1}, older=OFF | {"temperature": 1}),
    "stop": Case(
        {"stop": ["STOP", "\n"]},
        older=OFF | {"stop_sequences": ["STOP"]},
        newest=HIDDEN | {"stop_sequences": ["STOP"]},
    ),
    "num_predict": Case({"num_predict": 500}, older=OFF | {"max_tokens": 500}, newest=HIDDEN | {"max_tokens": 500}),
    "no limit": Case({"num_predict": -1}),
    "think false": Case(think=False),
    "think true": Case(think=True, older=budget(8192), newest=effort("medium"), thinks=True),
    "think low": Case(think="low", older=budget(2048), newest=effort("low"), thinks=True),
    "think medium": Case(think="medium", older=budget(8192), newest=effort("medium"), thinks=True),
    "think high": Case(think="high", older=budget(16384), newest=effort("high"), thinks=True),
    "think max": Case(think="max", older=budget(31999), newest=effort("max"), thinks=True),
    "think within a limit": Case(
        {"num_predict": 3000},
        think="high",
        older=budget(1500) | {"max_tokens": 3000},
        newest=effort("high") | {"max_tokens": 3000},
        thinks=True,
    ),
    "no room to think": Case(
        {"num_predict": 900},
        think="high",
        older=OFF | {"max_tokens": 900},
        newest=effort("high") | {"max_tokens": 900},
        refused_older=("think",),
        thinks=True,
    ),
    "think and sample": Case(
        {"temperature": 0.3},
        think=True,
        older=budget(8192),
        newest=effort("medium"),
        refused_older=("temperature",),
        refused_newest=("temperature",),
        thinks=True,
    ),
}


ON_EVERY_ROUTE = ("temperature", "stop", "num_predict", "think high")
"""The others go over one route each, by turns: how the routes spell them is tested without a CLI."""

ROUTED = dict.fromkeys(
    [(name, ROUTES[index % len(ROUTES)]) for index, name in enumerate(CASES)]
    + [(name, route) for name in ON_EVERY_ROUTE for route in ROUTES]
)


@pytest.mark.parametrize(("name", "route"), ROUTED)
def test_an_option_reaches_the_model_that_takes_it(live: Running, name: str, route: str) -> None:
    case = CASES[name]
    for model, stream, expected, refused in (
        (OLDER, True, case.older, case.refused_older),
        (NEWEST, False, case.newest, case.refused_newest),
    ):
        answer = ask_over(live, route, model, "think: hello", options=case.options, think=case.think, stream=stream)
        assert answer.error == ""
        assert sampling(live.last()) == defaults(model) | dict(expected), model
        assert answer.unsupported == spelled(route, refused), model
        assert bool(answer.thinking) is (case.thinks and "think" not in refused), model
        assert "Simulated thinking" not in answer.text
        assert answer.reason == "stop"
        live.until_idle()


def sampling(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of an API request that options set."""
    names = ("temperature", "top_p", "top_k", "stop_sequences", "max_tokens", "thinking", "output_config")
    return {name: body[name] for name in names if name in body}


def defaults(model: str) -> dict[str, Any]:
    return {"max_tokens": 32000 if model == OLDER else 128000}


@pytest.mark.parametrize("model", [OLDER, NEWEST])
def test_options_do_not_leak_into_the_next_request(make_daemon: MakeDaemon, model: str) -> None:
    running = make_daemon()
    running.until_idle()
    chat(running, [user("hello")], model)
    running.until_idle()
    plain = running.last()
    for options, fields in (
        ({"temperature": 0.3, "top_k": 5, "stop": ["x"], "num_predict": 100}, {}),
        ({}, {"think": "high"}),
        ({}, {"format": STRICT}),
    ):
        chat(running, [user("hello")], model, options=options, **fields)
        running.until_idle()
        assert sampling(running.last()) != sampling(plain)
        chat(running, [user("hello")], model)
        running.until_idle()
        assert sampling(running.last()) == sampling(plain)
        assert running.last()["messages"] == plain["messages"]
    assert len({process_of(request.body) for request in running.sent()}) == 1


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("model", "stream"), [(OLDER, False), (NEWEST, True)], ids=["older, whole", "newest, streamed"]
)
@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("echo: one STOP two", ["STOP"], "one "),
        ("echo: one\ntwo\nthree", ["\n"], "one"),
        ("echo: one two three four", ["four", "three"], "one two "),
        ("[simulate: deltas 1] echo: abcabd", ["abd"], "abc"),
        ("echo: nothing here", ["else"], "nothing here"),
        ("echo: ends in half of itST", ["STOP"], "ends in half of itST"),
        ("echo: a  b", ["  "], "a"),
    ],
)
def test_an_answer_ends_before_its_stop_string(
    live: Running, text: str, stops: list[str], expected: str, model: str, route: str, stream: bool
) -> None:
    answer = ask_over(live, route, model, text, options={"stop": stops}, stream=stream)
    assert (answer.text, answer.reason, answer.error) == (expected, "stop", "")
    live.until_idle()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("model", "stream"), [(OLDER, False), (NEWEST, True)], ids=["older, whole", "newest, streamed"]
)
def test_an_answer_that_reaches_its_limit_says_so(live: Running, model: str, route: str, stream: bool) -> None:
    answer = ask_over(live, route, model, "[simulate: words 500]", options={"num_predict": 20}, stream=stream)
    assert answer.reason == "length"
    assert answer.text.startswith("word1 word2 ")
    assert 40 < len(answer.text) <= 80
    if not stream:
        assert answer.usage["completion_tokens"] == 20


FORMATS: Mapping[str, Any] = {
    "any object": "json",
    "a schema": STRICT,
    "a schema with limits": LIMITED,
    "a schema that the API cannot hold": {"type": "object", "additionalProperties": {"type": "string"}},
}
MOODS = {"type": "string", "enum": ["happy", "sad"]}


@pytest.mark.parametrize(
    ("name", "route", "model", "stream"),
    [
        (name, route, *((OLDER, False), (NEWEST, True))[(row + column) % 2])
        for row, name in enumerate(FORMATS)
        for column, route in enumerate(ROUTES)
    ],
)
def test_a_format_gives_json_and_nothing_else(live: Running, name: str, route: str, model: str, stream: bool) -> None:
    format = FORMATS[name]
    native = name.startswith("a schema") and "cannot" not in name
    text = "hello" if native else '[simulate: text "Here you are:\\n```json\\n{\\"name\\": \\"Ann\\"}\\n```\\nDone."]'
    answer = ask_over(live, route, model, text, format=format, stream=stream)
    assert answer.error == ""
    value = json.loads(answer.text)
    assert isinstance(value, dict)
    body = live.last()
    assert len(body["system"]) == 1
    if native:
        sent = body["output_config"]["format"]
        assert sent["type"] == "json_schema"
        assert sent["schema"]["additionalProperties"] is False
        assert set(value) == {"name", "age"}
    else:
        assert "format" not in body.get("output_config", {})
        assert "JSON" in body["messages"][-1]["content"][-1]["text"]
        assert answer.text == '{"name": "Ann"}'
    if stream:
        assert len(answer.pieces) > 1
    live.until_idle()


@pytest.mark.parametrize("route", ROUTES)
def test_a_value_that_is_no_object_comes_whole(live: Running, route: str) -> None:
    text = '[simulate: text "```json\\n\\"sad\\"\\n```"]'
    answer = ask_over(live, route, NEWEST, text, format=MOODS, stream=True)
    assert (answer.text, answer.pieces, answer.error) == ('"sad"', ('"sad"',), "")
    live.until_idle()


@pytest.mark.parametrize(
    ("text", "options", "expected", "status", "route"),
    [
        ('[simulate: text "no JSON at all"]', {}, "is not the JSON that was asked for", 502, ROUTES[0]),
        ('[simulate: text "{\\"name\\": 1, \\"age\\": 2}"]', {}, "is not the JSON that was asked for", 502, ROUTES[1]),
        (
            '[simulate: text "{\\"name\\": \\"Ann\\", \\"age\\":"]',
            {},
            "is not the JSON that was asked for",
            502,
            ROUTES[2],
        ),
        ("[simulate: refusal]", {}, "refused", 502, ROUTES[0]),
        (
            '[simulate: text "{\\"name\\": \\"Ann and many others\\", \\"age\\": 2}"]',
            {"num_predict": 3},
            "limit",
            400,
            ROUTES[1],
        ),
    ],
)
def test_what_cannot_be_made_valid_is_an_error(
    live: Running, text: str, options: dict[str, int], expected: str, status: int, route: str
) -> None:
    whole = ask_over(live, route, OLDER, text, options=options, format=STRICT)
    assert whole.status == status
    assert expected in whole.error
    streamed = ask_over(live, route, OLDER, text, options=options, format=STRICT, stream=True)
    assert expected in streamed.error
    assert streamed.reason == ""
    live.until_idle()


def test_a_schema_that_is_none_is_refused_before_anything_is_asked(live: Running) -> None:
    before = len(live.sent())
    answer = ask_over(live, "/api/chat", OLDER, "hello", format={"type": "objekt"})
    assert answer.status == 400
    assert "JSON Schema" in answer.error
    assert len(live.sent()) == before


def test_the_operator_sets_how_much_models_think(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"default_think": "high"})
    for model, expected in ((OLDER, budget(16384)), (NEWEST, effort("high"))):
        answer = ask_over(running, "/api/chat", model, "think: hello")
        assert sampling(running.last()) == defaults(model) | expected
        assert answer.thinking
        # What a client asks for counts more.
        sampled = ask_over(running, "/api/chat", model, "think: hello", think=False)
        assert not sampled.thinking
    ask_over(running, "/api/chat", OLDER, "hello", options={"temperature": 0.3})
    assert sampling(running.last()) == {"max_tokens": 32000, "temperature": 0.3, **OFF}


def test_what_a_model_does_not_do_is_counted(make_daemon: MakeDaemon) -> None:
    running = make_daemon()
    for _ in range(2):
        ask_over(running, "/api/chat", NEWEST, "hello", options={"temperature": 0.3, "seed": 7, "num_ctx": 4096})
    assert running.daemon.engine.unsupported == {"temperature": 2, "seed": 2}
