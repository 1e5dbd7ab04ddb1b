import math
from dataclasses import replace
from typing import Any

import pytest

from proxy.backends.ollama.bodies import embedding, loading, old_embedding, question
from proxy.core.embedding import EmbedRequest
from proxy.core.request import (
    ChatRequest,
    Image,
    JsonFormat,
    Message,
    Options,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

HELLO = (Message("user", (Text("hello"),)),)
FIND = Tool("find", "Looks for it.", {"type": "object"})
READ = Tool("read")


def asked(**wishes: Any) -> dict[str, Any]:
    """The body for /api/chat, without what every one has."""
    path, body = question(ChatRequest("shown", HELLO, **wishes), "llama:8b")
    assert (path, body.pop("model"), body.pop("stream")) == ("/api/chat", "llama:8b", True)
    return {name: value for name, value in body.items() if name != "messages" and value != {}}


@pytest.mark.parametrize(
    ("wishes", "sent"),
    [
        ({}, {}),
        ({"think": True}, {"think": True}),
        ({"think": False}, {"think": False}),
        ({"think": "high"}, {"think": "high"}),
        ({"think": "xhigh"}, {"think": "max"}),
        ({"format": JsonFormat()}, {"format": "json"}),
        ({"format": JsonFormat({"type": "object"})}, {"format": {"type": "object"}}),
        ({"truncate": False}, {"truncate": False}),
        ({"keep_alive": 0.0}, {"keep_alive": 0.0}),
        ({"keep_alive": 90.0}, {"keep_alive": 90.0}),
        ({"keep_alive": math.inf}, {"keep_alive": -1}),
        (
            {"options": Options(0.5, 0.9, 40, ("END",), 9, {"seed": 3, "num_ctx": 8192})},
            {
                "options": {
                    "temperature": 0.5,
                    "top_p": 0.9,
                    "top_k": 40,
                    "stop": ["END"],
                    "num_predict": 9,
                    "seed": 3,
                    "num_ctx": 8192,
                }
            },
        ),
        ({"options": Options(temperature=0.0)}, {"options": {"temperature": 0.0}}),
        (
            {"tools": (FIND,)},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "find",
                            "description": "Looks for it.",
                            "parameters": {"type": "object"},
                        },
                    }
                ]
            },
        ),
        ({"tools": (FIND,), "tool_choice": ToolChoice("none")}, {}),
    ],
)
def test_what_a_client_wishes_is_passed_on(wishes: dict[str, Any], sent: dict[str, Any]) -> None:
    assert asked(**wishes) == sent


def test_of_a_named_tool_the_others_are_kept_from_the_model() -> None:
    body = asked(tools=(FIND, READ), tool_choice=ToolChoice("named", "read"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["read"]


def message(role: Any, *parts: Part) -> Message:
    return Message(role, parts)


CALL = ToolCall("call_1", "find", {"what": "it"})


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (message("system", Text("Be brief.")), [{"role": "system", "content": "Be brief."}]),
        (message("user"), [{"role": "user", "content": ""}]),
        (
            message("user", Image("image/png", "AAAA"), Text("what "), Text("is it?")),
            [{"role": "user", "content": "what is it?", "images": ["AAAA"]}],
        ),
        (
            message("assistant", Thought("Hm.", "sealed"), Text("I look."), CALL),
            [
                {
                    "role": "assistant",
                    "content": "I look.",
                    "thinking": "Hm.",
                    "tool_calls": [
                        {"id": "call_1", "function": {"index": 0, "name": "find", "arguments": {"what": "it"}}}
                    ],
                }
            ],
        ),
        (
            message("user", ToolResult("call_1", (Text("there"),), name="find"), ToolResult("call_2"), Text("Well?")),
            [
                {"role": "tool", "content": "there", "tool_call_id": "call_1", "tool_name": "find"},
                {"role": "tool", "content": "", "tool_call_id": "call_2"},
                {"role": "user", "content": "Well?"},
            ],
        ),
        (
            message("user", ToolResult("call_1", (Image("image/png", "AAAA"),))),
            [{"role": "tool", "content": "", "tool_call_id": "call_1", "images": ["AAAA"]}],
        ),
    ],
)
def test_a_message_is_told_in_ollama_s_words(said: Message, sent: list[dict[str, Any]]) -> None:
    assert question(ChatRequest("shown", (said,)), "llama")[1]["messages"] == sent


@pytest.mark.parametrize(
    ("wishes", "sent"),
    [
        ({"raw": True}, {"prompt": "hello", "raw": True}),
        ({"suffix": "}"}, {"prompt": "hello", "suffix": "}"}),
    ],
)
def test_what_is_no_conversation_is_asked_for_as_a_prompt(wishes: dict[str, Any], sent: dict[str, Any]) -> None:
    path, body = question(ChatRequest("shown", HELLO, **wishes), "llama")
    assert path == "/api/generate"
    assert body == {"model": "llama", "stream": True, "options": {}} | sent


def test_a_prompt_alone_may_have_pictures() -> None:
    shown = (message("user", Image("image/png", "AAAA"), Text("hello")),)
    assert question(ChatRequest("shown", shown, raw=True), "llama")[1]["images"] == ["AAAA"]


def test_a_load_is_a_prompt_of_nothing() -> None:
    assert loading("llama", None) == {"model": "llama", "stream": False}
    assert loading("llama", 0.0) == {"model": "llama", "stream": False, "keep_alive": 0.0}


def test_embeddings_are_asked_for_in_both_ways() -> None:
    request = EmbedRequest("shown", ("a", "b"), truncate=False, dimensions=8, keep_alive=5.0, options={"num_ctx": 9})
    kept = {"keep_alive": 5.0, "options": {"num_ctx": 9}}
    assert embedding(request, "m", ("a",)) == {"model": "m", "input": ["a"], "truncate": False, "dimensions": 8} | kept
    assert old_embedding(request, "m", "b") == {"model": "m", "prompt": "b"} | kept
    plain = replace(request, truncate=True, dimensions=None, keep_alive=None, options={})
    assert embedding(plain, "m", ("a", "b")) == {"model": "m", "input": ["a", "b"], "truncate": True}
