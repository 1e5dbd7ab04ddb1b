"""Tools, and conversations in which an official client calls them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import ollama
import openai

from proxy.core.request import ToolCall
from tests.support.chatting import Messages, spoken, user
from tests.support.running import WAIT, Running

Definition = dict[str, Any]

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tool(name: str, description: str = "", schema: Mapping[str, Any] = CITY) -> Definition:
    """A tool as both dialects take it."""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": dict(schema)}}


TOOLS = [tool("find_hotels", "Hotels in a city."), tool("get_time", "The time."), tool("get_weather", "The weather.")]
"""The tools of most tests, which so share processes."""

WAYS = ("ollama", "ollama, streamed", "openai", "openai, streamed")
"""The official clients, and how they ask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got. Ollama's own client loses the calls' ids."""

    text: str
    thinking: str
    calls: tuple[ToolCall, ...]
    reason: str | None

    @property
    def called(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Names and arguments."""
        return [(call.name, call.arguments) for call in self.calls]


def ask_client(way: str, running: Running, messages: Messages, **fields: Any) -> Answer:
    """Ask one of the official clients. Raises what the client does."""
    given = {"model": "sonnet", "tools": TOOLS, "stream": "streamed" in way, **fields}
    return (_ask_ollama if way.startswith("ollama") else _ask_openai)(running, {"messages": messages, **given})


def _ask_ollama(running: Running, fields: dict[str, Any]) -> Answer:
    client: Any = ollama.Client(running.url, trust_env=False, verify=False, timeout=WAIT)
    try:
        made = client.chat(**fields)
        pieces = list(made) if fields["stream"] else [made]
    finally:
        client._client.close()
    said = [piece.message for piece in pieces]
    calls = [call.function for message in said for call in message.tool_calls or ()]
    return Answer(
        "".join(message.content or "" for message in said),
        "".join(message.thinking or "" for message in said),
        tuple(ToolCall("", call.name, dict(call.arguments)) for call in calls),
        pieces[-1].done_reason,
    )


def _ask_openai(running: Running, fields: dict[str, Any]) -> Answer:
    plain: Any = httpx.Client(trust_env=False, verify=False, timeout=WAIT)
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0, http_client=plain) as client:
        create: Any = client.chat.completions.create
        if not fields["stream"]:
            [choice] = create(**fields).choices
            made = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
            thinking = getattr(choice.message, "reasoning", None) or ""
            return Answer(choice.message.content or "", thinking, _read(made), choice.finish_reason)
        choices = [chunk.choices[0] for chunk in create(**fields)]
    deltas = [choice.delta for choice in choices]
    pieces: dict[int, list[Any]] = {}
    for piece in (call for delta in deltas for call in delta.tool_calls or ()):
        pieces.setdefault(piece.index, []).append(piece)
    assert list(pieces) == list(range(len(pieces)))
    made = [
        (first.id, first.function.name, "".join(piece.function.arguments for piece in (first, *rest)))
        for first, *rest in pieces.values()
    ]
    return Answer(
        "".join(delta.content or "" for delta in deltas),
        "".join(getattr(delta, "reasoning", None) or "" for delta in deltas),
        _read(made),
        choices[-1].finish_reason,
    )


def _read(calls: Sequence[tuple[str, str, str]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id, name, json.loads(arguments)) for id, name, arguments in calls)


@dataclass
class Talk:
    """A conversation with tools. `messages` are what the client sends, `told` what the API has to get, ids numbered."""

    running: Running
    way: str = "openai"
    fields: dict[str, Any] = field(default_factory=dict)
    messages: Messages = field(default_factory=list)
    told: Messages = field(default_factory=list)
    calls: tuple[ToolCall, ...] = ()
    count: int = 0

    def say(self, text: str) -> Answer:
        """Say something; the answer is the conversation's."""
        self.messages.append(user(text))
        self.told.append({"role": "user", "content": [{"type": "text", "text": text}]})
        return self._ask()

    def give(self, *results: str) -> Answer:
        """Give the results of the calls, in their order; the last one is sent first where ids are."""
        first = self.count - len(self.calls) + 1
        blocks = [
            {"type": "tool_result", "tool_use_id": str(first + index), "content": [{"type": "text", "text": text}]}
            for index, text in enumerate(results)
        ]
        self.told.append({"role": "user", "content": blocks})
        sent = [
            {"role": "tool", "content": text, **({"tool_call_id": call.id} if call.id else {"tool_name": call.name})}
            for call, text in zip(self.calls, results, strict=True)
        ]
        self.messages += reversed(sent)
        return self._ask()

    def again(self) -> Answer:
        """Ask the same once more, without its becoming part of the conversation."""
        return ask_client(self.way, self.running, self.messages[:-1], **self.fields)

    def _ask(self) -> Answer:
        answer = ask_client(self.way, self.running, self.messages, **self.fields)
        self.running.until_idle()
        self.calls = answer.calls
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.calls:
            message["tool_calls"] = [self._sent(call) for call in answer.calls]
        self.messages.append(message)
        blocks: Messages = [{"type": "text", "text": answer.text}] if answer.text else []
        for call in answer.calls:
            self.count += 1
            blocks.append({"type": "tool_use", "id": str(self.count), "name": call.name, "input": dict(call.arguments)})
        self.told.append({"role": "assistant", "content": blocks})
        return answer

    def _sent(self, call: ToolCall) -> dict[str, Any]:
        if self.way.startswith("ollama"):
            return {"function": {"name": call.name, "arguments": call.arguments}}
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        return {"id": call.id, "type": "function", "function": function}


def numbered(body: dict[str, Any]) -> Messages:
    """What was `spoken` in an API request, the ids of its calls replaced by their numbers."""
    messages = spoken(body)
    blocks = [block for message in messages for block in message["content"]]
    made = [block for block in blocks if block["type"] == "tool_use"]
    numbers = {block["id"]: str(number) for number, block in enumerate(made, 1)}
    assert len(numbers) == len(made)
    for block in blocks:
        for key in ("id", "tool_use_id"):
            if key in block:
                block[key] = numbers[block[key]]
    return messages


def whole(body: dict[str, Any]) -> Messages:
    """The messages of an API request with everything in them, thinking included, but the cache marks."""
    messages: Messages = json.loads(json.dumps(body["messages"]))
    for message in messages:
        for block in message["content"]:
            block.pop("cache_control", None)
    return messages


def results(body: dict[str, Any]) -> Messages:
    """The blocks of the last message of an API request, the ids left out."""
    last = spoken(body)[-1]["content"]
    return [{key: value for key, value in block.items() if key != "tool_use_id"} for block in last]


def waiting(running: Running) -> int:
    """How many processes wait for the results of calls."""
    return sum(view.waits for view in running.daemon.pool.processes)
