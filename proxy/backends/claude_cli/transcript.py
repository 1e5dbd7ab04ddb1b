"""A conversation told in one message, for a CLI that cannot take it as turns. Pure.

Each turn stands between tags that name its role, pictures and documents stay where they stood, calls and their results
are told in words, and the last message follows after the tags. No message can pass for a turn of another role: the tag
is one that occurs in none of them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from proxy.core.request import Message, Part, Text, Thought, ToolCall, ToolResult

INTRODUCTION = (
    "What follows first is the conversation so far, each turn between tags that name its role. "
    "Answer only the last message, which comes after the tags.\n\n"
)


def transcript(messages: Sequence[Message]) -> Message:
    """One user message that tells `messages`, of which the last asks; a single one is returned as it is.

    System messages are the system prompt's, and messages without parts say nothing: both are left out.
    """
    *history, last = [_in_words(message) for message in messages if message.role != "system"]
    told = [message for message in history if message.parts]
    if not told:
        return last
    tag = _unused_tag([*history, last])
    parts: list[Part] = [Text(INTRODUCTION)]
    for message in told:
        parts += [Text(f'<{tag} role="{message.role}">\n'), *message.parts, Text(f"\n</{tag}>\n\n")]
    return Message("user", tuple(_joined([*parts, *last.parts])))


def _in_words(message: Message) -> Message:
    """The message, its calls and results told in words."""
    if not any(isinstance(part, Thought | ToolCall | ToolResult) for part in message.parts):
        return message
    parts: list[Part] = []
    for part in message.parts:
        match part:
            case ToolCall():
                parts.append(Text(f"\n[Call of the tool {part.name}: {json.dumps(part.arguments)}]\n"))
            case Thought():
                pass
            case ToolResult():
                what = "Error" if part.error else "Result"
                parts += [Text(f"\n[{what} of the tool {part.name}:]\n"), *part.parts]
            case _:
                parts.append(part)
    return replace(message, parts=tuple(parts))


def _unused_tag(messages: Iterable[Message]) -> str:
    texts = [message.text for message in messages]
    number = 1
    while any(f"turn{number}" in text for text in texts):
        number += 1
    return f"turn{number}"


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, neighbouring texts as one."""
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            yield Text("".join(texts))
            texts = []
        yield part
    if texts:
        yield Text("".join(texts))
