"""Every rule has a body that breaks only it, beside one that the API takes."""

from base64 import b64encode
from typing import Any

import pytest

from proxy.simulator.binding import signature
from proxy.simulator.errors import ApiError
from proxy.simulator.models import MODELS
from proxy.simulator.rules.access import check_access
from proxy.simulator.rules.request import check_request

# A PNG's first bytes: 8001 pixels wide.
WIDE = "iVBORw0KGgoAAAAAAAAAAAAAH0EAAAAB"
EIGHT_THOUSAND = "iVBORw0KGgoAAAAAAAAAAAAAH0AAAAAB"
PNG_START = "iVBORw0KGgoAAAAAAAAAAAAAAAEAAAAB"
NEWEST = "claude-opus-5-5"
SWITCHABLE = "claude-opus-5"
BRIDGING = "claude-sonnet-4-6"
OLDER = "claude-sonnet-4-5"
# A PNG's first bytes: 2001 pixels wide, one high.
LARGE = "iVBORw0KGgoAAAAAAAAAAAAAB9EAAAAB"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAD0lEQVR4nGP4z8AAQgwQCgAf7gP9bJ5w5gAAAABJRU5ErkJggg=="


def body(model: str | None = NEWEST, **fields: Any) -> dict[str, Any]:
    """A body that the API takes, but for `fields`; a field of None is left out."""
    base = {"model": model, "max_tokens": 4096, "messages": [user("hello")], **fields}
    return {name: value for name, value in base.items() if value is not None}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if len(content) == 1 and isinstance(content[0], str) else [*content]}


def assistant(*content: Any) -> dict[str, Any]:
    return user(*content) | {"role": "assistant"}


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def image(data: str = PNG, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def call(call_id: str = "toolu_1", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "get_weather", "input": {}, **fields}


def result(call_id: str = "toolu_1", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": "sunny", **fields}


def tool(name: str = "get_weather", **schema: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": schema or {"type": "object", "properties": {}}}


def thinking(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def thought(words: str = "hm", sign: str | None = None) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": sign or signature(words)}


def pdf(pages: int) -> dict[str, Any]:
    data = b64encode(b"%PDF-1.7 /Type /Pages" + b" /Type /Page" * pages).decode()
    return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}


def system(content: Any = "Be brief.", **fields: Any) -> dict[str, Any]:
    return {"role": "system", "content": content, **fields}


def edits(*listed: Any) -> dict[str, Any]:
    return {"context_management": {"edits": [*listed]}}


def referring(reference: str, **definitions: Any) -> dict[str, Any]:
    """An output schema with one property that is a reference."""
    return schema_of(CLOSED | {"properties": {"a": {"$ref": reference}}, "$defs": definitions})


def schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema}}


EFFORT = {"role": "system", "content": [], "output_config": {"effort": "low"}}
CACHED = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
CLEARED = {"type": "clear_thinking_20251015", "keep": "all"}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}

TAKEN: dict[str, dict[str, Any]] = {
    "a plain question": body(),
    "everything that the CLI sends": body(
        system=[text("You are a Claude agent.", **CACHED), text("Be brief.", **CACHED)],
        messages=[user(text("hi", **CACHED)), {"role": "system", "content": [], "output_config": {"effort": "medium"}}],
        thinking=thinking("adaptive", display="updates"),
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        output_config={"effort": "medium"},
        metadata={"user_id": "someone"},
        max_tokens=128_000,
        stream=True,
    ),
    "a system message with a text after the user's": body(
        messages=[user("hi"), {"role": "system", "content": "Today is Monday."}, assistant("hello"), user("bye")]
    ),
    "a system message without content but with an effort": body(
        messages=[user("hi"), {"role": "system", "output_config": {"effort": "low"}}]
    ),
    "a system message of blocks at the end": body(messages=[user("hi"), system([text("Be brief.")])]),
    "a system message after a tool's result": body(
        messages=[user("hi"), assistant(call()), user(result()), system(), assistant("sunny"), user("bye")]
    ),
    "a system message that only sets the effort anywhere": body(
        messages=[user("a"), EFFORT, user("b"), EFFORT, system(), EFFORT, assistant("c"), EFFORT, user("d"), EFFORT]
    ),
    "a system message on Opus 4.8": body("claude-opus-4-8", messages=[user("hi"), system()]),
    "neighbouring user messages": body(messages=[user("hi"), user("there")]),
    "a call and its result": body(messages=[user("hi"), assistant(text("Let me see."), call()), user(result())]),
    "two calls answered in another order": body(
        messages=[user("hi"), assistant(call("a"), call("b")), user(result("b"), result("a"), text("and now?"))]
    ),
    "a result without content": body(messages=[user("hi"), assistant(call()), user(result(content=None))]),
    "a result with an image": body(messages=[user("hi"), assistant(call()), user(result(content=[image()]))]),
    "an image": body(messages=[user(image(), text("what is it?"))]),
    "an image by address": body(messages=[user({"type": "image", "source": {"type": "url", "url": "https://x/y"}})]),
    "a PDF": body(
        messages=[
            user(
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}}
            )
        ]
    ),
    "its own thinking, sent back": body(messages=[user("hi"), assistant(thought(), text("hello")), user("bye")]),
    "a tool that runs at Anthropic": body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    "a choice among tools": body(tools=[tool()], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    "a forced tool without thinking": body(OLDER, tools=[tool()], tool_choice={"type": "tool", "name": "get_weather"}),
    "no tool wanted, none offered": body(tool_choice={"type": "none"}),
    "four breakpoints, the longer-lived first": body(
        tools=[tool() | HOUR], system=[text("a", **HOUR)], messages=[user(text("b", **CACHED), text("c", **CACHED))]
    ),
    "a breakpoint of the request itself": body(cache_control={"type": "ephemeral"}),
    "a text document": body(
        messages=[user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}})]
    ),
    "prefill on an older model": body(OLDER, messages=[user("hi"), assistant("The answer is")]),
    "an empty prefill on an older model": body(OLDER, messages=[user("hi"), assistant("")]),
    "a temperature on an older model": body(OLDER, temperature=0.2, top_k=5),
    "a thinking budget on an older model": body(OLDER, thinking=thinking("enabled", budget_tokens=1024)),
    "thinking with temperature 1": body(OLDER, thinking=thinking("enabled", budget_tokens=1024), temperature=1),
    "thinking with a high top_p": body(OLDER, thinking=thinking("enabled", budget_tokens=1024), top_p=0.97),
    "the default temperature where only that is taken": body(SWITCHABLE, temperature=1),
    "thinking off where it can be": body(SWITCHABLE, thinking=thinking("disabled")),
    "adaptive thinking where budgets go too": body(BRIDGING, thinking=thinking("adaptive")),
    "structured output": body(
        output_config=schema_of(CLOSED | {"properties": {"a": {"type": "array", "minItems": 1}}})
    ),
    "stop sequences": body(stop_sequences=["\n\nHuman:"]),
    "an effort": body(output_config={"effort": "max"}),
    "null where the client libraries allow it": body(
        thinking=thinking("adaptive", display=None),
        output_config={"effort": None, "format": None},
        metadata={"user_id": None},
    )
    | {"cache_control": None, "context_management": None, "speed": None},
    "clearing no thoughts where there are none": body(SWITCHABLE, thinking=thinking("disabled"), **edits()),
    "clearing thoughts of a model that thinks unasked": body(SWITCHABLE, **edits(CLEARED)),
    "clearing thoughts with a budget": body(
        OLDER, thinking=thinking("enabled", budget_tokens=1024), **edits(CLEARED, {"type": "clear_tool_uses_20250919"})
    ),
    "six hundred small images": body(messages=[user(*[image()] * 300), user(*[image()] * 300)]),
    "a hundred images and pages on a model of a short context": body(OLDER, messages=[user(*[image()] * 90, pdf(10))]),
    "a PDF that names no page": body(OLDER, messages=[user(*[image()] * 99, pdf(0))]),
    "an image of nearly 10 MB": body(messages=[user(image(PNG_START + "A" * 10_485_728))]),
    "an image of 8000 pixels": body(messages=[user(image(EIGHT_THOUSAND))]),
    "twenty large images": body(messages=[user(*[image(LARGE)] * 20)]),
    "references to definitions": body(
        output_config=referring("#/$defs/b", b={"anyOf": [{"$ref": "#/$defs/c"}, {"$ref": "#/$defs/c"}]}, c=CLOSED)
    ),
    "a reference to a name with a blank": body(
        output_config=referring("#/$defs/my%20model", **{"my model": {"type": "null"}})
    ),
}

# name: (body, words of the refusal)
REFUSED: dict[str, tuple[Any, str]] = {
    "no object": ([], "valid dictionary"),
    "an unknown field": (body(foo=1), "foo: Extra inputs are not permitted"),
    "no model": (body(model=None), "model: Field required"),
    "no max_tokens": (body(max_tokens=None), "max_tokens: Field required"),
    "max_tokens 0": (body(max_tokens=0), "max_tokens: Input should be greater than or equal to 1"),
    "max_tokens as text": (body(max_tokens="9"), "max_tokens: Input should be a valid integer"),
    "max_tokens as a truth": (body(max_tokens=True), "max_tokens: Input should be a valid integer"),
    "max_tokens over the model's": (body(max_tokens=128_001), "max_tokens: 128001 > 128000, which is the maximum"),
    "max_tokens over an older model's": (body(OLDER, max_tokens=64_001), "max_tokens: 64001 > 64000"),
    "stream as a number": (body(stream=1), "stream: Input should be a valid boolean"),
    "an unknown service tier": (body(service_tier="gold"), "service_tier: Input should be 'auto' or 'standard_only'"),
    "unknown metadata": (body(metadata={"a": "b"}), "metadata.a: Extra inputs are not permitted"),
    "no messages": (body(messages=None), "messages: Field required"),
    "empty messages": (body(messages=[]), "messages: at least one message is required"),
    "messages as text": (body(messages="hi"), "messages: Input should be a valid list"),
    "the assistant first": (body(OLDER, messages=[assistant("hi")]), 'first message must use the "user" role'),
    "the system first": (body(messages=[{"role": "system", "content": "x"}, user("hi")]), 'the "user" role'),
    "an unknown role": (
        body(messages=[{"role": "tool", "content": "x"}]),
        "messages.0.role: Input should be 'user' or 'assistant'",
    ),
    "a message without role": (body(messages=[{"content": "x"}]), "messages.0.role: Field required"),
    "a message without content": (body(messages=[{"role": "user"}]), "messages.0.content: Field required"),
    "an unknown field of a message": (body(messages=[user("a") | {"name": "x"}]), "messages.0.name: Extra inputs"),
    "a system message on an older model": (
        body(OLDER, messages=[user("a"), {"role": "system", "content": "x"}]),
        "role 'system' is not supported on this model",
    ),
    "a system message's effort where it is not taken": (
        body(SWITCHABLE, messages=[user("a"), {"role": "system", "content": "x", "output_config": {"effort": "low"}}]),
        "messages.1.output_config: Extra inputs are not permitted",
    ),
    "a system message that says nothing": (
        body(messages=[user("a"), {"role": "system", "content": []}]),
        "needs content or output_config",
    ),
    "a system message after the assistant": (
        body(messages=[user("a"), assistant("b"), {"role": "system", "content": "x"}, user("c")]),
        "must follow a 'user' message",
    ),
    "a system message after the assistant's and an effort": (
        body(messages=[user("a"), assistant("b"), EFFORT, system(), assistant("c"), user("d")]),
        "messages.3: role 'system' must follow a 'user' message",
    ),
    "a system message before the user's": (
        body(messages=[user("a"), system(), user("b")]),
        "messages.1: role 'system' must precede an 'assistant' message or end the array",
    ),
    "two system messages in a row": (
        body(messages=[user("a"), system(), system()]),
        "messages.1: role 'system' must precede an 'assistant' message or end the array",
    ),
    "an image in a system message": (body(messages=[user("a"), system([image()])]), "Input tag 'image'"),
    "a system message that is a number": (body(messages=[user("a"), system(1)]), "messages.1.content: Input should"),
    "an unknown effort in a system message": (
        body(messages=[user("a"), {"role": "system", "content": [], "output_config": {"effort": "vast"}}]),
        "messages.1.output_config.effort: Input should be 'low'",
    ),
    "an empty message": (body(messages=[user("")]), "all messages must have non-empty content"),
    "a message of no blocks": (
        body(messages=[user("a"), {"role": "assistant", "content": []}, user("b")]),
        "messages.1: all messages must have non-empty content",
    ),
    "an empty text block": (body(messages=[user(text(""))]), "text content blocks must be non-empty"),
    "a blank text block": (body(messages=[user(text(" \n"))]), "must contain non-whitespace text"),
    "a blank message": (body(messages=[user("  ")]), "must contain non-whitespace text"),
    "an empty cached text block": (body(messages=[user(text("", **CACHED))]), "cache_control cannot be set for empty"),
    "a text block without text": (
        body(messages=[user({"type": "text"})]),
        "messages.0.content.0.text.text: Field requ",
    ),
    "an unknown block": (body(messages=[user({"type": "video"})]), "Input tag 'video' found using 'type'"),
    "a tool_use from the user": (body(messages=[user(call())]), "Input tag 'tool_use'"),
    "an image from the assistant": (body(OLDER, messages=[user("a"), assistant(image())]), "Input tag 'image'"),
    "an empty system block": (body(system=[text("")]), "system: text content blocks must be non-empty"),
    "an image as system prompt": (body(system=[image()]), "system.0.type: Input should be 'text'"),
    "prefill on the newest": (
        body(messages=[user("a"), assistant("b")]),
        "This model does not support assistant message prefill.",
    ),
    "prefill on 4.6": (body(BRIDGING, messages=[user("a"), assistant("b")]), "assistant message prefill"),
    "a prefill that ends in a space": (
        body(OLDER, messages=[user("a"), assistant("b ")]),
        "final assistant content cannot end with trailing whitespace",
    ),
    "an unknown image type": (
        body(messages=[user(image(media_type="image/bmp"))]),
        "messages.0.content.0.image.source.base64.media_type: "
        "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
    ),
    "an image that is not base64": (body(messages=[user(image("%%%"))]), "data: Invalid base64 data"),
    "an image that is none": (body(messages=[user(image("aGVsbG8="))]), "Could not process image"),
    "a PNG said to be a JPEG": (
        body(messages=[user(image(media_type="image/jpeg"))]),
        "specified using the image/jpeg media type, but the image appears to be a image/png image",
    ),
    "an image too large": (body(messages=[user(image("A" * 10_485_764))]), "image exceeds 10 MB maximum"),
    "an image of too many pixels": (
        body(messages=[user(image(WIDE))]),
        "At least one of the image dimensions exceed max allowed size: 8000 pixels",
    ),
    "a document that is not base64": (
        body(
            messages=[
                user({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "%"}})
            ]
        ),
        "Invalid base64 data",
    ),
    "a call without input": (
        body(messages=[user("a"), assistant(call(input=None)), user(result())]),
        "tool_use.input: Field required",
    ),
    "an image in a result that is none": (
        body(messages=[user("a"), assistant(call()), user(result(content=[image("aGVsbG8=")]))]),
        "Could not process image",
    ),
    "a document that is no PDF": (
        body(
            messages=[
                user(
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
                )
            ]
        ),
        "The PDF specified was not valid",
    ),
    "thinking that was changed": (
        body(messages=[user("a"), assistant(thought("hm", signature("other")), text("b")), user("c")]),
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "a call without result": (
        body(messages=[user("a"), assistant(call()), user("b")]),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
    ),
    "a call at the end": (body(OLDER, messages=[user("a"), assistant(call())]), "`tool_use` ids were found without"),
    "one of two calls without result": (
        body(messages=[user("a"), assistant(call("a"), call("b")), user(result("a"))]),
        "immediately after: b",
    ),
    "a text before the result": (
        body(messages=[user("a"), assistant(call()), user(text("so"), result())]),
        "`tool_use` ids were found without",
    ),
    "a result without call": (
        body(messages=[user("a"), assistant("b"), user(result())]),
        "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
    ),
    "a result twice": (
        body(messages=[user("a"), assistant(call()), user(result(), result())]),
        "each tool_use must have a single result",
    ),
    "a call id twice": (
        body(messages=[user("a"), assistant(call()), user(result()), assistant(call()), user(result())]),
        "`tool_use` ids must be unique",
    ),
    "a call id with a dot": (
        body(messages=[user("a"), assistant(call("a.b")), user(result("a.b"))]),
        "String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    "a call whose input is a text": (
        body(messages=[user("a"), assistant(call(input="{}")), user(result())]),
        "tool_use.input: Input should be a valid dictionary",
    ),
    "a tool name with a dot": (body(tools=[tool("a.b")]), "tools.0.custom.name: String should match pattern"),
    "a tool name too long": (body(tools=[tool("a" * 65)]), "tools.0.custom.name: String should match pattern"),
    "a tool name twice": (body(tools=[tool(), tool()]), "Tool names must be unique"),
    "a tool without schema": (body(tools=[{"name": "a"}]), "tools.0.custom.input_schema: Field required"),
    "a schema without type": (body(tools=[tool(properties={})]), "input_schema.type: Field required"),
    "a schema that is no object": (body(tools=[tool(type="array")]), "input_schema.type: Input should be 'object'"),
    "a schema of alternatives": (
        body(tools=[tool(type="object", anyOf=[])]),
        "input_schema does not support oneOf, allOf, or anyOf at the top level",
    ),
    "a description that is no text": (
        body(tools=[tool() | {"description": 1}]),
        "description: Input should be a valid",
    ),
    "a choice without tools": (body(tool_choice={"type": "auto"}), "may only be specified while providing tools"),
    "a choice of an unknown kind": (
        body(tools=[tool()], tool_choice={"type": "required"}),
        "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'",
    ),
    "a choice of a tool that is not there": (
        body(OLDER, tools=[tool()], tool_choice={"type": "tool", "name": "x"}),
        "Tool 'x' not found in provided tools",
    ),
    "a forced tool with thinking": (
        body(tools=[tool()], tool_choice={"type": "any"}),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "five breakpoints": (
        body(system=[text("a", **CACHED)] * 5),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "an unknown kind of cache": (
        body(system=[text("a", cache_control={"type": "forever"})]),
        "system.0.cache_control.type: Input should be 'ephemeral'",
    ),
    "an unknown lifetime": (
        body(system=[text("a", cache_control={"type": "ephemeral", "ttl": "1d"})]),
        "ephemeral.ttl: Input should be '5m' or '1h'",
    ),
    "the longer-lived breakpoint last": (
        body(system=[text("a", **CACHED), text("b", **HOUR)]),
        "a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "a longer-lived breakpoint in a message after one of the system prompt": (
        body(system=[text("a", **CACHED)], messages=[user(text("b", **HOUR))]),
        "a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "a longer-lived breakpoint of the request itself after a shorter-lived one": (
        body(system=[text("a", **CACHED)]) | HOUR,
        "a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "five breakpoints with that of the request itself": (
        body(system=[text("a", **CACHED)] * 4) | CACHED,
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "five breakpoints in all places": (
        body(
            tools=[tool() | CACHED],
            system=[text("a", **CACHED)],
            messages=[user(text("b", **CACHED)), assistant(call() | CACHED), user(result() | CACHED)],
        ),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "cached thinking": (
        body(messages=[user("a"), assistant(thought() | CACHED, text("b")), user("c")]),
        "thinking.cache_control: Extra inputs are not permitted",
    ),
    "a temperature on the newest": (body(temperature=1), "`temperature` is deprecated for this model."),
    "a top_p on the newest": (body(top_p=1), "`top_p` is deprecated for this model."),
    "a top_k on the newest": (body(top_k=40), "`top_k` is deprecated for this model."),
    "another temperature where only the default is taken": (body(SWITCHABLE, temperature=0.5), "is deprecated"),
    "a temperature above 1": (body(OLDER, temperature=1.1), "temperature: Input should be less than or equal to 1"),
    "a negative temperature": (body(OLDER, temperature=-1), "temperature: Input should be greater than or equal to 0"),
    "a temperature as text": (body(OLDER, temperature="1"), "temperature: Input should be a valid number"),
    "a negative top_k": (body(OLDER, top_k=-1), "top_k: Input should be greater than or equal to 0"),
    "temperature and top_p": (
        body(OLDER, temperature=0.5, top_p=0.9),
        "`temperature` and `top_p` cannot both be specified for this model.",
    ),
    "a temperature while thinking": (
        body(OLDER, thinking=thinking("enabled", budget_tokens=1024), temperature=0.5),
        "`temperature` may only be set to 1 when thinking is enabled",
    ),
    "a low top_p while thinking": (
        body(OLDER, thinking=thinking("enabled", budget_tokens=1024), top_p=0.5),
        "`top_p` must be greater than or equal to 0.95",
    ),
    "a top_k while thinking": (
        body(OLDER, thinking=thinking("enabled", budget_tokens=1024), top_k=5),
        "`top_k` must be unset when thinking is enabled",
    ),
    "an unknown kind of thinking": (
        body(thinking=thinking("hard")),
        "thinking.type: Input should be 'adaptive', 'disabled' or 'enabled'",
    ),
    "thinking off on the newest": (body(thinking=thinking("disabled")), '"thinking.type.disabled" is not supported'),
    "a budget on the newest": (
        body(thinking=thinking("enabled", budget_tokens=1024)),
        '"thinking.type.enabled" is not supported for this model.',
    ),
    "adaptive thinking on an older model": (
        body(OLDER, thinking=thinking("adaptive")),
        "adaptive thinking is not supported on this model",
    ),
    "no budget": (body(OLDER, thinking=thinking("enabled")), "thinking.enabled.budget_tokens: Field required"),
    "a budget too small": (
        body(OLDER, thinking=thinking("enabled", budget_tokens=1023)),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "a budget of all tokens": (
        body(OLDER, thinking=thinking("enabled", budget_tokens=4096)),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    "thinking off at a high effort": (
        body(SWITCHABLE, thinking=thinking("disabled"), output_config={"effort": "xhigh"}),
        "effort 'xhigh' is not supported when thinking is disabled",
    ),
    "an unknown effort": (body(output_config={"effort": "vast"}), "output_config.effort: Input should be 'low'"),
    "an effort on a model without": (body(OLDER, output_config={"effort": "low"}), "does not support the effort"),
    "an effort that the model lacks": (body(BRIDGING, output_config={"effort": "xhigh"}), "effort level 'xhigh'"),
    "an output_config that is a text": (body(output_config="x"), "output_config: Input should be a valid dictionary"),
    "an unknown output setting": (body(output_config={"style": "x"}), "output_config.style: Extra inputs"),
    "an unknown output format": (body(output_config={"format": {"type": "xml"}}), "Input should be 'json_schema'"),
    "an open output schema": (
        body(output_config=schema_of({"type": "object", "properties": {}})),
        "For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "an open schema inside": (
        body(output_config=schema_of(CLOSED | {"properties": {"a": {"anyOf": [{"type": "object"}]}}})),
        "must be explicitly set to false",
    ),
    "a limit in an output schema": (
        body(output_config=schema_of(CLOSED | {"properties": {"a": {"type": "integer", "minimum": 1, "maximum": 2}}})),
        "For 'integer' type, properties maximum, minimum are not supported",
    ),
    "a length in an output schema": (
        body(output_config=schema_of(CLOSED | {"properties": {"a": {"type": "string", "minLength": 1}}})),
        "For 'string' type, properties minLength are not supported",
    ),
    "a list of two in an output schema": (
        body(output_config=schema_of(CLOSED | {"properties": {"a": {"type": "array", "minItems": 2}}})),
        "'minItems' values other than 0 or 1 are not supported",
    ),
    "a schema in another file": (
        body(output_config=referring("https://example.com/schema.json")),
        "output_config.format.schema: external references are not supported: https://example.com/schema.json",
    ),
    "a reference to nothing": (body(output_config=referring("#/$defs/b")), "#/$defs/b leads to no definition"),
    "a definition of itself": (
        body(output_config=referring("#/$defs/b", b=CLOSED | {"properties": {"next": {"$ref": "#/$defs/b"}}})),
        "Circular reference detected in schema definitions: b -> b. Self-referencing or mutually-referencing",
    ),
    "definitions of each other": (
        body(output_config=referring("#/$defs/b", b={"items": {"$ref": "#/$defs/c"}}, c={"$ref": "#/$defs/b"})),
        "Circular reference detected in schema definitions: b -> c -> b.",
    ),
    "a reference in a conjunction": (
        body(output_config=schema_of(CLOSED | {"allOf": [{"$ref": "#/$defs/b"}], "$defs": {"b": CLOSED}})),
        "'allOf' with '$ref' is not supported",
    ),
    "a schema inside itself": (body(output_config=referring("#")), "Circular reference detected"),
    "an unknown edit": (
        body(**edits({"type": "clear_all"})),
        "context_management.edits.0: Input tag 'clear_all' found using 'type' does not match",
    ),
    "an edit without type": (body(**edits({"keep": "all"})), "context_management.edits.0.type: Field required"),
    "an unknown field of an edit": (body(**edits(CLEARED | {"foo": 1})), "clear_thinking_20251015.foo: Extra inputs"),
    "edits that are no list": (body(context_management={"edits": {}}), "edits: Input should be a valid list"),
    "an unknown setting of the context": (body(context_management={"a": 1}), "context_management.a: Extra inputs"),
    "clearing thoughts while thinking is off": (
        body(SWITCHABLE, thinking=thinking("disabled"), **edits(CLEARED)),
        "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive",
    ),
    "clearing thoughts of a model that thinks only when asked": (
        body(OLDER, **edits({"type": "clear_tool_uses_20250919"}, CLEARED)),
        "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive",
    ),
    "an unknown display of thinking": (
        body(thinking=thinking("adaptive", display="full")),
        "thinking.adaptive.display: Input should be 'summarized', 'omitted' or 'updates'",
    ),
    "a budget where none is meant": (
        body(thinking=thinking("adaptive", budget_tokens=1024)),
        "thinking.adaptive.budget_tokens: Extra inputs are not permitted",
    ),
    "a top_k that is no whole number": (body(OLDER, top_k=1.5), "top_k: Input should be a valid integer"),
    "too many images": (
        body(messages=[user(*[image()] * 300), user(*[image()] * 301)]),
        "too many images and documents: 601 + 0 > 600",
    ),
    "too many images on a model of a short context": (
        body(OLDER, messages=[user(*[image()] * 60), user(*[image()] * 41)]),
        "too many images and documents: 101 + 0 > 100",
    ),
    "too many images and pages": (
        body(OLDER, messages=[user(*[image()] * 90, pdf(11))]),
        "too many images and documents: 90 + 11 > 100",
    ),
    "too many images with those in results": (
        body(OLDER, messages=[user(*[image()] * 99), assistant(call()), user(result(content=[image(), image()]))]),
        "too many images and documents: 101 + 0 > 100",
    ),
    "a large image among many": (
        body(messages=[user("a"), assistant(call()), user(result(content=[*[image()] * 20, image(LARGE)]))]),
        "messages.2.content.0.tool_result.content.20.image.source.base64.data: "
        "At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels",
    ),
    "an unknown way with bound thinking": (
        body(thinking=thinking("adaptive", block_binding={"prefix_mismatch_behavior": "ignore"})),
        "thinking.adaptive.block_binding.prefix_mismatch_behavior: Input should be 'error' or 'drop_block'",
    ),
    "an unknown binding of thinking": (
        body(thinking=thinking("adaptive", block_binding={"a": 1})),
        "thinking.adaptive.block_binding.a: Extra inputs are not permitted",
    ),
    "a blank stop sequence": (body(stop_sequences=[" "]), "each stop sequence must contain non-whitespace"),
    "a prompt that is too long": (
        body(OLDER, messages=[user("x" * 800_004)]),
        "prompt is too long: 200005 tokens > 200000 maximum",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_api_takes(name: str) -> None:
    check_request(TAKEN[name])


@pytest.mark.parametrize("name", REFUSED)
def test_the_api_refuses(name: str) -> None:
    refused, words = REFUSED[name]
    with pytest.raises(ApiError) as caught:
        check_request(refused)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("temperature", "a valid number"),
        ("top_p", "a valid number"),
        ("top_k", "a valid integer"),
        ("tools", "a valid list"),
        ("stop_sequences", "a valid list"),
        ("system", "a valid list"),
        ("thinking", "a valid dictionary"),
        ("output_config", "a valid dictionary"),
        ("tool_choice", "a valid dictionary"),
        ("metadata", "a valid dictionary"),
        ("stream", "a valid boolean"),
        ("service_tier", "'auto' or 'standard_only'"),
    ],
)
def test_null_is_refused_where_it_is_not_known_to_be_taken(name: str, wanted: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_request(body(OLDER) | {name: None})
    assert caught.value.message == f"{name}: Input should be {wanted}"


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_a_plain_question(model: str) -> None:
    assert check_request(body(model)).id == model


def test_an_alias_means_the_dated_model() -> None:
    assert check_request(body("claude-haiku-4-5")).id == "claude-haiku-4-5-20251001"


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(ApiError) as caught:
        check_request(body("claude-9"))
    assert (caught.value.status, caught.value.kind, caught.value.message) == (404, "not_found_error", "model: claude-9")


def test_counting_needs_no_max_tokens() -> None:
    check_request(body(max_tokens=None), counting=True)


def test_checking_leaves_the_body_as_it_was() -> None:
    messages = [user("hi"), {"role": "system", "output_config": {"effort": "low"}}]
    check_request(body(messages=messages))
    assert messages == [user("hi"), {"role": "system", "output_config": {"effort": "low"}}]


@pytest.mark.parametrize("key", [{"x-api-key": "k"}, {"authorization": "Bearer t"}])
def test_a_key_or_a_token_opens_the_door(key: dict[str, str]) -> None:
    check_access({**key, "anthropic-version": "2023-06-01"})


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 401, "x-api-key header is required"),
        ({"authorization": "Bearer "}, 401, "x-api-key header is required"),
        ({"x-api-key": "invalid-key"}, 401, "invalid x-api-key"),
        ({"authorization": "Bearer invalid"}, 401, "Invalid bearer token"),
        ({"x-api-key": "k"}, 400, "anthropic-version: header is required"),
    ],
)
def test_without_the_right_headers_the_door_stays_shut(headers: dict[str, str], status: int, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        check_access(headers)
    assert caught.value.status == status
