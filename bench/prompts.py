"""What the API gets: how much the CLI adds to a chat, and how much of a conversation the next request repeats.

These are no times: the same CLI gives the same figures.
"""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import anyio

from bench.bare import TURN_TIMEOUT
from bench.children import Failed
from bench.conversation import JsonObject, chat_body, tools
from bench.daemon import Daemon, running_daemon
from bench.report import Bound, Row, Samples
from bench.stage import Stage
from proxy.simulator.app import Simulator
from proxy.simulator.recorder import RecordedRequest
from proxy.simulator.server import serve_simulator

_START_TIMEOUT = 30.0
# Seconds that the recorder gets to start.

_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# A PNG of one pixel.

_SAID: tuple[JsonObject, ...] = (
    {"role": "user", "content": "Hello, this is the first question."},
    {"role": "user", "content": "And what is this?", "images": [_PICTURE]},
    {"role": "user", "content": '[simulate: tool tool_3 {"field_0": "one"} tool_4 {"field_0": "two"}]'},
    {"role": "user", "content": "[simulate: think 20] Think about it, step by step."},
    {"role": "user", "content": "A line\nand another, with \N{SNOWMAN} and \N{GRINNING FACE}."},
    {"role": "user", "content": "That is all."},
)
# A conversation of everything: text, a picture, calls with their results, thinking.


def measure_prompts(stage: Stage) -> Iterator[Row]:
    """The rows of what the API gets."""
    with _recording() as simulator:
        recorded = replace(stage, environ={**stage.environ, "ANTHROPIC_BASE_URL": simulator.url})
        with running_daemon(recorded, stage.cli) as daemon:
            daemon.turn(None, "Hello.")
            added = _added(simulator.requests[-1])
            live = _repeated(simulator, daemon)
        with running_daemon(recorded, stage.cli, conversations=0) as daemon:
            replayed = _repeated(simulator, daemon)
        _ask_by_defaults(recorded)
        defaults = _added(simulator.requests[-1])
    yield Row("added to a one-line chat", "bytes", [added], "the CLI's defaults", [defaults], Bound(1 / 50))
    for name, shares in (("live", live), ("replayed", replayed)):
        what = f"messages repeated unchanged, {name}"
        yield Row(what, "%", shares, "all of them", [100.0], Bound(1, least=True), more_is_better=True, worst=True)


@contextmanager
def _recording() -> Iterator[Simulator]:
    """A simulator in this process, whose requests can be looked at."""
    ready, ended = threading.Event(), anyio.Event()
    found: list[Simulator] = []
    loop: list[Any] = []

    async def serve() -> None:
        async with serve_simulator() as simulator, anyio.from_thread.BlockingPortal() as portal:
            found.append(simulator)
            loop.append(portal)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=anyio.run, args=(serve,), daemon=True)
    thread.start()
    if not ready.wait(_START_TIMEOUT):
        raise Failed("the recorder did not start")
    try:
        yield found[0]
    finally:
        loop[0].call(ended.set)
        thread.join(_START_TIMEOUT)


def _added(request: RecordedRequest) -> int:
    """Bytes of a request beyond the least that asks the same of the same model."""
    body = request.body
    asked = {"role": "user", "content": "Hello."}
    least = {"model": body["model"], "max_tokens": body["max_tokens"], "stream": True, "messages": [asked]}
    return len(request.raw) - len(json.dumps(least, separators=(",", ":")))


def _ask_by_defaults(stage: Stage) -> None:
    """The same chat of a CLI that is told nothing but the question."""
    place = stage.make_folder("defaults")
    environ = {**stage.environ, "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    argv = [str(stage.cli), "-p", "--model", "sonnet", "Hello."]
    done = subprocess.run(
        argv, cwd=place, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=TURN_TIMEOUT, check=False
    )
    if done.returncode:
        raise Failed(f"the CLI with its defaults failed: {(done.stderr or done.stdout)!r:.300}")


def _repeated(simulator: Simulator, daemon: Daemon) -> Samples:
    """For each request of a conversation but the first, the percentage of the last one's messages that it repeats."""
    begun = len(simulator.requests)
    messages: list[JsonObject] = [{"role": "system", "content": "This is a conversation of everything."}]
    for said in _SAID:
        answer = _answer(daemon, [*messages, said])
        messages += [said, answer]
        if calls := answer.get("tool_calls"):
            results = [
                {"role": "tool", "tool_call_id": call["id"], "content": f"Result {call['id']}."} for call in calls
            ]
            messages += [*results]
            messages.append(_answer(daemon, messages))
    requests = [_messages(request) for request in list(simulator.requests)[begun:]]
    if len(requests) != len(_SAID) + 1:
        raise Failed(f"the conversation took {len(requests)} requests, not {len(_SAID) + 1}")
    return [_share(before, after) for before, after in pairwise(requests)]


def _answer(daemon: Daemon, messages: Sequence[JsonObject]) -> JsonObject:
    daemon.until_at_rest()
    _, body = daemon.post("/api/chat", chat_body(list(messages), stream=False, tools=tools()))
    answer: JsonObject = json.loads(body)
    if answer.get("done") is not True:
        raise Failed(f"the daemon did not answer: {answer}")
    message: JsonObject = answer["message"]
    message.pop("thinking", None)  # clients send none back
    return message


def _messages(request: RecordedRequest) -> list[JsonObject]:
    return [_plain(message) for message in request.body["messages"]]


def _plain(message: Mapping[str, Any]) -> JsonObject:
    """A message without its cache marks, whichever way its text is written."""
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kept = [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks]
    return {**message, "content": kept}


def _share(before: Sequence[JsonObject], after: Sequence[JsonObject]) -> float:
    same = sum(one == other for one, other in zip(before, after, strict=False))
    return 100.0 * same / len(before)
