"""Questions to the first chat of a fresh process."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import SYSTEM, CheckFailed, Sent, Subject, blocks_of, user
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.contracts import Target
from proxy.core.errors import ServerError
from proxy.core.events import Finished, Started, TextDelta

OLDER_MODEL = "claude-sonnet-4-5-20250929"
"""A model that takes sampling options."""

ADDITIONS_LIMIT = 2048
# Bytes. More than that is not only the CLI's own name and surroundings.

_UPDATE = "update the Claude CLI, or give the path of another one with --cli"


async def _boots(subject: Subject) -> Answer:
    reply = await subject.session.call("get_binary_version")
    version = reply.get("version")
    if not isinstance(version, str) or not version:
        raise CheckFailed("it boots, but does not tell its version")
    return Answer(f"version {version} boots and answers", version)


async def _stream(subject: Subject) -> Answer:
    chat = await subject.open()
    machine = TurnMachine(time, load_ns=0)
    events = []
    for output in chat.outputs:
        if machine.ended:
            break
        try:
            events += machine.feed(output)
        except ServerError as error:
            raise CheckFailed(f"the answer cannot be read: {error.message}") from error
    words = sum(isinstance(event, TextDelta) for event in events)
    if not (words and isinstance(events[0], Started) and isinstance(events[-1], Finished)):
        raise CheckFailed(f"the answer came with {words} deltas and without a proper beginning and end")
    return Answer(f"the answer came in {words} deltas, with one end")


async def _system(subject: Subject) -> Answer:
    texts = [block.get("text") for block in _system_blocks(await subject.open())]
    if SYSTEM not in texts:
        raise CheckFailed(f"the system prompt does not arrive as it was given, but as {json.dumps(texts):.200}")
    return Answer("it arrives as it was given")


async def _tools_off(subject: Subject) -> Answer:
    tools = [str(tool.get("name")) for tool in (await subject.open()).body.get("tools") or ()]
    if tools:
        raise CheckFailed(f"the CLI's own tools are sent: {', '.join(tools):.200}")
    return Answer("none are sent")


async def _additions(subject: Subject) -> Answer:
    added = dict(_added(await subject.open()))
    size = sum(added.values())
    listed = "; ".join(f"{where}, {count} B" for where, count in added.items()) or "nothing"
    if size > ADDITIONS_LIMIT:
        raise CheckFailed(f"{size} B are added to a chat: {listed}")
    return Answer(f"{size} B: {listed}" if added else "nothing", str(size))


def _added(chat: Sent) -> Iterator[tuple[str, int]]:
    """What is not ours in a chat: where it stands and how it begins, and its length in bytes."""
    for block in _system_blocks(chat):
        if block.get("text") != SYSTEM:
            yield _place("system", block)
    for message in chat.body["messages"]:
        for block in blocks_of(message):
            if block.get("text") != "Hello.":
                yield _place(f"{message['role']} message", block)
    for tool in chat.body.get("tools") or ():
        yield f"tool {tool.get('name')}", len(json.dumps(tool))


def _place(where: str, block: Mapping[str, Any]) -> tuple[str, int]:
    text = str(block.get("text") or json.dumps(block))
    beginning = " ".join(text.split())
    shown = beginning if len(beginning) <= 40 else f"{beginning[:39]}…"
    return f"{where} “{shown}”", len(text.encode())


def _system_blocks(chat: Sent) -> list[Mapping[str, Any]]:
    return blocks_of({"content": chat.body.get("system")})


async def _no_calls(subject: Subject) -> Answer:
    await subject.open()
    if (count := subject.requests - subject.first_request) != 1:
        raise CheckFailed(f"a chat took {count} requests to the API, boot and settings included, instead of one")
    before = subject.requests
    await subject.set(Target(OLDER_MODEL))
    await subject.set()
    await subject.ask(user("Did that cost anything?"))
    if (count := subject.requests - before) != 1:
        raise CheckFailed(f"changing the model took {count - 1} requests to the API of its own")
    return Answer("boot and settings ask nothing of the API, a chat asks once")


BOOTS = Question(
    "boots",
    "Does it boot and answer?",
    f"see whether `claude --version` runs by itself; {_UPDATE}",
    _boots,
    needs="untold",
    needed=True,
)

OPENING = (
    Question(
        "stream",
        "Does an answer arrive piece by piece, with one end?",
        _UPDATE,
        _stream,
        needs="opened",
        needed=True,
    ),
    Question(
        "system",
        "Does the system prompt arrive as it was given?",
        _UPDATE,
        _system,
        needs="opened",
        needed=True,
    ),
    Question(
        "tools_off",
        "Are the CLI's own tools off?",
        f"nothing is served, since a chat could read files and run commands: {_UPDATE}",
        _tools_off,
        needs="opened",
        needed=True,
    ),
    Question(
        "additions",
        "What does the CLI add to a prompt?",
        "chats work, but each one pays for these words and is influenced by them; an API key adds the least",
        _additions,
        needs="opened",
    ),
    Question(
        "no_calls",
        "Is the API asked only when a client asks?",
        f"each boot or change of the model may cost tokens: {_UPDATE}",
        _no_calls,
        needs="opened",
    ),
)
