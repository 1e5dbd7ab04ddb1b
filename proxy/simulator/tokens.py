"""How tokens are counted: a documented estimate, the same everywhere in the simulator.

- A token is four bytes of UTF-8, rounded up per text.
- A tool's definition, a tool call's input and anything unknown count as the text of their JSON.
- An image counts its width times its height over 750, at most 1568; a PDF one token per 50 bytes.
- Every message adds 4, and so does every tool and the system prompt as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from proxy.simulator.body import Block, Body, blocks_of, encode, pictures
from proxy.simulator.script import Script, Text, Thinking

BYTES_PER_TOKEN = 4
OVERHEAD = 4
PIXELS_PER_TOKEN = 750
IMAGE_LIMIT = 1568
PDF_BYTES_PER_TOKEN = 50


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a prompt, in the order in which the API caches it: its canonical bytes, its tokens, its breakpoint.

    `ttl` is the cache's lifetime that a `cache_control` on it asks for ("5m" or "1h"), or None without one.
    """

    data: bytes
    tokens: int
    ttl: str | None


def count_text(text: str) -> int:
    """The tokens of a text."""
    return ceil(len(text.encode(errors="surrogatepass")) / BYTES_PER_TOKEN)


def count_prompt(body: Body) -> int:
    """The tokens of a whole request."""
    return sum(part.tokens for part in prompt_parts(body))


def count_answer(script: Script) -> int:
    """The output tokens of a whole answer, thinking included; at least 1."""
    total = 0
    for block in script.blocks:
        match block:
            case Text(text) | Thinking(text):
                total += count_text(text)
            case tool:
                total += OVERHEAD + count_text(tool.name) + count_text(encode(dict(tool.input)).decode())
    return max(1, total)


def count_thinking(script: Script) -> int:
    """The output tokens spent on thinking, shown or not."""
    return sum(count_text(block.text) for block in script.blocks if isinstance(block, Thinking))


def prompt_parts(body: Body) -> list[Part]:
    """The request in the order of the API's cache: tools, system prompt, messages, block by block.

    A `cache_control` of the request itself stands for one on its last block.
    """
    parts = list(_parts(body))
    control = body.get("cache_control")
    if parts and isinstance(control, dict):
        parts[-1] = replace(parts[-1], ttl=control.get("ttl", "5m"))
    return parts


def _parts(body: Body) -> Iterator[Part]:
    for tool in body.get("tools") or ():
        yield _part(b"tool", tool, OVERHEAD)
    overhead = OVERHEAD
    for block in blocks_of(body.get("system")):
        yield _part(b"system", block, overhead)
        overhead = 0
    for message in body["messages"]:
        overhead = OVERHEAD
        for block in blocks_of(message.get("content")):
            yield _part(message["role"].encode(), block, overhead)
            overhead = 0


def _part(place: bytes, block: Block, overhead: int) -> Part:
    control = block.get("cache_control")
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    data = encode(bare, sort=True)
    ttl = control.get("ttl", "5m") if isinstance(control, dict) else None
    return Part(place + data, overhead + _count_block(bare, len(data)), ttl)


def _count_block(block: Block, size: int) -> int:
    match block.get("type"):
        case "text":
            return count_text(block["text"])
        case "thinking":
            return count_text(block["thinking"])
        case "image":
            return sum(min(IMAGE_LIMIT, ceil(p.width * p.height / PIXELS_PER_TOKEN)) for p in pictures([block]))
        case "document":
            return ceil(size / PDF_BYTES_PER_TOKEN)
        case "tool_result":
            inner = blocks_of(block.get("content"))
            return OVERHEAD + sum(_count_block(child, len(encode(child))) for child in inner)
    return ceil(size / BYTES_PER_TOKEN)
