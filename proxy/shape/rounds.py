"""Rounds of calls: which result answers which call, with the ids and in the order that the API takes.

A round is an assistant's message with calls, and everything up to the assistant's next message; the calls of
assistant's messages that stand together are of one round.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from proxy.core.errors import InvalidRequest
from proxy.core.request import Message, Part, Text, ToolCall, ToolResult

_OF_TOOLS = (ToolCall, ToolResult)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST_BYTES = 16
_UNANSWERED = (Text("No result was sent for this call."),)


def paired(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with every call answered, by one user message right behind the calls: a result for each in
    their order, then whatever else the user's messages of the round hold. The round's system messages come after it.

    An id that the API does not take, or that was used before, is replaced by one that no later message changes. A
    result is matched by the id that it gives, else by the name of the tool, else by its order; a call without one
    gets an error for a result. Results that no call stands before, because the client left out the beginning of the
    conversation, become text of the user's.

    Raises `InvalidRequest` for a result that answers no call, and for calls that no message of the user's follows.
    """
    if not any(isinstance(part, _OF_TOOLS) for message in messages for part in message.parts):
        return messages
    _check_end(messages)
    ids = _Ids()
    answered: list[Message] = []
    current = _Round((), ())
    for said_by_assistant, group in groupby(messages, lambda message: message.role == "assistant"):
        if said_by_assistant:
            given = list(group)
            renamed = [ids.renamed(message) for message in given]
            current = _Round(_calls(given), _calls(renamed))
            answered += renamed
        elif current.calls:
            answered += current.closed(group)
        else:
            answered += map(_told, group)
    return tuple(answered)


class _Ids:
    """The ids of a conversation's calls."""

    def __init__(self) -> None:
        self._count = 0
        self._used: set[str] = set()

    def renamed(self, message: Message) -> Message:
        """The next message of the assistant's, its calls with ids that the API takes."""
        return Message(message.role, tuple(map(self._renamed, message.parts)))

    def _renamed(self, part: Part) -> Part:
        if not isinstance(part, ToolCall):
            return part
        if part.id in self._used or not _ID.fullmatch(part.id):
            what = repr((self._count, part.id, part.name)).encode()
            part = replace(part, id=f"call_{hashlib.blake2b(what, digest_size=_DIGEST_BYTES).hexdigest()}")
        self._count += 1
        self._used.add(part.id)
        return part


class _Round:
    """The calls of one round as the client `given` them and under their new ids, and the results so far."""

    def __init__(self, given: Sequence[ToolCall], calls: Sequence[ToolCall]) -> None:
        self.calls = calls
        self._results: list[ToolResult | None] = [None] * len(calls)
        self._open = len(calls)
        # Positions of calls; those in front may have been answered another way since.
        self._all = deque(range(len(calls)))
        self._by_id: dict[str, deque[int]] = {}
        self._by_name: dict[str, deque[int]] = {}
        for at, call in enumerate(given):
            self._by_name.setdefault(call.name, deque()).append(at)
            if call.id:
                self._by_id.setdefault(call.id, deque()).append(at)

    def closed(self, messages: Iterable[Message]) -> list[Message]:
        """The `messages` up to the assistant's next one, as one message of the user's and the system's after it."""
        others: list[Part] = []
        system: list[Message] = []
        for message in messages:
            if message.role == "system":
                system.append(message)
                continue
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._answer(part)
                else:
                    others.append(part)
        return [Message("user", (*map(self._result, range(len(self.calls))), *others)), *system]

    def _result(self, at: int) -> ToolResult:
        call = self.calls[at]
        result = self._results[at]
        if result is None:
            return ToolResult(call.id, _UNANSWERED, error=True, name=call.name)
        return ToolResult(call.id, result.parts, result.error, call.name)

    def _answer(self, result: ToolResult) -> None:
        self._results[self._answered_by(result)] = result
        self._open -= 1

    def _answered_by(self, result: ToolResult) -> int:
        """The position of the call that `result` answers."""
        id, name = result.call_id, result.name
        if id and self._by_id:
            if id not in self._by_id:
                raise InvalidRequest(f'tool_call_id "{id}" answers no call of the assistant\'s last message')
            return self._next_of(self._by_id[id], f'the call with the id "{id}" has more than one result')
        if name in self._by_name:
            return self._next_of(self._by_name[name], f'there are more results of the tool "{name}" than calls of it')
        if name and self._open > 1:
            raise InvalidRequest(f'the result of the tool "{name}" answers no call of the assistant\'s last message')
        return self._next_of(self._all, "there are more tool results than calls in the assistant's last message")

    def _next_of(self, positions: deque[int], none_left: str) -> int:
        while positions and self._results[positions[0]] is not None:
            positions.popleft()
        if not positions:
            raise InvalidRequest(none_left)
        return positions[0]


def _check_end(messages: Sequence[Message]) -> None:
    for message in reversed(messages):
        if message.role == "user":
            return
        if _calls([message]):
            raise InvalidRequest("the last message calls tools: send their results")


def _calls(messages: Iterable[Message]) -> list[ToolCall]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolCall)]


def _told(message: Message) -> Message:
    """`message` with its results as text."""
    if not any(isinstance(part, ToolResult) for part in message.parts):
        return message
    return Message(message.role, tuple(said for part in message.parts for said in _said(part)))


def _said(part: Part) -> tuple[Part, ...]:
    if not isinstance(part, ToolResult):
        return (part,)
    return (Text(f"Result of an earlier call of {part.name or 'a tool'}:\n"), *part.parts)
