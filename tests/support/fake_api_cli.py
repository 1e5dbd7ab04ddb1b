"""A program that speaks the Claude CLI's stream-json and really asks the Messages API at ANTHROPIC_BASE_URL.

It does what the probe wants of a CLI. FAKE_FAULT has it do one thing wrong (`fake_api_faults`). It needs nothing but
the standard library.
"""

import json
import os
import queue
import re
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.fake_api_faults import FAULT
from tests.support.fake_api_request import Answer, conversation, post
from tests.support.fake_api_tools import ToolClient, refused, told_results

MODELS = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5"}
EFFORTS = ["low", "medium", "high"]
BODY = "CLAUDE_CODE_EXTRA_BODY"

Json = dict[str, Any]


class Interrupted(Exception):
    """The turn was interrupted."""


class Cli:
    """One process: what it was told, what it holds, and the turn that runs."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.effort = "medium"
        self.extra: Json = {}
        self.system: str | None = None
        self.messages: list[Json] = []
        self.tools = ToolClient(self.say)
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
                self.tools.answered(message["response"])
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
            self.say_hello()
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
                self.say_hello()
        given = json.loads(settings["env"][BODY])
        if FAULT == "resets":
            given = self.extra | given
        if FAULT == "options:limit":
            given.pop("max_tokens", None)
        if FAULT != "options":
            self.extra = given
        return success()

    def set_model(self, request: Json) -> Json:
        if FAULT == "depth":
            return {"subtype": "error", "error": "system_prompt is not supported"}
        self.model, self.system = request["model"], request["system_prompt"]
        return success()

    def mcp_set_servers(self, request: Json) -> Json:
        (name,) = request["servers"]
        self.tools.connect(name)
        return success()

    def rewind_conversation(self, request: Json) -> Json:
        # The results of calls are no turn: they go with the question before the calls.
        held = [message["uuid"] for message in self.messages if message["role"] == "user" and not answers(message)]
        refused = FAULT == "rewind" or (FAULT == "rewind:replayed" and len(held) > 1)
        if refused or not held or held[-1] != request["target_message_uuid"]:
            return success({"rewound": False, "error": "stale target"})
        index = next(i for i, message in enumerate(self.messages) if message["uuid"] == held[-1])
        before = self.messages[index - 1]["uuid"] if index else None
        interrupted = self.messages[-1]["role"] == "user"
        if FAULT == "interrupt:trace" and interrupted:
            self.messages[index:] = [said("user", [{"type": "text", "text": "[Request interrupted by user]"}])]
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
        self.messages.append({"uuid": line["uuid"], "role": role, "content": told_results(blocks)})

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
            while answer.calls:
                self.messages.append(said("user", self.results_of(answer.calls)))
                answer = self.answer()
        except Interrupted:
            self.result(subtype="error_during_execution")
            return
        self.result(result=answer.text)

    def answer(self) -> Answer:
        """One answer of the API, relayed and kept."""
        answer = Answer()
        for event in post(self.body(conversation(self.messages)), self.interrupted.is_set):
            if event["type"] == "error":
                break
            if FAULT != "stream" or event["type"] != "content_block_delta":
                self.say({"type": "stream_event", "event": event, "parent_tool_use_id": None})
            if (block := answer.take(event)) is not None:
                self.say({"type": "assistant", "message": {"model": "fake", "role": "assistant", "content": [block]}})
        if self.interrupted.is_set():
            raise Interrupted
        self.messages.append(said("assistant", answer.blocks or [{"type": "text", "text": "nothing"}]))
        return answer

    def results_of(self, calls: list[Json]) -> list[Json]:
        """What the calls came to: asked for one at a time, in their order."""
        if FAULT == "tool_waits":
            return [refused(call) for call in calls]
        results = [self.tools.call(call, self.wait_for) for call in calls]
        return results[::-1] if FAULT == "tool_waits:order" else results

    def wait_for(self, answers: "queue.Queue[Json]") -> Json:
        while not self.interrupted.is_set():
            try:
                return answers.get(timeout=0.01)
            except queue.Empty:
                continue
        raise Interrupted

    def body(self, messages: list[Json]) -> Json:
        """The request that asks the API to go on with `messages`."""
        older = self.model not in MODELS
        system = [{"type": "text", "text": "You are a fake."}]
        if self.system and FAULT != "system":
            text = f"Be brief. {self.system}" if FAULT == "system:changed" else self.system
            system.append({"type": "text", "text": text})
        tools = self.tools.tools[: -1 if FAULT == "tool_names" else None]
        if FAULT == "tools_off":
            tools.append({"name": "Bash", "description": "Run a command.", "input_schema": {"type": "object"}})
        return {
            "model": MODELS.get(self.model, self.model),
            "max_tokens": 32000,
            "stream": True,
            "metadata": {"user_id": json.dumps({"session_id": str(os.getpid())})},
            "system": system,
            "messages": messages,
            "tools": tools,
            **({} if older else {"output_config": {"effort": self.effort}}),
            **self.extra,
        }

    def say_hello(self) -> None:
        """Ask the API something that nobody wanted to know."""
        post(self.body([{"role": "user", "content": "Hi"}]), self.interrupted.is_set)

    # Output

    def result(self, **fields: Any) -> None:
        self.say({"type": "result", "subtype": "success", "is_error": False, "result": "", **fields})

    def say(self, value: Json) -> None:
        with self.lock:
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()


def success(response: Json | None = None) -> Json:
    return {"subtype": "success", "response": response or {}}


def said(role: str, content: list[Json]) -> Json:
    """A message of the conversation that was not told."""
    return {"uuid": str(uuid4()), "role": role, "content": content}


def answers(message: Json) -> bool:
    """Whether a message holds the results of calls."""
    return any(block["type"] == "tool_result" for block in message["content"])


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("9.9.9 (Fake CLI)")
    else:
        given = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
        Cli(given["--model"]).run()
