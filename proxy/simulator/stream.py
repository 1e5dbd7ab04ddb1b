"""A script as the bytes of the API: server-sent events, or one JSON message. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from proxy.simulator.binding import signature as signature
from proxy.simulator.body import encode
from proxy.simulator.cache import PromptUsage
from proxy.simulator.errors import error_body
from proxy.simulator.pieces import split_evenly, split_text
from proxy.simulator.script import AnswerBlock, Fault, Script, Text, Thinking, ToolUse
from proxy.simulator.tokens import count_answer, count_thinking

JSON_PIECE = 12

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
GARBAGE = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"te\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer says of itself beside its content; `binding` is what its thinking is bound to."""

    message_id: str
    model: str
    prompt: PromptUsage
    service_tier: str = "standard"
    binding: bytes = b""


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes to send once `tokens` of the answer are there; then, if `then` says so, no more."""

    data: bytes
    tokens: float
    then: Literal["", "cut", "hang"] = ""


def usage(script: Script, head: Head, output_tokens: int) -> dict[str, Any]:
    """The usage of an answer as `message_start` and JSON messages carry it."""
    prompt = head.prompt
    return {
        "input_tokens": prompt.uncached,
        "cache_creation_input_tokens": prompt.written,
        "cache_read_input_tokens": prompt.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.written_5m,
            "ephemeral_1h_input_tokens": prompt.written_1h,
        },
        "output_tokens": output_tokens,
        "service_tier": head.service_tier,
    }


def message_json(script: Script, head: Head) -> bytes:
    """The whole answer as one JSON message."""
    message = _message(head, usage(script, head, count_answer(script)))
    message["content"] = [_content(block, head.binding) for block in script.blocks]
    message |= _stop_fields(script)
    return orjson.dumps(message)


def frames(script: Script, head: Head) -> Iterator[Frame]:
    """The answer as events in the order of sending, with its fault where the fault belongs."""
    fault = script.fault
    start = _event("message_start", {"message": _message(head, usage(script, head, 1))})
    yield Frame(start, 0.0)
    deltas = 0
    if fault is not None and fault.after == 0 and (broken := _broken(fault, start)):
        yield broken
        if broken.then or fault.kind == "error":
            return
    for frame, is_text in _content_frames(script, head.binding):
        yield frame
        if not is_text:
            continue
        deltas += 1
        if fault is not None and deltas == fault.after and (broken := _broken(fault, start, frame.tokens)):
            yield broken
            if broken.then or fault.kind == "error":
                return
    total = float(count_answer(script))
    if fault is None or fault.kind != "no_delta":
        yield Frame(_event("message_delta", _ending(script, head)), total)
    if fault is None or fault.kind != "no_stop":
        yield Frame(STOP, total)


def _broken(fault: Fault, start: bytes, tokens: float = 0.0) -> Frame | None:
    """What the fault sends at its place; None when its place is the end."""
    match fault.kind:
        case "error":
            return Frame(b"event: error\ndata: " + error_body(fault.type, fault.message, None) + b"\n\n", tokens)
        case "cut" | "hang" as then:
            return Frame(b"", tokens, then)
        case "duplicate_start":
            return Frame(start, tokens)
        case "garbage":
            return Frame(GARBAGE, tokens)
    return None


def _content_frames(script: Script, binding: bytes) -> Iterator[tuple[Frame, bool]]:
    """The events of all blocks, each with whether it is a text delta."""
    tokens = 0.0
    for index, block in enumerate(script.blocks):
        opening = _event("content_block_start", {"index": index, "content_block": _opening(block)})
        yield Frame(opening + PING if index == 0 else opening, tokens), False
        total = count_answer(Script((block,)))
        pieces = list(_deltas(block, script.words_per_delta, binding))
        size = sum(weight for _, weight in pieces) or 1
        spent = 0
        # Bytes, not `_event`: these are most of a stream.
        prefix = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index
        for delta, weight in pieces:
            spent += weight
            yield Frame(prefix + delta + b"}\n\n", tokens + total * spent / size), isinstance(block, Text)
        tokens += total
        yield Frame(_event("content_block_stop", {"index": index}), tokens), False


def _deltas(block: AnswerBlock, words: int, binding: bytes) -> Iterator[tuple[bytes, int]]:
    """The block's deltas as JSON, each with its share of the block's time."""
    match block:
        case Text(text):
            for piece in split_text(text, words):
                yield b'{"type":"text_delta","text":' + orjson.dumps(piece) + b"}", len(piece)
        case Thinking(text, shown):
            for piece in split_text(text, words) if shown else ():
                yield b'{"type":"thinking_delta","thinking":' + orjson.dumps(piece) + b"}", len(piece)
            yield (
                orjson.dumps({"type": "signature_delta", "signature": signature(text if shown else "", binding)}),
                int(not shown),
            )
        case ToolUse():
            # The API's first piece of a call's input is empty.
            yield b'{"type":"input_json_delta","partial_json":""}', 0
            for piece in split_evenly(_partial_json(block), JSON_PIECE):
                yield b'{"type":"input_json_delta","partial_json":' + orjson.dumps(piece) + b"}", len(piece)


def _partial_json(call: ToolUse) -> str:
    text = encode(dict(call.input)).decode()
    return text[: len(text) // 2] if call.broken else text


def _opening(block: AnswerBlock) -> dict[str, Any]:
    match block:
        case Text():
            return {"type": "text", "text": ""}
        case Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolUse(call_id, name):
            return {"type": "tool_use", "id": call_id, "name": name, "input": {}}


def _content(block: AnswerBlock, binding: bytes) -> dict[str, Any]:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(text, shown):
            seen = text if shown else ""
            return {"type": "thinking", "thinking": seen, "signature": signature(seen, binding)}
        case ToolUse(call_id, name, arguments, broken):
            return {"type": "tool_use", "id": call_id, "name": name, "input": {} if broken else dict(arguments)}


def _message(head: Head, counted: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": head.message_id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": counted,
    }


def _stop_fields(script: Script) -> dict[str, Any]:
    fields: dict[str, Any] = {"stop_reason": script.stop_reason, "stop_sequence": script.stop_sequence}
    if script.stop_details is not None:
        fields["stop_details"] = script.stop_details
    return fields


def _ending(script: Script, head: Head) -> dict[str, Any]:
    counted: dict[str, Any] = {
        "input_tokens": head.prompt.uncached,
        "cache_creation_input_tokens": head.prompt.written,
        "cache_read_input_tokens": head.prompt.read,
        "output_tokens": count_answer(script),
    }
    if thought := count_thinking(script):
        counted["output_tokens_details"] = {"thinking_tokens": thought}
    return {"delta": _stop_fields(script), "usage": counted}


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name, **fields}) + b"\n\n"
