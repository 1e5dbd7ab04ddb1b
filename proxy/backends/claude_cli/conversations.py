"""Which live process holds exactly this history. Pure.

Two conversations are one when everything in them is equal: caller, model, system prompt, and every message with its
role, texts, pictures, calls and results. Thinking does not count, nor do the ids of calls, since not every client sends
them back: which result belongs to which call is said by their order. No id, no name and no guess comes into it.
Contents are kept as digests: a conversation may hold megabytes of pictures.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from proxy.backends.claude_cli.replay import Script, is_blank
from proxy.core.contracts import Target
from proxy.core.request import Caller, Document, Image, Message, Part, Text, Thought, ToolCall, ToolResult

_SIZE = 16
# Bytes of a digest: nobody finds two contents with the same one.


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a process holds, or has to hold. `messages` are digests, merged as the API merges messages.

    `effort` is part of it because the CLI writes a change of it into the conversation.
    """

    caller: Caller
    model: str
    effort: str | None
    system: str | None
    messages: tuple[bytes, ...]

    @property
    def answers(self) -> int:
        """How often the assistant has answered."""
        return len(self.messages) // 2


def begun(script: Script, caller: Caller, target: Target) -> Conversation:
    """The conversation up to the last answer; without messages when there is none yet."""
    return Conversation(caller, target.model, target.thinking.effort, script.system, _digests(script.history))


def after(before: Conversation, script: Script, answer: Message) -> Conversation:
    """What a process that held `before` holds once it was told what `script` asks, and has given the `answer`."""
    return replace(before, messages=(*before.messages, *_digests((*script.asked, answer))))


def digest_of(message: Message) -> bytes:
    """The digest by which a message stands in a conversation."""
    return _digests((message,))[0]


def _digests(messages: Sequence[Message]) -> tuple[bytes, ...]:
    # A conversation of hundreds of messages is digested for each of its turns.
    digests = []
    fields: list[str] = []
    role = None
    for message in messages:
        if message.role != role:
            if fields:
                digests.append(_digest(fields))
            role = message.role
            fields = [role]
        for part in message.parts:
            if not is_blank(part):
                fields += _fields(part)
    if fields:
        digests.append(_digest(fields))
    return tuple(digests)


def _digest(fields: Sequence[str]) -> bytes:
    # Each with its length, so that no two sequences of parts run together to the same text.
    whole = "".join([f"{len(field)}:{field}" for field in fields])
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()


def _fields(part: Part) -> tuple[str, ...]:
    if isinstance(part, Text):
        return ("text", part.text)
    match part:
        case Image(media_type, data):
            return ("image", media_type, data)
        case Document(data, name):
            return ("document", name, data)
        case Thought():
            return ()
        case ToolCall():
            return ("call", part.name, _canonical(part.arguments))
        case ToolResult():
            inner = [field for each in part.parts if not is_blank(each) for field in _fields(each)]
            return ("error" if part.error else "result", str(len(inner)), *inner)


def _canonical(arguments: Mapping[str, Any]) -> str:
    """Arguments as one text, whatever the order of their keys: some clients sort them."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"))
