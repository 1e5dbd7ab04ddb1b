"""A ChatRequest as one API body, for a worker that keeps nothing between turns. Pure.

The API gets the messages and tools as the client sent them. Only these rules change anything, since the API leaves no
other way:

- System messages before the first user message form the system prompt. Later ones stay where they are: behind the
  user's turn that they stand in or before, as the API wants it, or as a reminder there for a model without them.
- Texts of blanks, which the API refuses, and messages without content are left out. Neighbours of one role are joined.
- A conversation that the assistant begins has a user message before it.
- A failed tool result holds words alone; its pictures follow after the results.
- The assistant's words at the end, which the model continues, lose the blanks at their end.

Cache marks stand on the last block of the last message, and on that of the user's turn before it: there the last
request left its own, so that the API finds it however many blocks the answer had.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from proxy.backends.claude_cli.codec import JsonObject
from proxy.backends.claude_cli.flags import extra_body
from proxy.backends.claude_cli.replay import THINKING, blocks_of, thinks
from proxy.backends.claude_cli.tools import Naming, exact_tools
from proxy.core.contracts import Target
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Message

Blocks = Sequence[JsonObject]

Recall = Callable[[bytes], Blocks | None]
"""The blocks of the answer that the API gave to a prefix, by its digest; None when they are not known."""

# Stands before a conversation that the assistant begins: the API wants the user to begin.
_NO_CONTENT: JsonObject = {"type": "text", "text": "(no content)"}


@dataclass(frozen=True, slots=True)
class TurnBody:
    """One API request: the `system` prompt, None for none, and the rest as `json`, a JSON object.

    `prefix` is a digest of everything before the answer, cache marks left out: an answer's thinking is valid behind
    it alone. `thinks` says whether the assistant's last message holds thinking.
    """

    system: str | None
    json: str
    prefix: bytes
    thinks: bool


@dataclass(slots=True)
class _Turn:
    """Neighbouring messages of one role, joined."""

    role: str
    blocks: list[JsonObject] = field(default_factory=list)
    system: list[str] = field(default_factory=list)


def make_body(
    request: ChatRequest,
    target: Target,
    naming: Naming,
    *,
    recall: Recall = lambda _prefix: None,
    ttl: str = "",
) -> TurnBody:
    """The API body of `request`. `ttl` is that of the cache marks, empty for the API's own.

    Raises `InvalidRequest` when there is nothing to ask.
    """
    system, later = _split(request.messages)
    turns = list(_turns(later, naming))
    _check(turns, target)
    if target.structure is not None and target.structure.instruction:
        turns[-1].blocks.append({"type": "text", "text": target.structure.instruction})
    tools = list(exact_tools(target.tools, naming))
    digest = blake2b(_dump([system, tools, target.model]).encode(), digest_size=16)
    mark: JsonObject = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    marked = _marked(turns)
    written: list[str] = []
    has_thinking = False
    ids: dict[str, str] = {}
    for index, turn in enumerate(turns):
        if turn.role == "assistant":
            has_thinking = _recalled(turn, recall(digest.digest()), ids)
        elif ids:
            _rename(turn, ids)
        messages = list(_messages(turn, middle=target.middle_system))
        plain = [_dump(message) for message in messages]
        for text in plain:
            digest.update(text.encode())
        if index in marked:
            plain[-1] = _dump(_with_mark(messages[-1], mark))
        written += plain
    fields = [f'"messages":[{",".join(written)}]']
    if tools:
        fields.append(f'"tools":{_dump(tools)}')
    rest = _dump(extra_body(target, naming))[1:-1]
    return TurnBody(system, "{" + ",".join(filter(None, [*fields, rest])) + "}", digest.digest(), has_thinking)


def _split(messages: Sequence[Message]) -> tuple[str | None, Sequence[Message]]:
    """The system prompt, and the messages after it."""
    first = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    texts = [message.text for message in messages[:first] if message.text.strip()]
    return "\n\n".join(texts) or None, messages[first:]


def _turns(messages: Sequence[Message], naming: Naming) -> Iterator[_Turn]:
    turn = _Turn("user")
    # System messages that came since the last turn of the user's ended.
    waiting: list[str] = []
    for message in messages:
        if message.role == "system":
            if message.text.strip():
                (turn.system if turn.role == "user" and turn.blocks else waiting).append(message.text)
            continue
        blocks = blocks_of(message, naming)
        if not blocks:
            continue
        if message.role != turn.role:
            if turn.blocks or turn.role == "user":
                yield _begun(turn)
            turn = _Turn(message.role)
        if turn.role == "user" and waiting:
            turn.system, waiting = waiting, []
        turn.blocks += blocks
    if turn.blocks:
        yield _begun(turn)
    if waiting:
        raise InvalidRequest("the last message is a system message that no user message goes with")


def _begun(turn: _Turn) -> _Turn:
    return turn if turn.blocks else _Turn(turn.role, [dict(_NO_CONTENT)], turn.system)


def _check(turns: Sequence[_Turn], target: Target) -> None:
    if not any(turn.role == "user" for turn in turns):
        raise InvalidRequest("there is no user message")
    if turns[-1].role == "user":
        return
    if not target.prefill:
        raise InvalidRequest("the last message is the assistant's; end with a user message")
    last = turns[-1].blocks[-1]
    if last["type"] == "text":
        turns[-1].blocks[-1] = {**last, "text": last["text"].rstrip()}


def _marked(turns: Sequence[_Turn]) -> set[int]:
    """The turns whose last block has a cache mark."""
    earlier = [index for index, turn in enumerate(turns[:-1]) if turn.role == "user"]
    return {len(turns) - 1, *earlier[-1:]}


def _recalled(turn: _Turn, known: Blocks | None, ids: dict[str, str]) -> bool:
    """Put the thinking of an answer that is `known` back into it, unless the client sent it; whether it has any.

    `ids` gets the API's ids of calls that the client spells otherwise.
    """
    if known is not None and not thinks(turn.blocks):
        words = [block for block in known if block["type"] not in THINKING]
        if _said(words) == _said(turn.blocks):
            calls = [block["id"] for block in turn.blocks if block["type"] == "tool_use"]
            given = [block["id"] for block in words if block["type"] == "tool_use"]
            ids |= {sent: own for sent, own in zip(calls, given, strict=True) if sent != own}
            turn.blocks = [dict(block) for block in known]
    return thinks(turn.blocks)


def _said(blocks: Blocks) -> tuple[str, list[Any]]:
    """What is equal in an answer and in what a client makes of it: the words, and the calls without their ids."""
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    return text, [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]


def _rename(turn: _Turn, ids: dict[str, str]) -> None:
    for block in turn.blocks:
        if block["type"] == "tool_result":
            block["tool_use_id"] = ids.get(block["tool_use_id"], block["tool_use_id"])


def _messages(turn: _Turn, *, middle: bool) -> Iterator[JsonObject]:
    text = "\n\n".join(turn.system)
    if not text:
        yield {"role": turn.role, "content": turn.blocks}
    elif middle:
        yield {"role": turn.role, "content": turn.blocks}
        yield {"role": "system", "content": [{"type": "text", "text": text}]}
    else:
        reminder = {"type": "text", "text": f"<system-reminder>\n{text}\n</system-reminder>"}
        yield {"role": turn.role, "content": [*turn.blocks, reminder]}


def _with_mark(message: JsonObject, mark: JsonObject) -> JsonObject:
    *content, last = message["content"]
    # The API takes no mark on thinking.
    marked = last if last["type"] in THINKING else {**last, "cache_control": mark}
    return {**message, "content": [*content, marked]}


def _dump(value: object) -> str:
    # The standard library's encoder, because text may hold lone surrogates, which orjson refuses.
    return json.dumps(value, separators=(",", ":"))
