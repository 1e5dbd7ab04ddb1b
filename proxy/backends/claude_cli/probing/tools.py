"""The names under which a client's tools arrive."""

import json
from typing import Any
from uuid import uuid4

from proxy.backends.claude_cli.codec import encode_control
from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import CheckFailed, Subject, user

_SERVER = "client"
_NAME = "probe_weather"
_TOOL = {
    "name": _NAME,
    "description": "The weather at a place.",
    "inputSchema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


async def _tool_names(subject: Subject) -> Answer:
    if not subject.told:
        await subject.set()
    await _declare(subject)
    names = [tool.get("name") for tool in (await subject.ask(user("Probe: with a tool."))).body.get("tools") or ()]
    if _NAME in names:
        return Answer("tools arrive under the client's own names", "plain")
    prefixed = f"mcp__{_SERVER}__{_NAME}"
    if prefixed in names:
        return Answer(f"tools arrive with mcp__{_SERVER}__ in front of their names", "prefixed")
    raise CheckFailed("a declared tool does not arrive")


async def _declare(subject: Subject) -> None:
    """Declare the tool, and answer what the CLI asks about it, line by line."""
    session, request_id = subject.session, uuid4().hex
    servers = {_SERVER: {"type": "sdk", "name": _SERVER}}
    session.write(encode_control(request_id, "mcp_set_servers", servers=servers))
    declared = listed = False
    while not (declared and listed):
        for line in await session.process.receive():
            value = json.loads(line)
            match value:
                case {"type": "control_response", "response": {"request_id": answered, "subtype": subtype}}:
                    if answered == request_id and subtype != "success":
                        raise CheckFailed("tools cannot be declared")
                    declared = declared or answered == request_id
                case {"type": "control_request", "request": {"subtype": "mcp_message", "message": message}}:
                    session.write(_reply(value["request_id"], message))
                    listed = listed or message.get("method") == "tools/list"
                case _:
                    pass


def _reply(request_id: str, message: dict[str, Any]) -> bytes:
    """The answer of a tool server with one tool to a message of the Model Context Protocol."""
    result: dict[str, Any] = {}
    match message.get("method"):
        case "initialize":
            result = {
                "protocolVersion": message.get("params", {}).get("protocolVersion", "2025-06-18"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": _SERVER, "version": "1"},
            }
        case "tools/list":
            result = {"tools": [_TOOL]}
    rpc = {"jsonrpc": "2.0", "id": message.get("id", 0), "result": result}
    response = {"subtype": "success", "request_id": request_id, "response": {"mcp_response": rpc}}
    return json.dumps({"type": "control_response", "response": response}).encode() + b"\n"


TOOLS = (
    Question(
        "tool_names",
        "Under which names do a client's tools arrive?",
        "the daemon declines requests with tools",
        _tool_names,
    ),
)
