"""Reading the conversation in a request's body, whatever of the API's shapes it comes in."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from proxy.simulator.images import Picture, read_image

Body = dict[str, Any]
Block = dict[str, Any]

# What the CLI puts in front of the operator's system prompt.
_CLI_PREAMBLES = ("x-anthropic-billing-header", "You are a Claude agent, built on Anthropic's Claude Agent SDK")
_CLI_REMINDER = "<system-reminder>"

# What asks for JSON as the whole answer, and its schema.
JSON_ALONE = re.compile(r"\bone JSON (?:object|value) and nothing else\b(?:.*\bJSON Schema:\n(\{.*\}))?", re.DOTALL)


def encode(value: Any, *, sort: bool = False) -> bytes:
    """`value` as compact JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:
        # Integers of more than 64 bits, and lone surrogates.
        return json.dumps(value, separators=(",", ":"), sort_keys=sort).encode("ascii")


def blocks_of(content: object) -> list[Block]:
    """A message's, system prompt's or tool result's content as blocks; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, list) else []


def text_of(content: object) -> str:
    """The joined text blocks, without the reminders that the CLI adds."""
    texts = (block["text"] for block in blocks_of(content) if block.get("type") == "text")
    return "".join(text for text in texts if not text.lstrip().startswith(_CLI_REMINDER))


def placed_blocks(body: Body) -> Iterator[tuple[str, Block]]:
    """Every block of the messages, also those inside tool results, each with its place as the API's errors name it."""
    for at, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message.get("content"))):
            where = f"messages.{at}.content.{index}"
            yield where, block
            inside = blocks_of(block.get("content")) if block.get("type") == "tool_result" else []
            for inner_index, inner in enumerate(inside):
                yield f"{where}.tool_result.content.{inner_index}", inner


def conversation(body: Body) -> list[Block]:
    """The user's and the assistant's messages in order; neighbours of one role are one message, as for the API."""
    turns: list[Block] = []
    for message in body["messages"]:
        if message["role"] == "system":
            continue
        blocks = blocks_of(message["content"])
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": message["role"], "content": blocks})
    return turns


def last_user_blocks(body: Body) -> list[Block]:
    """The newest user message's blocks."""
    return next((m["content"] for m in reversed(conversation(body)) if m["role"] == "user"), [])


def last_user_text(body: Body) -> str:
    """What the user wrote last: the newest user message's last text block, "" when it has none.

    Its other text blocks are earlier ones: an unanswered message comes merged with the one after it. A text behind it
    that asks for JSON alone says how to answer, not what.
    """
    said = list(_said(last_user_blocks(body)))
    return next(reversed([text for text in said if not JSON_ALONE.search(text)] or said), "")


def earlier_user_texts(body: Body) -> list[str]:
    """What the user wrote before that, oldest first."""
    *before, newest = [_said(m["content"]) for m in conversation(body) if m["role"] == "user"]
    return [text for texts in (*before, newest[:-1]) for text in texts]


def _said(blocks: list[Block]) -> list[str]:
    texts = (text_of([block]) for block in blocks)
    return [text for text in texts if text.strip()]


def system_prompt(body: Body) -> str:
    """The client's system prompt, without what the CLI says of itself."""
    texts = [block.get("text", "") for block in blocks_of(body.get("system"))]
    return "\n".join(text for text in texts if text and not text.startswith(_CLI_PREAMBLES))


def pictures(blocks: Sequence[Block]) -> Iterator[Picture]:
    """The images among `blocks`, also those inside tool results."""
    for block in blocks:
        if block.get("type") == "tool_result":
            yield from pictures(blocks_of(block.get("content")))
        elif block.get("type") == "image" and (data := image_data(block)) is not None:
            yield read_image(data) or Picture("application/octet-stream")


def image_data(block: Block) -> bytes | None:
    """The bytes of an image block; None when it names them otherwise, or when they are not base64."""
    source = block.get("source")
    if not isinstance(source, dict) or source.get("type") != "base64":
        return None
    try:
        return base64.b64decode(source["data"], validate=True)
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
