"""The same question in every dialect that streams, and what came of it in one shape."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.running import Running

PATHS = {
    "ollama": "/api/chat",
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
}
"""By its dialect, where a chat is asked for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client got: a `status`, the `text` of the answer, and the `error` in either the body or the stream. The
    answer is `complete` when its dialect's end came."""

    status: int
    text: str = ""
    error: str = ""
    complete: bool = False


def question(dialect: str, prompt: str, *, stream: bool = True, **fields: object) -> dict[str, Any]:
    """The body of a request."""
    if dialect == "responses":
        return {"model": "sonnet", "stream": stream, "input": prompt, **fields}
    limit = {"max_tokens": 1000} if dialect == "anthropic" else {}
    return {
        "model": "sonnet",
        "stream": stream,
        "messages": [{"role": "user", "content": prompt}],
        **limit,
        **fields,
    }


def ask(client: httpx.Client, dialect: str, prompt: str, *, stream: bool = True, **fields: object) -> Outcome:
    """Ask, and read to the end."""
    answer = client.post(PATHS[dialect], json=question(dialect, prompt, stream=stream, **fields))
    return outcome(dialect, answer.status_code, answer.content)


def ask_all(running: Running, prompt: str, *, stream: bool = True) -> list[Outcome]:
    """What the same question comes to in every dialect, asked at once."""
    with running.client() as client, ThreadPoolExecutor(len(PATHS)) as threads:
        return list(threads.map(lambda dialect: ask(client, dialect, prompt, stream=stream), PATHS))


def outcome(dialect: str, status: int, body: bytes) -> Outcome:
    """What the body of an answer says, streamed or whole."""
    if status != 200:
        return Outcome(status, error=_error(json.loads(body)))
    texts, error, complete = [], "", False
    for value in _values(body):
        if value is None or _ends(value):
            complete = True
        if value is not None:
            error = error or _error(value)
            texts.append(_text(value))
    return Outcome(status, "".join(texts), error, complete and not error)


def _values(body: bytes) -> Iterator[Any]:
    """The JSON values of NDJSON, SSE or a whole body; None for OpenAI's last word."""
    for line in body.split(b"\n"):
        data = line.removeprefix(b"data: ")
        if data == b"[DONE]":
            yield None
        elif data.startswith(b"{"):
            yield json.loads(data)


def _error(value: dict[str, Any]) -> str:
    error = value.get("error") or value.get("response", {}).get("error") or ""
    return str(error["message"] if isinstance(error, dict) else error)


def _ends(value: dict[str, Any]) -> bool:
    whole = value.get("object") in ("chat.completion", "response") or value.get("type") == "message"
    return bool(value.get("done")) or whole or value.get("type") in ("message_stop", "response.completed")


def _text(value: dict[str, Any]) -> str:
    match value:
        case {"message": {"content": str(text)}} | {"delta": {"text": str(text)}}:
            return text
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
        case {"choices": [{"delta": {"content": str(text)}}]} | {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case {"type": "message", "content": list(blocks)}:
            return "".join(block["text"] for block in blocks)
        case {"object": "response", "output": list(items)}:
            return "".join(part["text"] for item in items for part in item["content"])
        case _:
            return ""
