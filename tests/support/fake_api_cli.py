"""A program that speaks the Claude CLI's stream-json and really asks the Messages API at ANTHROPIC_BASE_URL.

It does what the probe wants of a CLI. FAKE_FAULT has it do one thing wrong: the name of a check, with a variant after a
colon where there are several ways to fail it; `FAULTS` lists them all. It needs nothing but the standard library.
"""

import http.client
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

FAULTS = (
    "boots",
    "boots:version",
    "stream",
    "system",
    "system:changed",
    "tools_off",
    "additions",
    "no_calls",
    "no_calls:settings",
    "rewind",
    "rewind:lies",
    "rewind:replayed",
    "history",
    "history:flattened",
    "history:order",
    "history:pictures",
    "interrupt",
    "interrupt:trace",
    "model",
    "effort",
    "options",
    "options:limit",
    "resets",
    "slash",
    "slash:broken",
    "mentions",
    "depth",
    "tool_names",
    "tool_names:prefixed",
)
FAULT = os.environ.get("FAKE_FAULT", "")

MODELS = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5"}
EFFORTS = ["low", "medium", "high"]
SILENT = 3600

Json = dict[str, Any]


class Interrupted(Exception):
    """The turn was interrupted."""


class Cli:
    """One process: what it was told, what it holds, and the turn that runs."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.effort = "medium"
        self.environment: dict[str, str] = {}
        self.system: str | None = None
        self.messages: list[Json] = []
        self.tools: list[Json] = []
        self.interrupted = threading.Event()
        self.lock = threading.Lock()

    def run(self) -> None:
        if FAULT == "boots":
            sys.exit("fake: cannot start: the disk is on fire")
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "control_request":
                self.control(message["request_id"], message["request"])
            elif message["type"] == "control_response":
                self.tool_server(message["response"]["response"]["mcp_response"])
            elif message["type"] == "assistant":
                self.append("assistant", message)
            elif message.get("shouldQuery") is False:
                self.append("user", message)
                self.result()
            else:
                threading.Thread(target=self.turn, args=(message,), daemon=True).start()

    # Control requests

    def control(self, request_id: str, request: Json) -> None:
        response = getattr(self, request["subtype"])(request)
        self.say({"type": "control_response", "response": {"request_id": request_id, **response}})

    def get_binary_version(self, _request: Json) -> Json:
        return success({} if FAULT == "boots:version" else {"version": "9.9.9"})

    def initialize(self, request: Json) -> Json:
        self.system = "".join(request["systemPrompt"]) or None
        if FAULT == "no_calls":
            self.post([{"role": "user", "content": "Hi"}])
        known = {"supportsAdaptiveThinking": True, "supportsEffort": True, "supportedEffortLevels": EFFORTS}
        models = [{"value": alias, "resolvedModel": model, **known} for alias, model in MODELS.items()]
        return success({"models": models, "account": {"apiKeySource": "ANTHROPIC_API_KEY"}})

    def apply_flag_settings(self, request: Json) -> Json:
        settings = request["settings"]
        if FAULT != "effort":
            self.effort = settings["effortLevel"]
        if FAULT != "model" and settings["model"] != self.model:
            self.model = settings["model"]
            if FAULT == "no_calls:settings":
                self.post([{"role": "user", "content": "Hi"}])
        given = settings["env"]
        if FAULT == "resets":
            given = sticking(self.environment, given)
        if FAULT != "options":
            self.environment |= given
        if FAULT == "options:limit":
            self.environment.pop(LIMIT, None)
        return success()

    def set_model(self, request: Json) -> Json:
        if FAULT == "depth":
            return {"subtype": "error", "error": "system_prompt is not supported"}
        self.model, self.system = request["model"], request["system_prompt"]
        return success()

    def mcp_set_servers(self, request: Json) -> Json:
        (name,) = request["servers"]
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        ask = {"subtype": "mcp_message", "server_name": name, "message": listing}
        self.say({"type": "control_request", "request_id": "tools", "request": ask})
        return success()

    def tool_server(self, reply: Json) -> None:
        plain = os.environ.get("CLAUDE_AGENT_SDK_MCP_NO_PREFIX") == "1" and FAULT != "tool_names:prefixed"
        prefix = "" if plain else "mcp__client__"
        for tool in reply["result"]["tools"] if FAULT != "tool_names" else ():
            name = prefix + tool["name"]
            self.tools.append({"name": name, "description": "", "input_schema": tool["inputSchema"]})

    def rewind_conversation(self, request: Json) -> Json:
        held = [message["uuid"] for message in self.messages if message["role"] == "user"]
        refused = FAULT == "rewind" or (FAULT == "rewind:replayed" and len(held) > 1)
        if refused or not held or held[-1] != request["target_message_uuid"]:
            return success({"rewound": False, "error": "stale target"})
        index = next(i for i, message in enumerate(self.messages) if message["uuid"] == held[-1])
        before = self.messages[index - 1]["uuid"] if index else None
        interrupted = self.messages[-1]["role"] == "user"
        if FAULT == "interrupt:trace" and interrupted:
            self.messages[index:] = [told("user", "[Request interrupted by user]")]
        elif FAULT != "rewind:lies" or interrupted:
            del self.messages[index:]
        return success({"rewound": True, "precedingAssistantUuid": before})

    def interrupt(self, _request: Json) -> Json:
        if FAULT != "interrupt":
            self.interrupted.set()
        return success({"still_queued": [], "cancelled": []})

    # Turns

    def append(self, role: str, line: Json) -> None:
        # A text of blanks is dropped before the API.
        blocks = [block for block in line["message"]["content"] if block.get("text", "x").strip()]
        self.messages.append({"uuid": line["uuid"], "role": role, "content": blocks})

    def turn(self, line: Json) -> None:
        # Slash commands and mentions are looked for in the last text alone.
        texts = [block["text"] for block in line["message"]["content"] if block["type"] == "text"]
        if texts[0 if FAULT == "slash" else -1].startswith("/"):
            self.result(result="Total cost: nothing")
            return
        if FAULT == "slash:broken" and texts[0].startswith("/"):
            texts[0] = line["message"]["content"][0]["text"] = texts[0][1:]
        self.append("user", line)
        for path in re.findall(r"@(/\S+)", texts[0] if FAULT == "mentions" else texts[-1]):
            self.messages[-1]["content"].append({"type": "text", "text": Path(path).read_text()})
        self.interrupted.clear()
        try:
            answer = self.answer()
        except Interrupted:
            self.result(subtype="error_during_execution")
            return
        self.messages.append(told("assistant", answer))
        self.result(result=answer)

    def answer(self) -> str:
        text = ""
        for event in self.post(self.conversation()):
            if FAULT != "stream":
                self.say({"type": "stream_event", "event": event, "parent_tool_use_id": None})
            elif event["type"] == "error":
                break
            text += event.get("delta", {}).get("text", "")
            if event["type"] == "content_block_stop":
                block = {"type": "text", "text": text}
                self.say({"type": "assistant", "message": {"model": "fake", "role": "assistant", "content": [block]}})
        return text or "nothing"

    def conversation(self) -> list[Json]:
        """The messages as the API gets them."""
        messages = [{"role": message["role"], "content": list(message["content"])} for message in self.messages]
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
            case "additions":
                reminder = f"<system-reminder>{'Remember this. ' * 200}</system-reminder>"
                messages[0]["content"].insert(0, {"type": "text", "text": reminder})
        return messages

    def body(self, messages: list[Json]) -> Json:
        older = self.model not in MODELS
        system = [{"type": "text", "text": "You are a fake."}]
        if self.system and FAULT != "system":
            text = f"Be brief. {self.system}" if FAULT == "system:changed" else self.system
            system.append({"type": "text", "text": text})
        tools = list(self.tools)
        if FAULT == "tools_off":
            tools.append({"name": "Bash", "description": "Run a command.", "input_schema": {"type": "object"}})
        limit = self.environment.get(LIMIT) or "32000"
        return {
            "model": MODELS.get(self.model, self.model),
            "max_tokens": int(limit),
            "stream": True,
            "metadata": {"user_id": json.dumps({"session_id": str(os.getpid())})},
            "system": system,
            "messages": messages,
            "tools": tools,
            **({} if older else {"output_config": {"effort": self.effort}}),
            **json.loads(self.environment.get(BODY) or "{}"),
        }

    def post(self, messages: list[Json]) -> Iterator[Json]:
        """Ask the API: the events of its answer. Those of an answer that nobody reads are thrown away."""
        address = urlsplit(os.environ["ANTHROPIC_BASE_URL"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=SILENT)
        key = os.environ.get("ANTHROPIC_API_KEY") or os.environ["CLAUDE_CODE_OAUTH_TOKEN"]
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
        connection.request("POST", "/v1/messages", json.dumps(self.body(messages)), headers)
        response = connection.getresponse()
        return self.events(response, connection)

    def events(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> Iterator[Json]:
        lines: list[bytes] = []
        done = threading.Event()

        def read() -> None:
            # Shutting a socket that another thread reads from does not wake that thread everywhere.
            for line in response:
                lines.append(line)
            done.set()

        threading.Thread(target=read, daemon=True).start()
        while not (done.is_set() and not lines):
            if self.interrupted.is_set():
                raise Interrupted
            if lines:
                line = lines.pop(0)
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
            else:
                time.sleep(0.001)
        connection.close()

    # Output

    def result(self, **fields: Any) -> None:
        self.say({"type": "result", "subtype": "success", "is_error": False, "result": "", **fields})

    def say(self, value: Json) -> None:
        with self.lock:
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()


BODY, LIMIT = "CLAUDE_CODE_EXTRA_BODY", "CLAUDE_CODE_MAX_OUTPUT_TOKENS"


def sticking(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """What is given, and whatever it leaves out as it was before."""
    body = json.loads(before.get(BODY) or "{}") | json.loads(given[BODY])
    return {BODY: json.dumps(body), LIMIT: given[LIMIT] or before.get(LIMIT, "")}


def success(response: Json | None = None) -> Json:
    return {"subtype": "success", "response": response or {}}


def told(role: str, text: str) -> Json:
    return {"uuid": str(uuid4()), "role": role, "content": [{"type": "text", "text": text}]}


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("9.9.9 (Fake CLI)")
    else:
        given = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
        Cli(given["--model"]).run()
