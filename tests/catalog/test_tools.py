from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.catalog.fit import Fitted, fit
from proxy.catalog.models import Model
from proxy.catalog.window import estimate
from proxy.core.contracts import Abilities, Target
from proxy.core.errors import BackendFailed, InvalidRequest, PromptTooLong
from proxy.core.request import (
    ChatRequest,
    JsonFormat,
    Message,
    Options,
    Text,
    Think,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from proxy.shape.toolschema import declarable

ALL = frozenset({"temperature", "top_p", "top_k", "stop", "num_predict"})
PLAIN = Model("plain", "plain", "Plain", capabilities=("completion", "tools"), options=ALL)
OLDER = replace(PLAIN, name="older", thinking="budget", thinking_off=True, prefill=True)
BEFORE = replace(PLAIN, name="before", thinking="adaptive", thinking_off=True)
NEWEST = replace(BEFORE, name="newest", thinking_off=False)

FIND = Tool("find", "Finds.", {"properties": {"what": {"type": "str"}}})
BUY = Tool("buy", "Buys.")

USER = Message("user", (Text("hi"),))
CALLS = Message("assistant", (Text("so"), ToolCall("1", "find", {"what": "x"}), ToolCall("2", "buy")))
RESULTS = Message("user", (ToolResult("1", (Text("y"),)), ToolResult("2")))
ROUND = (USER, CALLS, RESULTS)

AUTO, NONE = ToolChoice(), ToolChoice("none")
REQUIRED, NAMED = ToolChoice("required"), ToolChoice("named", "find")


def fitted(
    model: Model,
    messages: tuple[Message, ...] = (USER,),
    *,
    default: Think = False,
    abilities: Abilities | None = None,
    recalls: Callable[[Target], bool] = lambda _target: pytest.fail("nobody had to ask"),
    **wishes: Any,
) -> Fitted:
    return fit(ChatRequest("opus", messages, **wishes), model, default, abilities or Abilities(), recalls)


def refusal(model: Model, messages: tuple[Message, ...] = (USER,), **wishes: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        fitted(model, messages, **wishes)
    assert caught.value.status == 400
    return caught.value.message


# Which tools


def test_a_model_is_offered_the_tools_as_the_api_takes_them() -> None:
    result = fitted(PLAIN, tools=(FIND, BUY))
    assert result.target.tools == declarable((BUY, FIND))
    assert [tool.name for tool in result.target.tools] == ["buy", "find"]
    assert (result.target.tool_choice, result.unsupported) == (AUTO, ())
    assert result.request.tools == (FIND, BUY)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "registry.ollama.ai/library/plain:latest does not support tools"),
        ("me/Plain:8b", "registry.ollama.ai/me/Plain:8b does not support tools"),
    ],
)
def test_a_model_without_tools_refuses_them_by_its_full_name(name: str, text: str) -> None:
    model = replace(PLAIN, capabilities=("completion", "vision"))
    with pytest.raises(InvalidRequest) as caught:
        fit(ChatRequest(name, (USER,), tools=(FIND,)), model, False)
    assert (caught.value.status, caught.value.message) == (400, text)
    assert fitted(model).target.tools == ()


def test_thinking_is_checked_before_tools() -> None:
    model = replace(PLAIN, capabilities=("completion",))
    assert refusal(model, think=True, tools=(FIND,)) == '"opus" does not support thinking'


def test_a_schema_that_cannot_be_declared_is_refused() -> None:
    text = 'tool "find": its schema has the type "string", it has to be "object"'
    assert refusal(PLAIN, tools=(Tool("find", "", {"type": "string"}),)) == text


@pytest.mark.parametrize(("messages", "tools"), [((USER,), (FIND,)), (ROUND, (FIND,)), (ROUND, ())])
def test_a_backend_without_tools_is_the_operators_matter(
    messages: tuple[Message, ...], tools: tuple[Tool, ...]
) -> None:
    with pytest.raises(BackendFailed) as caught:
        fitted(PLAIN, messages, tools=tools, abilities=Abilities(tools=False))
    assert (caught.value.status, caught.value.fault, caught.value.should_retry) == (500, "operator", False)
    assert "`claude-ollama-server doctor`" in caught.value.message
    assert fitted(PLAIN, abilities=Abilities(tools=False)).target.tools == ()


@pytest.mark.parametrize("model", [PLAIN, replace(PLAIN, capabilities=("completion",))], ids=["with", "without"])
def test_what_a_conversation_calls_is_declared_and_not_called_again(model: Model) -> None:
    result = fitted(model, ROUND, tool_choice=REQUIRED)
    assert [(tool.name, tool.description) for tool in result.target.tools] == [("buy", ""), ("find", "")]
    assert (result.target.tool_choice, result.unsupported) == (NONE, ())


def test_a_choice_without_tools_is_none() -> None:
    for choice in (NONE, REQUIRED, NAMED, ToolChoice(parallel=False)):
        result = fitted(PLAIN, tool_choice=choice)
        assert (result.target.tools, result.target.tool_choice, result.unsupported) == ((), AUTO, ())


# The choice


@pytest.mark.parametrize("choice", [AUTO, NONE, REQUIRED, NAMED, ToolChoice(parallel=False)], ids=repr)
def test_a_choice_is_put_to_the_model_where_the_backend_can(choice: ToolChoice) -> None:
    result = fitted(PLAIN, tools=(FIND,), tool_choice=choice)
    assert (result.target.tool_choice, result.unsupported) == (choice, ())
    without = fitted(PLAIN, tools=(FIND,), tool_choice=choice, abilities=Abilities(options=False))
    assert without.target.tool_choice == AUTO
    assert without.unsupported == (() if choice == AUTO else ("tool_choice",))


@pytest.mark.parametrize("choice", [REQUIRED, NAMED], ids=["required", "named"])
@pytest.mark.parametrize(
    "model", [OLDER, replace(OLDER, thinking_off=False), BEFORE], ids=["budget", "no off", "adaptive"]
)
def test_a_forced_call_turns_thinking_off(model: Model, choice: ToolChoice) -> None:
    wishes: dict[str, Any] = {"tools": (FIND,), "tool_choice": choice}
    asked = fitted(model, think="high", **wishes)
    assert (asked.target.thinking.mode, asked.target.thinking.shown, asked.unsupported) == ("off", False, ("think",))
    assert asked.target.tool_choice == choice
    for result in (fitted(model, default="max", **wishes), fitted(model, think=False, **wishes)):
        assert (result.target.thinking.mode, result.unsupported) == ("off", ())


def test_a_forced_call_leaves_room_for_sampling() -> None:
    result = fitted(OLDER, think=True, options=Options(temperature=0.3), tools=(FIND,), tool_choice=REQUIRED)
    assert (result.target.options, result.unsupported) == (Options(temperature=0.3), ("think",))


@pytest.mark.parametrize("think", [None, False, True])
def test_what_always_thinks_cannot_be_forced(think: Think | None) -> None:
    text = '"opus" always thinks, and cannot be forced to call a tool: use tool_choice "auto"'
    for choice in (REQUIRED, NAMED):
        assert refusal(NEWEST, think=think, tools=(FIND,), tool_choice=choice) == text
    for choice in (AUTO, NONE):
        assert fitted(NEWEST, think=think, tools=(FIND,), tool_choice=choice).target.thinking.mode == "adaptive"


def test_a_choice_that_leaves_it_to_the_model_leaves_thinking_alone() -> None:
    for choice in (AUTO, NONE, ToolChoice(parallel=False)):
        result = fitted(OLDER, think=True, tools=(FIND,), tool_choice=choice)
        assert (result.target.thinking.mode, result.unsupported) == ("budget", ())


def test_a_forced_call_does_not_continue_an_assistant_message() -> None:
    prefill = (USER, Message("assistant", (Text("It is"),)))
    text = '"opus" cannot continue an assistant message with a call that it is forced to: they do not go together'
    assert refusal(OLDER, prefill, tools=(FIND,), tool_choice=REQUIRED) == text
    assert fitted(OLDER, prefill, tools=(FIND,)).target.prefill


def test_a_format_and_stop_strings_go_with_tools() -> None:
    result = fitted(PLAIN, tools=(FIND,), format=JsonFormat(), options=Options(stop=("END",)))
    assert result.target.structure is not None
    assert (result.target.options.stop, len(result.target.tools)) == (("END",), 1)


# Thinking before the calls

SYSTEM = Message("system", (Text("Be kind."),))


@pytest.mark.parametrize("messages", [ROUND, (*ROUND, SYSTEM)], ids=["last", "before a system message"])
@pytest.mark.parametrize("tools", [(FIND,), ()], ids=["tools", "no tools"])
def test_thinking_that_cannot_be_shown_again_is_off(messages: tuple[Message, ...], tools: tuple[Tool, ...]) -> None:
    wishes: dict[str, Any] = {"tools": tools, "recalls": lambda _target: False, "options": Options(temperature=0.3)}
    asked = fitted(OLDER, messages, think=True, **wishes)
    assert (asked.target.thinking.mode, asked.unsupported) == ("off", ("think",))
    assert asked.target.options == Options(temperature=0.3)
    del wishes["options"]
    by_default = fitted(OLDER, messages, default="high", **wishes)
    assert (by_default.target.thinking.mode, by_default.unsupported) == ("off", ())


def test_thinking_that_can_be_shown_again_goes_on() -> None:
    result = fitted(OLDER, ROUND, think=True, tools=(FIND,), recalls=lambda _target: True)
    assert (result.target.thinking.mode, result.unsupported) == ("budget", ())


@pytest.mark.parametrize(
    ("model", "messages", "think"),
    [
        (OLDER, ROUND, False),
        (OLDER, (*ROUND, Message("assistant", (Text("done"),)), USER), True),
        (OLDER, (SYSTEM, USER), True),
        (OLDER, (SYSTEM,), True),
        (OLDER, (), True),
        (BEFORE, ROUND, True),
        (NEWEST, ROUND, True),
        (PLAIN, ROUND, False),
    ],
)
def test_nobody_asks_for_it_where_it_does_not_matter(model: Model, messages: tuple[Message, ...], think: bool) -> None:
    result = fitted(model, messages, think=think, tools=(FIND,))
    assert (result.target.thinking.mode != "off", result.unsupported) == (think or model is NEWEST, ())


# The window


def test_the_tools_take_room_from_the_conversation() -> None:
    tool = Tool("find", "x" * 400_000)
    messages = tuple(Message(role, (Text("x" * 160_000),)) for role in ("user", "assistant", "user"))
    assert fitted(PLAIN, messages).dropped == 0
    result = fitted(PLAIN, messages, tools=(tool,))
    assert (result.request.messages, result.dropped) == (messages[2:], 2)
    room = 200_000 - estimate(tool)
    text = f"the input length exceeds the context length: about 120012 tokens, {room} fit"
    assert refusal(PLAIN, messages, tools=(tool,), truncate=False) == text


def test_tools_that_are_alone_too_long_are_refused() -> None:
    with pytest.raises(PromptTooLong) as caught:
        fitted(PLAIN, tools=(Tool("find", "x" * 800_000),))
    assert caught.value.message == "the tools alone exceed the context length: about 200010 tokens, 200000 fit"
    assert caught.value.should_retry is False
