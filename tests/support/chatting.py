"""Conversations with a running daemon, and what of them reached the Messages API."""

import json
import random
import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import httpx

from proxy.backends.claude_cli.memory import Memory
from proxy.backends.claude_cli.thinking_cache import ThinkingCache
from tests.support.running import Running

Messages = list[dict[str, Any]]


def chat(running: Running, messages: Sequence[dict[str, Any]], model: str = "sonnet", **fields: Any) -> str:
    """Ask /api/chat for a whole answer; its text."""
    return str(ask(running, messages, model, **fields).json()["message"]["content"])


def ask(running: Running, messages: Sequence[dict[str, Any]], model: str = "sonnet", **fields: Any) -> httpx.Response:
    """Ask /api/chat for a whole answer, which has to be a good one."""
    with running.client() as client:
        body = {"model": model, "messages": list(messages), "stream": False, **fields}
        response = client.post("/api/chat", json=body)
    assert response.status_code == 200, response.text
    return response


def converse(
    running: Running, said: Sequence[str], model: str = "sonnet", *, alone: bool = True, **fields: Any
) -> Messages:
    """A conversation, one user message after the other; the whole of it with the answers.

    `alone`: nobody else talks, and each message waits until the daemon is at rest, so that it can go on live.
    """
    messages: Messages = []
    for text in said:
        messages.append(user(text))
        messages.append(assistant(chat(running, messages, model, **fields)))
        if alone:
            running.until_idle()
    return messages


def unload(running: Running, model: str = "sonnet") -> None:
    """Let go of a model's conversations, and wait until they are gone."""
    with running.client() as client:
        response = client.post("/api/generate", json={"model": model, "keep_alive": 0})
    assert response.json()["done_reason"] == "unload"
    running.until_idle()


def user(text: str, *images: str) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": text, **({"images": list(images)} if images else {})}


def assistant(text: str) -> dict[str, Any]:
    """An answer, as clients send it back."""
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, Any]:
    """A system message."""
    return {"role": "system", "content": text}


def png(width: int, height: int, color: int = 0) -> str:
    """A picture of one colour, in base64."""
    return _png(width, height, (b"\0" + bytes((color, 0, 0)) * width) * height)


def noise(width: int, height: int) -> str:
    """A picture that does not compress: three bytes a pixel."""
    source = random.Random(width)
    return _png(width, height, b"".join(b"\0" + source.randbytes(width * 3) for _ in range(height)), level=0)


def _png(width: int, height: int, rows: bytes, level: int = 6) -> str:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, level)), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def spoken(body: dict[str, Any]) -> Messages:
    """The messages of an API request without what the CLI adds to them by itself (docs/cli.md)."""
    messages = [message for message in sent(body) if message["role"] != "system"]
    for message in messages:
        message["content"] = [
            block for block in message["content"] if not block.get("text", "").startswith("<system-reminder>")
        ]
    return messages


def sent(body: dict[str, Any]) -> Messages:
    """The messages of an API request as they were sent, without cache marks and thinking."""
    messages: Messages = json.loads(json.dumps(body["messages"]))
    for message in messages:
        if isinstance(message["content"], str):
            message["content"] = [{"type": "text", "text": message["content"]}]
        message["content"] = [block for block in message["content"] if block["type"] != "thinking"]
        for block in message["content"]:
            block.pop("cache_control", None)
    return messages


def forget(running: Running) -> None:
    """Have the daemon forget the answers that it remembers, so that only a live process has their thinking."""
    running.daemon.backend._memory = Memory()
    running.daemon.backend._thinking = ThinkingCache()


def thoughts(body: dict[str, Any]) -> int:
    """How many blocks of thinking an API request carries: clients send none back."""
    return sum(block["type"] == "thinking" for message in body["messages"] for block in message["content"])


def texts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Role and text of each message of an API request; pictures stand as their type."""
    return [
        (message["role"], "".join(block.get("text", f"<{block['type']}>") for block in message["content"]))
        for message in spoken(body)
    ]


def process_of(body: dict[str, Any]) -> str:
    """Which CLI process sent an API request: each makes a session id of its own."""
    return str(json.loads(body["metadata"]["user_id"])["session_id"])
