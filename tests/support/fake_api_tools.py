"""The fake CLI's side of the tools: it asks their server over control messages, as the Claude CLI does."""

import queue
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.support.fake_api_faults import FAULT

Json = dict[str, Any]

PREFIX = "" if FAULT != "tool_names:prefixed" else "mcp__client__"
DESCRIPTION = {"tool_descriptions": 0, "tool_descriptions:short": 2048}.get(FAULT, 4096)
"""Characters of a tool's description that the API gets."""

PREVIEW = 2000
"""Characters of a result that "tool_waits:changed" leaves of it."""


class ToolClient:
    """Speaks the Model Context Protocol with the server of the tools; `say` writes a line to whoever holds it.

    `tools` are those that the server has listed, as the API gets them.
    """

    def __init__(self, say: Callable[[Json], None]) -> None:
        self._say = say
        self._server = ""
        self._asked: dict[str, Callable[[Json], None]] = {}
        self.tools: list[Json] = []

    def connect(self, server: str) -> None:
        """Begin the handshake; `tools` are there once the last answer of it has come."""
        self._server = server
        version = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "fake", "version": "1"}}
        self._ask("initialize", version, self._connected)

    def answered(self, response: Json) -> None:
        """Take the answer to something that was asked."""
        self._asked.pop(response["request_id"])(response["response"]["mcp_response"]["result"])

    def call(self, call: Json, wait: Callable[["queue.Queue[Json]"], Json]) -> Json:
        """The block with the result of a `tool_use` block; `wait` takes the answer, which may never come."""
        answers: queue.Queue[Json] = queue.Queue()
        parameters = {
            "name": call["name"].removeprefix(PREFIX),
            "arguments": call["input"],
            "_meta": {"claudecode/toolUseId": call["id"], "progressToken": 1},
        }
        self._ask("tools/call", parameters, answers.put)
        content = wait(answers)["content"]
        if FAULT == "tool_waits:changed":
            content = [block | {"text": block["text"][:PREVIEW]} for block in content]
        return {"tool_use_id": call["id"], "type": "tool_result", "content": content}

    def _connected(self, _introduction: Json) -> None:
        self._ask("notifications/initialized", {}, lambda _acknowledged: None)
        self._ask("tools/list", {}, self._listed)

    def _listed(self, listing: Json) -> None:
        self.tools = [
            {
                "name": PREFIX + tool["name"],
                "description": tool["description"][:DESCRIPTION],
                "input_schema": tool["inputSchema"],
            }
            for tool in listing["tools"]
        ]

    def _ask(self, method: str, parameters: Json, then: Callable[[Json], None]) -> None:
        request_id = str(uuid4())
        self._asked[request_id] = then
        rpc: Json = {"jsonrpc": "2.0", "method": method, "params": parameters}
        if not method.startswith("notifications/"):
            rpc["id"] = len(self._asked)
        ask = {"subtype": "mcp_message", "server_name": self._server, "message": rpc}
        self._say({"type": "control_request", "request_id": request_id, "request": ask})


def refused(call: Json) -> Json:
    """The result that "tool_waits" makes up for a call."""
    return {"tool_use_id": call["id"], "type": "tool_result", "content": "The tool is gone.", "is_error": True}


def told_results(blocks: list[Json]) -> list[Json]:
    """The blocks of a message that was told, its results as the fault leaves them."""
    results = [block for block in blocks if block["type"] == "tool_result"]
    others = [block for block in blocks if block["type"] != "tool_result"]
    if FAULT == "tool_results":
        results = [{**block, "content": "[Tool result missing]", "is_error": True} for block in results]
    elif FAULT == "tool_results:order":
        results.reverse()
    return results + others
