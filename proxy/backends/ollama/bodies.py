"""What is asked of the server: /api/chat for conversations, /api/generate where there is none, /api/embed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.core.embedding import EmbedRequest
from proxy.core.request import ChatRequest, Image, Message, Options, Part, Text, Thought, Tool, ToolCall, ToolResult

Body = dict[str, Any]

_FOREVER = -1
_LEVELS: Mapping[str, str] = {"xhigh": "max"}
# Ollama has no level of that name; its own OpenAI dialect takes it for this one.


def question(request: ChatRequest, model: str) -> tuple[str, Body]:
    """The path and the body that ask the server for a stream."""
    common = _common(request, model)
    if request.raw or request.suffix:
        return "/api/generate", common | _prompt(request)
    body = common | {"messages": [told for message in request.messages for told in _messages(message)]}
    if request.tools and request.tool_choice.mode != "none":
        # A call cannot be forced; if it can be only one, the others are kept from the model.
        only = request.tool_choice.name
        body["tools"] = [_tool(tool) for tool in request.tools if only in ("", tool.name)]
    return "/api/chat", body


def loading(model: str, keep_alive: float | None) -> Body:
    """The body for /api/generate that has `model` loaded, or with 0 unloaded."""
    return {"model": model, "stream": False} | _kept(keep_alive)


def embedding(request: EmbedRequest, model: str, inputs: Iterable[str]) -> Body:
    """The body for /api/embed with some of the inputs."""
    body: Body = {"model": model, "input": list(inputs), "truncate": request.truncate}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return body | _kept(request.keep_alive) | ({"options": dict(request.options)} if request.options else {})


def old_embedding(request: EmbedRequest, model: str, text: str) -> Body:
    """The body for /api/embeddings, whose vectors are as the model makes them."""
    body: Body = {"model": model, "prompt": text}
    return body | _kept(request.keep_alive) | ({"options": dict(request.options)} if request.options else {})


def _common(request: ChatRequest, model: str) -> Body:
    body: Body = {"model": model, "stream": True, "options": _options(request.options)} | _kept(request.keep_alive)
    if request.think is not None:
        body["think"] = request.think if isinstance(request.think, bool) else _LEVELS.get(request.think, request.think)
    if request.format is not None:
        body["format"] = "json" if request.format.schema is None else request.format.schema
    if not request.truncate:
        body["truncate"] = False
    return body


def _kept(keep_alive: float | None) -> Body:
    if keep_alive is None:
        return {}
    return {"keep_alive": _FOREVER if math.isinf(keep_alive) else keep_alive}


def _options(options: Options) -> Body:
    named = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "stop": list(options.stop) or None,
        "num_predict": options.max_tokens,
    }
    return dict(options.others) | {name: value for name, value in named.items() if value is not None}


def _prompt(request: ChatRequest) -> Body:
    """A prompt alone: what was said last."""
    last = request.messages[-1]
    body: Body = {"prompt": last.text}
    body |= {"images": images} if (images := _images(last.parts)) else {}
    return body | ({"raw": True} if request.raw else {}) | ({"suffix": request.suffix} if request.suffix else {})


def _messages(message: Message) -> Iterator[Body]:
    """A message; results of tools are messages of their own, before what else was said."""
    rest = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield _result(part)
        else:
            rest.append(part)
    if rest or not message.parts:
        yield _message(message.role, rest)


def _message(role: str, parts: Sequence[Part]) -> Body:
    message: Body = {"role": role, "content": _text(parts)}
    if images := _images(parts):
        message["images"] = images
    if thought := "".join(part.text for part in parts if isinstance(part, Thought)):
        message["thinking"] = thought
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments}}
            for index, call in enumerate(calls)
        ]
    return message


def _result(result: ToolResult) -> Body:
    message: Body = {"role": "tool", "content": _text(result.parts), "tool_call_id": result.call_id}
    message |= {"tool_name": result.name} if result.name else {}
    return message | ({"images": images} if (images := _images(result.parts)) else {})


def _text(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _images(parts: Iterable[Part]) -> list[str]:
    return [part.data for part in parts if isinstance(part, Image)]


def _tool(tool: Tool) -> Body:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": function}
