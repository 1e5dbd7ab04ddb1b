"""What ties a thinking block to the conversation that it was thought in. Pure.

platform.claude.com docs, "Prefix checks on thinking blocks": a block is valid only while `system`, `tools` and the
messages before it are what they were. Earlier thinking is no part of that, but every block names the one before it:
thinking may be left out from the start of a conversation, not from its middle. `cache_control` does not count, nor
does a system message that only sets the effort. A signature carries all of it, so simulators need not know each other.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from proxy.simulator.body import Block, Body, blocks_of, encode

SIGNATURE_PREFIX = b"simulated-thinking:"
TEXT_SIZE = 32
HALF = 16
THINKING = ("thinking", "redacted_thinking")

# The API takes this block of the CLI's away before it reads the prompt.
_BILLING = "x-anthropic-billing-header"
_NOTHING = bytes(HALF)


def signature(thinking: str, binding: bytes = b"") -> str:
    """The signature of a thinking block that shows that text; `binding` is `binding_of` its request, or nothing."""
    return b64encode(SIGNATURE_PREFIX + _digest(thinking.encode(), TEXT_SIZE) + binding).decode()


def is_signed(thinking: str, given: str) -> bool:
    """Whether `given` is a signature of that text, bound or not."""
    signed = _signed(given)
    return len(signed) in (TEXT_SIZE, TEXT_SIZE + 2 * HALF) and given == signature(thinking, signed[TEXT_SIZE:])


def binding_of(body: Body) -> bytes:
    """What binds the thinking of the answer to this request: a digest of all before it, one of the thought before."""
    prefix = _Prefix(body)
    for _, message, block in _spoken(body):
        prefix.add(message["role"], block)
    return prefix.digest() + prefix.thought


def unbound(body: Body) -> str | None:
    """The place of the first thinking block that is bound to another conversation; None without one."""
    if not any(_bound(block) for _, _, block in _spoken(body)):
        return None
    prefix = _Prefix(body)
    role, before = "", b""
    for where, message, block in _spoken(body):
        if message["role"] != role:
            role, before = message["role"], prefix.digest()
        if binding := _bound(block):
            chained = prefix.thought in (_NOTHING, binding[HALF:])
            if binding[:HALF] != before or not chained:
                return where
        prefix.add(role, block)
    return None


class _Prefix:
    """The conversation up to a place: tools, system prompt, messages, and the last `thought`."""

    def __init__(self, body: Body) -> None:
        self.thought = _NOTHING
        self._hash = hashlib.blake2b(digest_size=HALF)
        for tool in body.get("tools") or ():
            self.add("tool", tool)
        for block in blocks_of(body.get("system")):
            if not block.get("text", "").startswith(_BILLING):
                self.add("prompt", block)

    def add(self, place: str, block: Block) -> None:
        """One more block."""
        if block.get("type") in THINKING:
            self.thought = _digest(encode(_bare(block), sort=True), HALF)
            return
        data = place.encode() + encode(_bare(block), sort=True)
        # The length before the bytes keeps two blocks from reading as one.
        self._hash.update(len(data).to_bytes(8, "big") + data)

    def digest(self) -> bytes:
        """Of everything but the thinking."""
        return self._hash.digest()


def _spoken(body: Body) -> Iterator[tuple[str, Block, Block]]:
    """Every block of the messages: its place, its message, itself. What only sets the effort has none."""
    for at, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message.get("content"))):
            yield f"messages.{at}.content.{index}", message, block


def _bare(block: Block) -> Block:
    """The block without its marks for the cache; a result's text is a block, as the API reads it."""
    bare: dict[str, Any] = {key: value for key, value in block.items() if key != "cache_control"}
    if block.get("type") == "tool_result":
        bare["content"] = [_bare(inner) for inner in blocks_of(block.get("content"))]
    return bare


def _bound(block: Block) -> bytes:
    """The binding in the signature of a thinking block; nothing where it has none."""
    return _signed(block["signature"])[TEXT_SIZE:] if block.get("type") == "thinking" else b""


def _signed(given: str) -> bytes:
    """What a signature holds; nothing in one that is not the simulator's."""
    try:
        data = b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data.removeprefix(SIGNATURE_PREFIX) if data.startswith(SIGNATURE_PREFIX) else b""


def _digest(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()
