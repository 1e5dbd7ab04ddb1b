"""A program that speaks the Claude CLI's stream-json, for faults that the real one does not produce on demand.

What it does in a turn is asked for in the prompt, ``[fake: WORD ...]``; how it boots is set by FAKE_BOOT.
It needs nothing but the standard library, and starts in a few milliseconds.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

SILENT = 3600


class Fake:
    """One process: it reads a line, does what it says, and says what the real one would."""

    def __init__(self) -> None:
        self.turns: list[str] = []
        self.queued = ""
        self.put_back = False
        self.body: dict[str, Any] = {}

    def run(self) -> None:
        boot = os.environ.get("FAKE_BOOT", "")
        if boot == "crash":
            sys.exit("fake: cannot start: the disk is on fire")
        if boot == "hang":
            time.sleep(SILENT)
        for line in sys.stdin:
            if boot == "deaf" and "initialize" in line:
                continue
            message = json.loads(line)
            if message["type"] == "control_request":
                self.control(message["request_id"], message["request"])
                if boot == "short":
                    return
            elif message["type"] == "user":
                self.user(message)

    def control(self, request_id: str, request: dict[str, Any]) -> None:
        response: dict[str, Any] = {}
        match request["subtype"]:
            case "get_binary_version":
                response = {"version": "9.9.9"}
            case "initialize":
                model = {"value": "saga[1m]", "resolvedModel": "claude-saga-9", "displayName": "Saga 9"}
                response = {"models": [model], "account": {"apiKeySource": "ANTHROPIC_API_KEY"}}
            case "apply_flag_settings":
                self.body = json.loads(request["settings"]["env"].get("CLAUDE_CODE_EXTRA_BODY") or "{}")
            case "rewind_conversation":
                response = self.rewind(request["target_message_uuid"])
            case "interrupt" if self.queued:
                response = self.interrupt_queued(cancel=bool(request.get("cancel_queued")))
        say(
            {
                "type": "control_response",
                "response": {"subtype": "success", "request_id": request_id, "response": response},
            }
        )

    def rewind(self, target: str) -> dict[str, Any]:
        if not self.turns or self.turns[-1] != target:
            return {"rewound": False, "error": "stale target"}
        self.turns.pop()
        return {"rewound": True, "precedingAssistantUuid": self.turns[-1] if self.turns else None}

    def interrupt_queued(self, *, cancel: bool) -> dict[str, Any]:
        waiting, self.queued = self.queued, ""
        if not cancel:
            # As the real one: it stays in the queue and runs later, by itself.
            self.put_back = True
            result()
            return {"still_queued": [waiting], "cancelled": []}
        self.turns.remove(waiting)
        return {"still_queued": [], "cancelled": [waiting]}

    def user(self, message: dict[str, Any]) -> None:
        if self.put_back:
            self.put_back = False
            start()
            delta("an answer to the prompt before")
            end()
            result()
        self.turns.append(message["uuid"])
        if message.get("shouldQuery") is False:
            result()
            return
        # The body's messages are what is asked, where it has any.
        asked = next((each for each in reversed(self.body.get("messages", ())) if each["role"] == "user"), None)
        text = "".join(block.get("text", "") for block in (asked or message["message"])["content"])
        found = re.search(r"\[fake: (\w+) ?([^\]]*)\]", text)
        word, argument = (found[1], found[2]) if found else ("", "")
        faults.get(word, answer)(self, argument)


def say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def event(value: dict[str, Any]) -> None:
    say({"type": "stream_event", "event": value, "parent_tool_use_id": None, "uuid": str(uuid4())})


def start() -> None:
    usage = {"input_tokens": 7, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 1}
    event({"type": "message_start", "message": {"id": "msg_fake", "model": "claude-fake", "usage": usage}})


def delta(text: str) -> None:
    event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def end(reason: str = "end_turn") -> None:
    event({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}})
    event({"type": "message_stop"})


def result(**fields: Any) -> None:
    say({"type": "result", "subtype": "success", "is_error": False, "result": "", **fields})


def answer(_fake: Fake, _argument: str) -> None:
    start()
    delta("fake ")
    delta("answer")
    end()
    result()


def queued(fake: Fake, _argument: str) -> None:
    """Leave the prompt in the queue: nothing is said until an interrupt comes."""
    fake.queued = fake.turns[-1]


def many(_fake: Fake, count: str) -> None:
    """As many deltas as asked for, as fast as possible."""
    start()
    for number in range(int(count)):
        delta(f"word{number} ")
    end()
    result()


def torrent(_fake: Fake, count: str) -> None:
    """Deltas of 50 kB, as fast as possible."""
    start()
    for _ in range(int(count)):
        delta("x" * 50_000)
    end()
    result()


def crash(_fake: Fake, after: str) -> None:
    """Die with a word on stderr, after some deltas or before the answer begins."""
    if after:
        start()
        for _ in range(int(after)):
            delta("word ")
    sys.stderr.write("fake: assertion failed: the moon is full\n")
    sys.stderr.flush()
    os._exit(3)


def crashes(fake: Fake, marks: str) -> None:
    """Die before the answer begins and leave the first of these files that is not there yet; with all there, answer."""
    for mark in marks.split():
        if not os.access(mark, os.F_OK):
            os.close(os.open(mark, os.O_CREAT))
            os._exit(3)
    answer(fake, "")


def killed(_fake: Fake, _argument: str) -> None:
    """Be killed by the kernel in mid-answer."""
    start()
    delta("word ")
    os.kill(os.getpid(), signal.SIGKILL)


def hang(_fake: Fake, after: str) -> None:
    """Say nothing any more, and take nothing in: before the answer, or after some deltas."""
    if after:
        start()
        for _ in range(int(after)):
            delta("word ")
    time.sleep(SILENT)


def stubborn(fake: Fake, after: str) -> None:
    """Hang, and ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(fake, after)


def flood(_fake: Fake, size: str) -> None:
    """Write a lot to stderr, then answer."""
    block = "x" * 1000 + "\n"
    for _ in range(int(size) // 1000):
        sys.stderr.write(block)
    answer(_fake, "")


def grandchild(_fake: Fake, _argument: str) -> None:
    """Leave a child of one's own that holds stdout, and die in mid-answer."""
    subprocess.Popen(["sleep", str(SILENT)])
    start()
    delta("word ")
    os._exit(1)


def escaped(_fake: Fake, _argument: str) -> None:
    """Leave a child in a session of its own that holds stdout, answer, and exit."""
    subprocess.Popen(["sleep", "5"], start_new_session=True)
    start()
    delta("word ")
    os._exit(1)


def garbage(_fake: Fake, _argument: str) -> None:
    """Write a line that is not JSON in mid-answer."""
    start()
    delta("word ")
    sys.stdout.write("{not json at all\n")
    sys.stdout.flush()
    time.sleep(SILENT)


def endless(_fake: Fake, _argument: str) -> None:
    """Write a line without an end."""
    start()
    delta("word ")
    while True:
        sys.stdout.write("x" * 65536)


def api_error(_fake: Fake, status: str) -> None:
    """An error of the API, and the end of the turn in the same breath."""
    message = {
        "model": "<synthetic>",
        "stop_reason": "stop_sequence",
        "content": [{"type": "text", "text": "API Error"}],
    }
    lines = (
        {"type": "assistant", "message": message, "api_error_status": int(status), "error": "unknown"},
        {"type": "result", "subtype": "success", "is_error": True, "result": "API Error"},
    )
    sys.stdout.write("".join(json.dumps(line) + "\n" for line in lines))
    sys.stdout.flush()


def no_end(_fake: Fake, _argument: str) -> None:
    """A result without an end of the message."""
    start()
    delta("word ")
    result()


def nothing(_fake: Fake, _argument: str) -> None:
    """A result without an answer."""
    result()


def second_start(_fake: Fake, _argument: str) -> None:
    """A second message that nobody asked for."""
    start()
    delta("word ")
    start()
    delta("again ")
    end()
    result()


def goes_on(_fake: Fake, reason: str) -> None:
    """End a message, and go on with another one by oneself."""
    start()
    delta("word ")
    end(reason or "end_turn")
    time.sleep(0.2)
    start()
    delta("more ")
    end()
    result()


def lost_delta(_fake: Fake, _argument: str) -> None:
    """A delta of a message that never began."""
    delta("word ")
    time.sleep(SILENT)


def nonsense(_fake: Fake, _argument: str) -> None:
    """Events of known types with impossible contents."""
    start()
    event({"type": "content_block_delta", "index": 0})
    time.sleep(SILENT)


def unknown(_fake: Fake, _argument: str) -> None:
    """Lines and events of types that nobody knows yet, around an answer."""
    say({"type": "weather", "event": "sunny"})
    say({"type": "stream_event", "event": "a string"})
    start()
    event({"type": "content_block_delta", "index": 0, "delta": {"type": "smell_delta", "smell": "rose"}})
    event({"type": "telepathy"})
    delta("word")
    say({"type": "system", "subtype": "mood", "mood": "good"})
    end()
    result()


def surrogate(_fake: Fake, _argument: str) -> None:
    """An emoji that is split between two deltas, each half an escape."""
    start()
    for half in (r"\ud83d", r"\ude00"):
        head = '{"type":"stream_event","parent_tool_use_id":null,"event":{"type":"content_block_delta","index":0,'
        sys.stdout.write(f'{head}"delta":{{"type":"text_delta","text":"{half}"}}}}}}\n')
    sys.stdout.flush()
    end()
    result()


def ask_us(_fake: Fake, _argument: str) -> None:
    """Ask something of the daemon that it does not serve, then answer."""
    say({"type": "control_request", "request_id": "ask-1", "request": {"subtype": "can_use_tool"}})
    reply = json.loads(sys.stdin.readline())
    start()
    delta(reply["response"]["error"])
    end()
    result()


def costs(_fake: Fake, dollars: str) -> None:
    """Answer, and tell what this process has cost since it began."""
    start()
    delta("fake answer")
    end()
    result(total_cost_usd=float(dollars))


def kept(_fake: Fake, _argument: str) -> None:
    """Answer, and say what of the answer this process now holds, so that the conversation can go on here."""
    start()
    delta("fake answer")
    held = {"model": "claude-fake", "content": [{"type": "text", "text": "fake answer"}]}
    say({"type": "assistant", "message": held, "parent_tool_use_id": None})
    end()
    result()


def slow(_fake: Fake, pause: str) -> None:
    """Ten words with a pause between them."""
    start()
    for number in range(10):
        delta(f"word{number} ")
        time.sleep(float(pause))
    end()
    result()


def bytewise(_fake: Fake, _argument: str) -> None:
    """An answer that comes byte by byte, so that its lines and characters are cut everywhere."""
    start()
    for text in ("caf\u00e9 ", "\u4f60\u597d ", "\U0001f600"):
        delta_event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        line = json.dumps({"type": "stream_event", "event": delta_event}, ensure_ascii=False) + "\n"
        for byte in line.encode():
            os.write(1, bytes((byte,)))
    end()
    result()


def half_line(_fake: Fake, _argument: str) -> None:
    """Half a line, and an end as if all were well."""
    start()
    delta("word ")
    sys.stdout.write('{"type":"stream_event","event":{"type":"content_bl')
    sys.stdout.flush()
    os._exit(0)


def big_line(_fake: Fake, size: str) -> None:
    """A line of so many bytes, of a type that nobody knows, before the answer."""
    say({"type": "weather", "map": "x" * int(size)})
    answer(_fake, "")


def not_utf8(_fake: Fake, _argument: str) -> None:
    """A delta with bytes that are no UTF-8."""
    start()
    head = b'{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    os.write(1, head + b'"text":"a\xff\xc3z"}}}\n')
    end()
    result()


def early_end(_fake: Fake, _argument: str) -> None:
    """The end of a message that never began."""
    end()
    time.sleep(SILENT)


def two_results(fake: Fake, _argument: str) -> None:
    """An answer whose end is told twice."""
    answer(fake, "")
    result()


def no_result(_fake: Fake, _argument: str) -> None:
    """An answer that is complete, and then silence where the end of the turn should come."""
    start()
    delta("word ")
    end()
    time.sleep(SILENT)


def afterwards(fake: Fake, _argument: str) -> None:
    """An answer, and a line that is not JSON after its end."""
    answer(fake, "")
    sys.stdout.write("{not json at all\n")
    sys.stdout.flush()


def until(_fake: Fake, mark: str) -> None:
    """A word, and another one as soon as there is a file `mark`."""
    start()
    delta("word ")
    while not os.access(mark, os.F_OK):
        time.sleep(0.005)
    delta("more")
    end()
    result()


faults = {
    function.__name__: function
    for function in (
        answer,
        queued,
        many,
        torrent,
        crash,
        crashes,
        killed,
        hang,
        stubborn,
        flood,
        grandchild,
        escaped,
        garbage,
        endless,
        api_error,
        no_end,
        nothing,
        second_start,
        goes_on,
        lost_delta,
        nonsense,
        unknown,
        surrogate,
        ask_us,
        slow,
        costs,
        kept,
        bytewise,
        half_line,
        big_line,
        not_utf8,
        early_end,
        two_results,
        no_result,
        afterwards,
        until,
    )
}


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("9.9.9 (Fake CLI)")
    else:
        Fake().run()
