from dataclasses import replace
from typing import Any

import pytest

from proxy.catalog.fit import Fitted, fit
from proxy.catalog.models import Model
from proxy.core.contracts import Abilities, Thinking
from proxy.core.errors import InvalidRequest, PromptTooLong
from proxy.core.request import ChatRequest, Image, JsonFormat, Message, Options, Role, Text, Think, ToolResult
from proxy.shape.schema import api_schema, instruction

LEVELS = ("low", "medium", "high", "xhigh", "max")
ALL = frozenset({"temperature", "top_p", "top_k", "stop", "num_predict"})
BOUNDS = frozenset({"stop", "num_predict"})

OLDER = Model(
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "Claude Sonnet 4.5",
    options=ALL,
    thinking="budget",
    thinking_off=True,
    prefill=True,
)
BEFORE = Model(
    "claude-opus-4-8",
    "claude-opus-4-8",
    "Claude Opus 4.8",
    context_length=1_000_000,
    max_output_tokens=128_000,
    options=BOUNDS,
    thinking="adaptive",
    thinking_off=True,
    effort_levels=LEVELS,
)
NEWEST = replace(BEFORE, name="opus", backend_model="opus", display_name="Claude Opus 5.5", thinking_off=False)
SEEING = replace(OLDER, capabilities=("completion", "vision"))
PLAIN = Model("plain", "plain", "Plain")
BRIDGE = replace(BEFORE, options=ALL, effort_levels=("low", "medium", "high", "max"))

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}


def message(role: Role, text: str = "hi") -> Message:
    return Message(role, (Text(text),))


def fitted(model: Model, *, default: Think = False, messages: tuple[Message, ...] = (), **wishes: Any) -> Fitted:
    return fit(ChatRequest("Name", messages or (message("user"),), **wishes), model, default)


def options(model: Model, *, default: Think = False, think: Think | None = None, **given: Any) -> dict[str, Any]:
    """The options that reach the target, and those that are named as unsupported."""
    result = fitted(model, default=default, think=think, options=Options(**given))
    sent = {
        name: value
        for name in Options.__slots__
        if (value := getattr(result.target.options, name)) not in (None, (), {})
    }
    return sent | ({"unsupported": result.unsupported} if result.unsupported else {})


def refusal(model: Model, *, default: Think = False, messages: tuple[Message, ...] = (), **wishes: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        fitted(model, default=default, messages=messages, **wishes)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize("model", [OLDER, BEFORE, NEWEST, PLAIN], ids=lambda model: str(model.name))
def test_a_request_without_wishes_is_left_as_it_is(model: Model) -> None:
    request = ChatRequest(model.name, (message("user"),))
    result = fit(request, model, False)
    assert result.request is request
    assert (result.target.model, result.target.options) == (model.backend_model, Options())
    assert (result.target.structure, result.target.prefill) == (None, False)
    assert (result.unsupported, result.dropped, result.tokens) == ((), 0, 5)


# Options


@pytest.mark.parametrize(
    ("given", "older", "newest"),
    [
        ({"temperature": 0.3}, {"temperature": 0.3}, {"unsupported": ("temperature",)}),
        ({"temperature": 0.0}, {"temperature": 0.0}, {"unsupported": ("temperature",)}),
        ({"temperature": 0.8}, {"temperature": 0.8}, {}),
        ({"temperature": 1.0}, {"temperature": 1.0}, {}),
        (
            {"temperature": 1.5},
            {"temperature": 1.0, "unsupported": ("temperature",)},
            {"unsupported": ("temperature",)},
        ),
        ({"temperature": -1}, {"temperature": 0.0, "unsupported": ("temperature",)}, {"unsupported": ("temperature",)}),
        ({"top_p": 0.5}, {"top_p": 0.5}, {"unsupported": ("top_p",)}),
        ({"top_p": 0.9}, {"top_p": 0.9}, {}),
        ({"top_p": 1.0}, {}, {}),
        ({"top_p": 1.5}, {}, {}),
        ({"top_p": -0.1}, {"top_p": 0.0, "unsupported": ("top_p",)}, {"unsupported": ("top_p",)}),
        ({"top_k": 5}, {"top_k": 5}, {"unsupported": ("top_k",)}),
        ({"top_k": 40}, {"top_k": 40}, {}),
        ({"top_k": 0}, {}, {}),
        ({"stop": ("END", "\n\n")}, {"stop": ("END", "\n\n")}, {"stop": ("END", "\n\n")}),
        ({"max_tokens": 500}, {"max_tokens": 500}, {"max_tokens": 500}),
        ({"max_tokens": 100_000}, {"max_tokens": 64_000}, {"max_tokens": 100_000}),
        ({"max_tokens": 2**63 - 1}, {"max_tokens": 64_000}, {"max_tokens": 128_000}),
        ({"temperature": 0.8, "top_p": 0.9, "top_k": 40}, {"temperature": 0.8, "top_k": 40}, {}),
        ({"temperature": 1.0, "top_p": 1.0}, {"temperature": 1.0}, {}),
        (
            {"temperature": 0.3, "top_p": 0.5, "top_k": 5},
            {"temperature": 0.3, "top_k": 5, "unsupported": ("top_p",)},
            {"unsupported": ("temperature", "top_p", "top_k")},
        ),
        ({"temperature": 0.3, "top_p": 0.9}, {"temperature": 0.3}, {"unsupported": ("temperature",)}),
        ({"temperature": 0.8, "top_p": 0.5}, {"top_p": 0.5}, {"unsupported": ("top_p",)}),
        ({"temperature": 1.0, "top_p": 0.5}, {"top_p": 0.5}, {"unsupported": ("top_p",)}),
    ],
)
def test_a_model_gets_the_options_that_it_takes(
    given: dict[str, Any], older: dict[str, Any], newest: dict[str, Any]
) -> None:
    assert options(OLDER, **given) == older
    assert options(NEWEST, **given) == options(BEFORE, **given) == newest


def test_a_model_without_any_options_has_each_wish_named() -> None:
    given: dict[str, Any] = {"temperature": 0.3, "top_p": 0.5, "top_k": 5, "stop": ("END",), "max_tokens": 500}
    assert options(PLAIN, **given) == {"unsupported": ("temperature", "top_p", "top_k", "stop", "max_tokens")}


def test_nothing_is_sampled_while_the_model_thinks_because_the_client_asked() -> None:
    given: dict[str, Any] = {"temperature": 0.3, "top_p": 0.5, "top_k": 5, "stop": ("END",), "max_tokens": 9000}
    assert options(OLDER, think=True, **given) == {
        "stop": ("END",),
        "max_tokens": 9000,
        "unsupported": ("temperature", "top_p", "top_k"),
    }
    assert options(OLDER, think=True, temperature=0.8, top_p=0.9, top_k=40) == {"max_tokens": 32_000}


@pytest.mark.parametrize("model", [OLDER, BRIDGE], ids=["budget", "adaptive"])
def test_thinking_by_default_yields_to_sampling_that_was_asked_for(model: Model) -> None:
    result = fitted(model, default="high", options=Options(temperature=0.3))
    assert (result.target.thinking.mode, result.target.thinking.shown) == ("off", False)
    assert (result.target.options.temperature, result.unsupported) == (0.3, ())


@pytest.mark.parametrize(
    ("model", "given"),
    [(OLDER, {"temperature": 0.8, "top_k": 40}), (NEWEST, {"temperature": 0.3}), (BEFORE, {"temperature": 0.3})],
    ids=["library defaults", "not taken, always thinking", "not taken"],
)
def test_thinking_by_default_does_not_yield_to_what_would_not_be_sent(model: Model, given: dict[str, Any]) -> None:
    result = fitted(model, default="high", options=Options(**given))
    assert (result.target.thinking.mode != "off", result.target.thinking.shown) == (True, True)
    assert result.target.options.temperature is None


def test_what_always_thinks_is_never_sampled() -> None:
    model = replace(BRIDGE, thinking_off=False)
    assert options(model, default="high", temperature=0.3) == {"unsupported": ("temperature",)}
    assert options(model, think=False, temperature=0.3) == {"unsupported": ("temperature",)}
    assert fitted(model, default="high", options=Options(temperature=0.3)).target.thinking.shown


# Thinking

OFF = Thinking("off")


@pytest.mark.parametrize(
    ("think", "older", "before", "newest"),
    [
        (None, OFF, Thinking("off", effort="low"), Thinking("adaptive", effort="low")),
        (False, OFF, Thinking("off", effort="low"), Thinking("adaptive", effort="low")),
        (True, Thinking("budget", 8192, shown=True), *[Thinking("adaptive", effort="medium", shown=True)] * 2),
        ("low", Thinking("budget", 2048, shown=True), *[Thinking("adaptive", effort="low", shown=True)] * 2),
        ("medium", Thinking("budget", 8192, shown=True), *[Thinking("adaptive", effort="medium", shown=True)] * 2),
        ("high", Thinking("budget", 16_384, shown=True), *[Thinking("adaptive", effort="high", shown=True)] * 2),
        ("xhigh", Thinking("budget", 31_999, shown=True), *[Thinking("adaptive", effort="xhigh", shown=True)] * 2),
        ("max", Thinking("budget", 31_999, shown=True), *[Thinking("adaptive", effort="max", shown=True)] * 2),
    ],
)
def test_a_model_thinks_as_much_as_it_is_told(
    think: Think | None, older: Thinking, before: Thinking, newest: Thinking
) -> None:
    for model, thinking in ((OLDER, older), (BEFORE, before), (NEWEST, newest)):
        result = fitted(model, think=think)
        assert (result.target.thinking, result.unsupported) == (thinking, ())
        assert result.target.options.max_tokens == (32_000 if thinking.mode == "budget" else None)
        if think is not None:
            assert fitted(model, default=think) == replace(result, request=replace(result.request, think=None))
            assert fitted(model, default=False if think else "max", think=think) == result


@pytest.mark.parametrize("think", [True, *LEVELS])
def test_a_model_that_cannot_think_refuses_to(think: Think) -> None:
    assert refusal(PLAIN, think=think) == '"Name" does not support thinking'


@pytest.mark.parametrize(("think", "default"), [(False, False), (False, True), (None, False), (None, "max")])
def test_a_model_that_cannot_think_is_not_asked_to_by_a_default(think: Think | None, default: Think) -> None:
    result = fitted(replace(PLAIN, effort_levels=LEVELS), think=think, default=default)
    assert (result.target.thinking, result.unsupported) == (OFF, ())


@pytest.mark.parametrize(
    ("has", "think", "effort"),
    [
        (("low", "medium", "high"), "max", "high"),
        (("low", "high"), True, "low"),
        (("low", "medium", "high", "max"), "xhigh", "high"),
        (("high", "medium"), None, "medium"),
        (("max", "high"), True, "high"),
        (("turbo", "max"), "low", "max"),
        (("turbo",), "low", None),
        ((), "high", None),
    ],
)
def test_the_effort_is_the_nearest_that_the_model_has_and_rather_the_lower(
    has: tuple[str, ...], think: Think | None, effort: str | None
) -> None:
    for model in (NEWEST, BEFORE):
        assert fitted(replace(model, effort_levels=has), think=think).target.thinking.effort == effort


def test_a_budget_and_an_effort_go_together() -> None:
    model = replace(OLDER, effort_levels=("low", "medium", "high"))
    assert fitted(model, think="max").target.thinking == Thinking("budget", 31_999, "high", shown=True)
    assert fitted(model, think=False).target.thinking == Thinking("off", effort="low")


@pytest.mark.parametrize(
    ("max_tokens", "think", "budget"),
    [
        (2048, True, 1024),
        (4000, "max", 2000),
        (4000, "low", 2000),
        (20_000, True, 8192),
        (40_000, "max", 20_000),
        (64_000, "max", 31_999),
        (10**9, "max", 31_999),
    ],
)
def test_a_budget_leaves_half_of_the_clients_bound_for_the_answer(max_tokens: int, think: Think, budget: int) -> None:
    result = fitted(OLDER, think=think, options=Options(max_tokens=max_tokens))
    assert result.target.thinking.budget == budget
    assert result.target.options.max_tokens == min(max_tokens, 64_000)
    assert result.unsupported == ()


@pytest.mark.parametrize("max_tokens", [1, 500, 1024, 2047])
def test_a_bound_without_room_for_the_least_budget_turns_thinking_off(max_tokens: int) -> None:
    asked = fitted(OLDER, think="high", options=Options(max_tokens=max_tokens, temperature=0.3))
    assert (asked.target.thinking, asked.unsupported) == (OFF, ("think",))
    assert asked.target.options == Options(temperature=0.3, max_tokens=max_tokens)
    by_default = fitted(OLDER, default="high", options=Options(max_tokens=max_tokens))
    assert (by_default.target.thinking, by_default.unsupported) == (OFF, ())


@pytest.mark.parametrize(("most", "budget"), [(1024, None), (1025, 1024), (8000, 7999), (64_000, 31_999)])
def test_a_budget_stays_below_the_longest_answer_of_the_model(most: int, budget: int | None) -> None:
    result = fitted(replace(OLDER, max_output_tokens=most), think="max")
    assert result.target.thinking.budget == budget
    assert result.target.options.max_tokens == (min(most, 32_000) if budget else None)


# Structure


def test_the_api_holds_a_model_to_a_schema_where_both_can() -> None:
    structure = fitted(NEWEST, format=JsonFormat(SCHEMA)).target.structure
    assert structure is not None
    assert structure.schema == SCHEMA
    assert structure.native == api_schema(SCHEMA) is not None
    assert structure.instruction == ""


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (replace(NEWEST, structured_output=False), JsonFormat(SCHEMA)),
        (NEWEST, JsonFormat({"type": "object", "additionalProperties": True})),
        (NEWEST, JsonFormat({})),
        (NEWEST, JsonFormat()),
    ],
    ids=["a model without", "a schema that the api does not take", "an empty schema", "any object"],
)
def test_else_it_is_told_the_format_in_words(model: Model, wanted: JsonFormat) -> None:
    structure = fitted(model, format=wanted).target.structure
    assert structure is not None
    assert (structure.schema, structure.native) == (wanted.schema, None)
    assert structure.instruction == instruction(wanted.schema) != ""


# A backend that cannot do everything


@pytest.mark.parametrize(
    ("abilities", "names"),
    [
        (Abilities(), ()),
        (Abilities(history=False), ("history",)),
        (Abilities(options=False), ("temperature", "max_tokens", "think")),
    ],
)
def test_what_the_backend_cannot_do_is_named(abilities: Abilities, names: tuple[str, ...]) -> None:
    messages = (message("user"), message("assistant"), message("user"))
    wishes = Options(temperature=None if abilities.options else 0.3, max_tokens=9000)
    request = ChatRequest("Name", messages, think=True, options=wishes)
    result = fit(request, OLDER, False, abilities)
    assert result.unsupported == names
    assert result.target.thinking.mode == ("budget" if abilities.options else "off")


# An assistant message last

PREFILL = (message("user"), message("assistant", "It is"))


def test_an_older_model_continues_an_assistant_message() -> None:
    result = fitted(OLDER, messages=PREFILL, options=Options(temperature=0.3))
    assert (result.target.prefill, result.target.thinking, result.unsupported) == (True, OFF, ())
    assert result.request.messages == PREFILL


def test_thinking_by_default_yields_to_an_assistant_message() -> None:
    result = fitted(OLDER, default="max", messages=PREFILL)
    assert (result.target.prefill, result.target.thinking) == (True, OFF)


@pytest.mark.parametrize(
    ("model", "wishes", "text"),
    [
        (NEWEST, {}, '"Name" cannot continue an assistant message: end with a user message'),
        (BEFORE, {"think": False}, '"Name" cannot continue an assistant message: end with a user message'),
        (PLAIN, {}, '"Name" cannot continue an assistant message: end with a user message'),
        (OLDER, {"think": True}, '"Name" cannot continue an assistant message with thinking: they do not go together'),
        (
            OLDER,
            {"format": JsonFormat()},
            '"Name" cannot continue an assistant message with a format: they do not go together',
        ),
    ],
)
def test_an_assistant_message_last_is_refused_where_it_cannot_be_continued(
    model: Model, wishes: dict[str, Any], text: str
) -> None:
    assert refusal(model, messages=PREFILL, **wishes) == text


def test_an_assistant_message_before_another_one_asks_for_nothing() -> None:
    assert not fitted(NEWEST, messages=(*PREFILL, message("user"))).target.prefill


# The window


def history(*tokens: int) -> tuple[Message, ...]:
    """A system message of 100 tokens, then turns of so many each, the first the user's."""
    turns = (message("assistant" if index % 2 else "user", "x" * 4 * (n - 4)) for index, n in enumerate(tokens))
    return (message("system", "x" * 384), *turns)


def test_the_oldest_turns_of_a_conversation_that_is_too_long_are_left_out() -> None:
    messages = history(100_000, 50_000, 60_000, 40_000, 90_000)
    result = fitted(OLDER, messages=messages)
    assert result.request.messages == (messages[0], *messages[3:])
    assert (result.dropped, result.tokens, result.unsupported) == (2, 190_100, ())


@pytest.mark.parametrize(
    ("max_tokens", "dropped"),
    [(None, 0), (10_000, 0), (20_000, 2), (64_000, 2)],
)
def test_room_is_set_aside_for_the_answer_that_was_asked_for(max_tokens: int | None, dropped: int) -> None:
    messages = history(40_000, 49_900, 100_000)
    assert fitted(OLDER, messages=messages, options=Options(max_tokens=max_tokens)).dropped == dropped


def test_no_more_than_a_quarter_of_the_window_is_set_aside_for_the_answer() -> None:
    options = Options(max_tokens=64_000)
    assert fitted(OLDER, messages=history(49_900, 50_000, 50_000), options=options).dropped == 0
    assert fitted(OLDER, messages=history(49_901, 50_000, 50_000), options=options).dropped == 2


def test_without_truncation_a_conversation_that_is_too_long_is_refused_with_numbers() -> None:
    messages = history(100_000, 50_000, 99_900)
    text = "the input length exceeds the context length: about 250000 tokens, 200000 fit"
    assert refusal(OLDER, messages=messages, truncate=False) == text
    assert fitted(NEWEST, messages=messages, truncate=False).dropped == 0
    bounded: dict[str, Any] = {"truncate": False, "options": Options(max_tokens=5000)}
    assert refusal(OLDER, messages=messages, **bounded).endswith("about 250000 tokens, 195000 fit")


def test_what_is_alone_too_long_goes_to_the_api_unless_it_is_more_than_twice_the_window() -> None:
    messages = history(1000, 1000, 399_900)
    result = fitted(OLDER, messages=messages)
    assert (result.request.messages, result.dropped) == ((messages[0], messages[3]), 2)
    text = "the input length exceeds the context length: about 400001 tokens, 200000 fit"
    assert refusal(OLDER, messages=history(1000, 1000, 399_901)) == text


def test_a_conversation_that_is_too_long_is_told_apart_from_other_errors() -> None:
    with pytest.raises(PromptTooLong) as caught:
        fitted(OLDER, messages=history(500_000))
    assert caught.value.should_retry is False


def test_images_count_for_the_window() -> None:
    picture = Message("user", (Image("image/png", "A"),) * 100)
    result = fitted(SEEING, messages=(picture, message("assistant"), picture))
    assert result.dropped == 2


@pytest.mark.parametrize("part", [Image("image/png", "A"), ToolResult("1", (Image("image/png", "A"),))])
def test_a_model_that_sees_nothing_refuses_pictures(part: Image | ToolResult) -> None:
    shown = (Message("user", (part,)), message("assistant"), message("user"))
    assert refusal(OLDER, messages=shown) == '"Name" does not support images'
    assert fitted(SEEING, messages=shown).request.messages == shown


def test_thoughts_that_are_not_wanted_are_not_shown() -> None:
    for model in (OLDER, NEWEST):
        thinking = fitted(model, think=True).target.thinking
        assert thinking.shown
        assert fitted(model, think=True, think_hidden=True).target.thinking == replace(thinking, shown=False)
