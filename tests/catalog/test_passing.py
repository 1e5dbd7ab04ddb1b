from typing import Any

import pytest

from proxy.catalog.models import Model
from proxy.catalog.passing import pass_on
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Document, Image, Message, Options, Text, Tool, ToolChoice, ToolResult

ABLE = Model(
    "llama",
    "llama:8b",
    "Llama",
    capabilities=("completion", "tools", "vision"),
    thinking="adaptive",
    backend="ollama",
    as_asked=True,
)
PLAIN = Model("plain", "plain:latest", "Plain", backend="ollama", as_asked=True)
TOOLS = (Tool("find"),)
PICTURE = Image("image/png", "AAAA")


def asked(*parts: Any, **wishes: Any) -> ChatRequest:
    return ChatRequest("Name", (Message("user", parts or (Text("hi"),)),), **wishes)


def test_a_request_is_left_as_it_is() -> None:
    request = asked(PICTURE, options=Options(0.3, stop=("x",), others={"seed": 1}), think="xhigh", tools=TOOLS)
    fitted = pass_on(request, ABLE)
    assert fitted.request is request
    assert (fitted.target.model, fitted.unsupported, fitted.honoured) == ("llama:8b", (), frozenset({"seed"}))


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (asked(think=True), '"Name" does not support thinking'),
        (asked(tools=TOOLS), "registry.ollama.ai/library/Name:latest does not support tools"),
        (asked(PICTURE), '"Name" does not support images'),
        (asked(ToolResult("1", (PICTURE,))), '"Name" does not support images'),
        (asked(Document("AAAA")), '"Name" does not support documents'),
    ],
)
def test_what_the_model_does_not_have_is_refused(request_: ChatRequest, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        pass_on(request_, PLAIN)
    assert caught.value.message == text


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (ToolChoice(), ()),
        (ToolChoice("none"), ()),
        (ToolChoice("required"), ("tool_choice",)),
        (ToolChoice("named", "find"), ("tool_choice",)),
        (ToolChoice(parallel=False), ("tool_choice",)),
    ],
)
def test_a_choice_that_can_only_be_hoped_for_is_named(choice: ToolChoice, named: tuple[str, ...]) -> None:
    assert pass_on(asked(tools=TOOLS, tool_choice=choice), ABLE).unsupported == named
    assert pass_on(asked(tool_choice=choice), ABLE).unsupported == ()
