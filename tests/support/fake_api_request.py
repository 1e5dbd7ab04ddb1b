"""What the fake CLI asks of the Messages API, and the answer as it comes."""

import http.client
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.fake_api_faults import FAULT

Json = dict[str, Any]

SILENT = 3600
"""Seconds that the API may say nothing."""


def conversation(held: list[Json]) -> list[Json]:
    """The messages that a process holds, as the API gets them."""
    messages = [{"role": message["role"], "content": list(message["content"])} for message in held]
    if FAULT == "additions":
        reminder = f"<system-reminder>{'Remember this. ' * 200}</system-reminder>"
        messages[0]["content"].insert(0, {"type": "text", "text": reminder})
    blocks = [block for message in messages for block in message["content"]]
    if any(block["type"] == "tool_use" for block in blocks):
        # What is wrong with a history is not to show in what becomes of calls as well.
        return messages
    match FAULT:
        case "history":
            messages = [message for message in messages if message["role"] == "user"]
        case "history:flattened" if len(messages) > 1:
            told_so_far = "\n".join(f"{m['role']}: {b.get('text')}" for m in messages for b in m["content"])
            messages = [{"role": "user", "content": [{"type": "text", "text": told_so_far}]}, *messages[-1:]]
        case "history:order" if len(messages) > 4:
            messages[0], messages[2] = messages[2], messages[0]
        case "history:pictures":
            for message in messages:
                message["content"] = [block for block in message["content"] if block["type"] == "text"]
    return messages


@cache
def credential() -> str:
    """The key or token, from where the daemon lets the CLI read it: a token can be read only once."""
    given = [flag.removeprefix("--settings=") for flag in sys.argv if flag.startswith("--settings=")]
    if given:
        return Path(shlex.split(json.loads(given[0])["apiKeyHelper"])[1]).read_text()
    with os.fdopen(int(os.environ["CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"])) as handed:
        return handed.read()


def post(body: Json, stopped: Callable[[], bool]) -> Iterator[Json]:
    """Ask the API: the events of its answer, up to where it is `stopped`. Those that nobody reads are thrown away."""
    address = urlsplit(os.environ["ANTHROPIC_BASE_URL"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=SILENT)
    key = credential()
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    connection.request("POST", "/v1/messages", json.dumps(body), headers)
    return _events(connection.getresponse(), connection, stopped)


def _events(
    response: http.client.HTTPResponse, connection: http.client.HTTPConnection, stopped: Callable[[], bool]
) -> Iterator[Json]:
    lines: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        # Shutting a socket that another thread reads from does not wake that thread everywhere.
        for line in response:
            lines.append(line)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    while not (done.is_set() and not lines):
        if stopped():
            # Not closed: that would wait for the thread that reads.
            return
        if lines:
            line = lines.pop(0)
            if line.startswith(b"data: "):
                yield json.loads(line[6:])
        else:
            time.sleep(0.001)
    connection.close()


class Answer:
    """The blocks of an answer, put together from its events; `calls` those of them that call tools."""

    def __init__(self) -> None:
        self.blocks: list[Json] = []
        self._arguments = ""

    @property
    def calls(self) -> list[Json]:
        return [block for block in self.blocks if block["type"] == "tool_use"]

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.blocks if block["type"] == "text")

    def take(self, event: Json) -> Json | None:
        """The block that `event` completes, if any."""
        match event["type"]:
            case "content_block_start":
                self.blocks.append(dict(event["content_block"]))
                self._arguments = ""
            case "content_block_delta":
                self._add(self.blocks[-1], event["delta"])
            case "content_block_stop":
                if self.blocks[-1]["type"] == "tool_use":
                    self.blocks[-1]["input"] = json.loads(self._arguments or "{}")
                return self.blocks[-1]
        return None

    def _add(self, block: Json, delta: Json) -> None:
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "input_json_delta":
                self._arguments += delta["partial_json"]
