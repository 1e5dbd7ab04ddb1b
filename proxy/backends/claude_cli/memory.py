"""Answers as the API gave them, for as long as there is room: what a client does not send back.

A client returns the words of an answer and its calls, but not the thinking before them, which some models have to see
again together with the results; nor, always, the calls' ids. So answers that think or call are kept whole, and a
replay tells them as they were: the API then gets the same blocks as from a process that went on.

An answer is found by the whole conversation that it ended, or by the ids of its calls where an earlier part of the
conversation was edited since; never for another caller.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import groupby

from proxy.backends.claude_cli.conversations import Conversation, digest_of
from proxy.backends.claude_cli.replay import THINKING, Recalled, Script
from proxy.backends.claude_cli.tools import Naming
from proxy.core.request import Caller, Message, ToolCall, ToolResult

MOST_BYTES = 32 << 20
"""Of the answers that are kept, as JSON; beyond it the longest unused one goes."""

Key = tuple[Caller, str | bytes]


@dataclass(frozen=True, slots=True)
class _Answer:
    asked: str
    naming: Naming
    digest: bytes
    answer: Recalled
    size: int
    keys: tuple[Key, ...]


class Memory:
    """Keeps answers of at most `most_bytes` together."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._answers: OrderedDict[Key, _Answer] = OrderedDict()

    def keep(self, ended: Conversation, answer: Message, given: Recalled, naming: Naming) -> None:
        """Keep what was `given`, of which the client got `answer`, with which the conversation `ended`.

        Its calls have the API's names, by the `naming` of that request.
        """
        if all(block.get("type") == "text" for block in given.blocks):
            return  # a client sends it back as it is
        size = len(json.dumps(given.blocks))
        if size > self._most:
            return
        *_, place = _places(ended)
        keys = _keys(ended.caller, place, answer)
        for key in keys:
            self._forget(key)
        kept = _Answer(ended.model, naming, digest_of(answer), given, size, keys)
        self._answers |= dict.fromkeys(keys, kept)
        self._size += size
        while self._size > self._most:
            self._forget(next(iter(self._answers)))

    def recalled(self, script: Script, history: Conversation) -> Script:
        """The script with the answers of its `history` that are remembered, the results under their calls' ids."""
        if not self._answers:
            return script
        found = {
            index: recalled
            for index, message, digest, place in _answers(script, history)
            if (recalled := self._find(history, script, message, digest, place)) is not None
        }
        return replace(_answered(script, found), recalled=found) if found else script

    def _find(
        self, history: Conversation, script: Script, message: Message, digest: bytes, place: bytes
    ) -> Recalled | None:
        """What to tell of an answer; None when it is not remembered."""
        keys = _keys(history.caller, place, message)
        known = next((self._answers[key] for key in keys if key in self._answers), None)
        if known is None or known.asked != history.model:
            return None
        for key in known.keys:
            self._answers.move_to_end(key)
        if known.digest == digest and known.naming == script.naming:
            return known.answer
        # The tools have other names now; or the words came back otherwise, or not at all: the client's count, behind
        # the thoughts.
        thoughts = [block for block in known.answer.blocks if block.get("type") in THINKING]
        words = [block for block in script.content(message) if block["type"] not in THINKING]
        return Recalled(known.answer.model, (*thoughts, *words))

    def _forget(self, key: Key) -> None:
        answer = self._answers.get(key)
        if answer is not None:
            self._size -= answer.size
            for each in answer.keys:
                del self._answers[each]


def _keys(caller: Caller, place: bytes, answer: Message) -> tuple[Key, ...]:
    calls = [part.id for part in answer.parts if isinstance(part, ToolCall)]
    return ((caller, place), *((caller, call) for call in calls))


def _answered(script: Script, found: Mapping[int, Recalled]) -> Script:
    """The script with the results under the ids that the answers which were `found` have for their calls."""
    ids: dict[str, str] = {}
    for index, answer in found.items():
        sent = (part.id for part in script.history[index].parts if isinstance(part, ToolCall))
        given = (str(block["id"]) for block in answer.blocks if block.get("type") == "tool_use")
        ids |= zip(sent, given, strict=True)
    if all(sent == given for sent, given in ids.items()):
        return script

    def named(message: Message) -> Message:
        parts = (
            replace(part, call_id=ids.get(part.call_id, part.call_id)) if isinstance(part, ToolResult) else part
            for part in message.parts
        )
        return Message(message.role, tuple(parts))

    return replace(script, history=tuple(map(named, script.history)), asked=tuple(map(named, script.asked)))


def _answers(script: Script, history: Conversation) -> Iterator[tuple[int, Message, bytes, bytes]]:
    """The answers of a history: index, message, digest, and the key of the conversation up to it.

    Neighbouring messages of one role are one in the conversation: such answers were never given like that.
    """
    runs = groupby(enumerate(script.history), key=lambda item: item[1].role)
    for (role, run), digest, place in zip(runs, history.messages, _places(history), strict=True):
        messages = list(run)
        if role == "assistant" and len(messages) == 1:
            index, message = messages[0]
            yield index, message, digest, place


def _places(conversation: Conversation) -> Iterator[bytes]:
    """A key for the conversation up to each of its messages; the system prompt and the effort do not count."""
    place = blake2b(conversation.model.encode("utf-8", "surrogatepass"), digest_size=16)
    for digest in conversation.messages:
        place.update(digest)
        yield place.digest()
