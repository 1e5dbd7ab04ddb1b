"""One conversation in every dialect: what reaches a model does not depend on how it was asked."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from proxy.core.request import (
    ChatRequest,
    Image,
    JsonFormat,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
)
from proxy.wire.anthropic import parse_messages
from proxy.wire.ollama import parse_chat
from proxy.wire.openai import parse_chat_completion
from proxy.wire.responses import parse_response
from proxy.wire.responses.seal import sealed

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANSWER = {"type": "object", "properties": {"warmest": {"type": "string"}}}
KOELN, LIMA = {"city": "Köln"}, {"city": "Lima"}

ASKED = ChatRequest(
    "sonnet",
    (
        Message("system", (Text("Be brief."),)),
        Message("user", (Image("image/png", PNG), Text("Is it warmer in Köln or in Lima?"))),
        Message(
            "assistant", (Text("I look."), ToolCall("call_1", "weather", KOELN), ToolCall("call_2", "weather", LIMA))
        ),
        Message(
            "user",
            (
                ToolResult("call_1", (Text("12 °C"),), name="weather"),
                ToolResult("call_2", (Text("19 °C"),), name="weather"),
                Text("Well?"),
            ),
        ),
    ),
    options=Options(0.5, 0.9, 40, ("END",), 500),
    think="high",
    format=JsonFormat(ANSWER),
    tools=(Tool("weather", "How warm it is.", SCHEMA),),
)
THOUGHT = Thought("Two cities.", "c2ln")

FUNCTION = {"name": "weather", "description": "How warm it is.", "parameters": SCHEMA}

OLLAMA = {
    "model": "sonnet",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is it warmer in Köln or in Lima?", "images": [PNG]},
        {
            "role": "assistant",
            "content": "I look.",
            "thinking": "Two cities.",
            "tool_calls": [
                {"id": "call_1", "function": {"name": "weather", "arguments": KOELN}},
                {"id": "call_2", "function": {"name": "weather", "arguments": LIMA}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "tool_name": "weather", "content": "12 °C"},
        {"role": "tool", "tool_call_id": "call_2", "tool_name": "weather", "content": "19 °C"},
        {"role": "user", "content": "Well?"},
    ],
    "options": {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop": ["END"], "num_predict": 500},
    "think": "high",
    "format": ANSWER,
    "tools": [{"type": "function", "function": FUNCTION}],
}

OPENAI = {
    "model": "sonnet",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "text", "text": "Is it warmer in Köln or in Lima?"},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning": "Two cities.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(KOELN)}},
                {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": json.dumps(LIMA)}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
        {"role": "tool", "tool_call_id": "call_2", "content": "19 °C"},
        {"role": "user", "content": "Well?"},
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop": ["END"],
    "max_completion_tokens": 500,
    "reasoning_effort": "high",
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": ANSWER}},
    "tools": [{"type": "function", "function": FUNCTION}],
}

ANTHROPIC = {
    "model": "sonnet",
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "text", "text": "Is it warmer in Köln or in Lima?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Two cities.", "signature": "c2ln"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": KOELN},
                {"type": "tool_use", "id": "call_2", "name": "weather", "input": LIMA},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "12 °C"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "19 °C"}]},
                {"type": "text", "text": "Well?"},
            ],
        },
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop_sequences": ["END"],
    "max_tokens": 500,
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": ANSWER}},
    "tools": [{"name": "weather", "description": "How warm it is.", "input_schema": SCHEMA}],
}

RESPONSES = {
    "model": "sonnet",
    "instructions": "Be brief.",
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                {"type": "input_text", "text": "Is it warmer in Köln or in Lima?"},
            ],
        },
        {"type": "reasoning", "summary": [], "encrypted_content": sealed(THOUGHT)},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": json.dumps(KOELN)},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": json.dumps(LIMA)},
        {"type": "function_call_output", "call_id": "call_1", "output": "12 °C"},
        {"type": "function_call_output", "call_id": "call_2", "output": "19 °C"},
        {"role": "user", "content": "Well?"},
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_output_tokens": 500,
    "reasoning": {"effort": "high"},
    "text": {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER}},
    "tools": [{"type": "function", **FUNCTION}],
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way to ask: `body` is what `ASKED` is in it; `thoughts` are those of `body` that reach the model.

    `options` are those of `ASKED` that the dialect has.
    """

    parse: Callable[[bytes], ChatRequest]
    body: Mapping[str, Any]
    thoughts: tuple[Thought, ...] = ()
    options: Options = ASKED.options


DIALECTS = {
    "/api/chat": Dialect(lambda body: parse_chat(body).request, OLLAMA),
    "/v1/chat/completions": Dialect(lambda body: parse_chat_completion(body).request, OPENAI),
    "/v1/messages": Dialect(lambda body: parse_messages(body).request, ANTHROPIC, (THOUGHT,)),
    "/v1/responses": Dialect(
        lambda body: parse_response(body).request, RESPONSES, (THOUGHT,), replace(ASKED.options, top_k=None, stop=())
    ),
}


def without_thoughts(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if not isinstance(part, Thought)))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_one_conversation_is_the_same_request_in_every_dialect(dialect: Dialect) -> None:
    request = dialect.parse(json.dumps(dialect.body).encode())
    thoughts = tuple(part for message in request.messages for part in message.parts if isinstance(part, Thought))
    assert thoughts == dialect.thoughts
    assert replace(request, messages=tuple(map(without_thoughts, request.messages))) == replace(
        ASKED, options=dialect.options
    )
