"""What Open WebUI asks with the first message of a chat, and a long conversation with tools. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from bench.bare import MODEL

JsonObject = dict[str, Any]

_TOOLS = 36
# As many as Open WebUI offers when everything is on; together they are about 25 kB.

_DESCRIPTION = (
    "Use this when the user asks for it, and only then. The arguments are checked before anything happens, and what it "
    "comes to is text. Ask the user first where a value is missing; never guess an identifier, a path or an address."
)

_ROUND_EVERY = 10
# Every tenth turn of the history calls a tool.


def tools() -> list[JsonObject]:
    """Tools as a client declares them."""
    return [_tool(number) for number in range(_TOOLS)]


def _tool(number: int) -> JsonObject:
    texts = {f"field_{index}": {"type": "string", "description": f"Field {index} of it."} for index in range(3)}
    count = {"type": "integer", "description": "How many at most.", "minimum": 1}
    schema = {"type": "object", "properties": {**texts, "count": count}, "required": ["field_0"]}
    function = {"name": f"tool_{number}", "description": f"Tool {number}. {_DESCRIPTION}", "parameters": schema}
    return {"type": "function", "function": function}


def history(turns: int) -> list[JsonObject]:
    """So many turns, some of them with a call and its result."""
    return [message for turn in range(turns) for message in _turn(turn)]


def _turn(turn: int) -> Iterator[JsonObject]:
    yield {"role": "user", "content": f"This is question {turn}. It says something, and then asks for a little more."}
    if turn % _ROUND_EVERY == 0:
        call = {"id": f"call_{turn}", "function": {"name": "tool_3", "arguments": {"field_0": f"value {turn}"}}}
        yield {"role": "assistant", "content": "", "tool_calls": [call]}
        yield {"role": "tool", "tool_call_id": f"call_{turn}", "content": f"The result of call {turn}."}
    yield {"role": "assistant", "content": f"This is answer {turn}. It is about as long as the question was."}


def chat_body(messages: list[JsonObject], **fields: object) -> bytes:
    """A request of /api/chat."""
    return json.dumps({"model": MODEL, "messages": messages, **fields}).encode()


def first_message(text: str) -> bytes:
    """The chat itself: streamed, with tools."""
    return chat_body([{"role": "user", "content": text}], stream=True, tools=tools())


def task(text: str, answer: str, wanted: str) -> bytes:
    """One of the calls beside the chat: it tells the chat so far in its one message, and wants JSON."""
    chat = f"USER: {text}" + (f"\nASSISTANT: {answer}" if answer else "")
    prompt = (
        f"### Task:\nLook at the conversation and give what is asked for.\n### Output:\nJSON format: {wanted}\n"
        f"### Chat History:\n<chat_history>\n{chat}\n</chat_history>"
    )
    return chat_body([{"role": "user", "content": prompt}], stream=False, options={"num_predict": 1000})


TITLE = '{ "title": "your concise title here" }'
FOLLOW_UPS = '{ "follow_ups": ["Question 1?", "Question 2?", "Question 3?"] }'
TAGS = '{ "tags": ["tag1", "tag2", "tag3"] }'
