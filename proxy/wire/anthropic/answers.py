"""Answers in Anthropic's dialect: server-sent events, whole objects, error bodies."""

from collections.abc import Sequence
from secrets import token_hex

from proxy.core.errors import ServerError
from proxy.core.events import (
    CallComplete,
    CallDelta,
    CallStarted,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThinkingDelta,
    ThoughtEnded,
    Usage,
)
from proxy.core.reply import Reply
from proxy.core.request import Text, Thought, ToolCall
from proxy.wire.jsontext import compact, dump, escape

_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "refusal": "refusal",
    "tool_calls": "tool_use",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# By the type of a block: its start, and a delta up to its text.
_TEXT = ('{"type":"text","text":""}', '{"type":"text_delta","text":')
_THINKING = ('{"type":"thinking","thinking":"","signature":""}', '{"type":"thinking_delta","thinking":')
_CALL_DELTA = '{"type":"input_json_delta","partial_json":'
_MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_UNKNOWN_YET = Usage()
_REQUEST_ID_BYTES = 12


def error_body(error: ServerError) -> bytes:
    """The body of an error before the first byte."""
    kind = _ERROR_TYPES.get(error.status, "api_error")
    request_id = f"req_{token_hex(_REQUEST_ID_BYTES)}"
    told: dict[str, object] = {"type": kind, "message": error.message}
    if error.details is not None:
        told["details"] = error.details
    return dump({"type": "error", "error": told, "request_id": request_id}) + b"\n"


def count_body(tokens: int) -> bytes:
    """The answer of /v1/messages/count_tokens."""
    return dump({"input_tokens": tokens}) + b"\n"


class MessageStream:
    """Encodes one answer of /v1/messages. Text, thoughts and calls are blocks, of which one at a time is open.

    Tokens are counted when the answer ends: until then, in ``message_start``, every count is 0.
    """

    def __init__(self, id: str, model: str) -> None:
        self._message = f'{{"id":{escape(id)},"type":"message","role":"assistant","model":{escape(model)},"content":['
        self._index = 0
        self._open: tuple[str, str] | None = None
        self._delta = ""

    def encode(self, events: Sequence[Event]) -> bytes:
        """The frames for a batch of events."""
        frames = []
        for event in events:
            if isinstance(event, TextDelta):
                if self._open is not _TEXT:
                    frames.append(self._opened(_TEXT))
                frames.append(f"{self._delta}{escape(event.text)}}}}}\n\n")
            elif isinstance(event, ThinkingDelta):
                if self._open is not _THINKING:
                    frames.append(self._opened(_THINKING))
                frames.append(f"{self._delta}{escape(event.text)}}}}}\n\n")
            elif isinstance(event, CallDelta):
                frames.append(f"{self._delta}{escape(event.text)}}}}}\n\n")
            else:
                frames.append(self._between(event))
        return "".join(frames).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The frame for an error after the first byte; nothing may follow it."""
        return b"event: error\ndata: " + error_body(error).rstrip() + b"\n\n"

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        content = ",".join(_block(part) for part in reply.parts if isinstance(part, Text | Thought | ToolCall))
        finished = reply.finished
        text = f'{self._message}{content}],{_stop(finished)},"usage":{_usage(finished.usage)}}}\n'
        return text.encode("ascii")

    def _between(self, event: Started | ThoughtEnded | CallStarted | CallComplete | Finished) -> str:
        """The frames for an event that begins or ends something."""
        match event:
            case Started():
                stop = '"stop_reason":null,"stop_sequence":null'
                message = f'{self._message}],{stop},"usage":{_usage(_UNKNOWN_YET)}}}'
                return _frame("message_start", f'"message":{message}')
            case ThoughtEnded():
                return self._end_of_thought(event)
            case CallStarted():
                return self._opened((_block(ToolCall(event.id, event.name)), _CALL_DELTA))
            case CallComplete():
                return self._closed()
            case Finished():
                end = f'"delta":{{{_stop(event)}}},"usage":{_usage(event.usage)}'
                return f"{self._closed()}{_frame('message_delta', end)}{_MESSAGE_STOP}"

    def _end_of_thought(self, ended: ThoughtEnded) -> str:
        if ended.redacted:
            return self._opened((_block(Thought(redacted=ended.redacted)), "")) + self._closed()
        if self._open is not _THINKING:
            if not ended.signature:
                return ""
            return self._opened(_THINKING) + self._end_of_thought(ended)
        signature = f'{{"type":"signature_delta","signature":{escape(ended.signature)}}}'
        signed = _frame("content_block_delta", f'"index":{self._index},"delta":{signature}') if ended.signature else ""
        return signed + self._closed()

    def _opened(self, kind: tuple[str, str]) -> str:
        closed = self._closed()
        start, delta = kind
        self._open = kind
        self._delta = (
            f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{self._index},"delta":{delta}'
        )
        return closed + _frame("content_block_start", f'"index":{self._index},"content_block":{start}')

    def _closed(self) -> str:
        if self._open is None:
            return ""
        stop = _frame("content_block_stop", f'"index":{self._index}')
        self._open = None
        self._index += 1
        return stop


def _frame(event: str, fields: str) -> str:
    return f'event: {event}\ndata: {{"type":"{event}",{fields}}}\n\n'


def _block(part: Text | Thought | ToolCall) -> str:
    match part:
        case Text(text):
            return f'{{"type":"text","text":{escape(text)}}}'
        case ToolCall(id, name, arguments):
            return f'{{"type":"tool_use","id":{escape(id)},"name":{escape(name)},"input":{compact(arguments)}}}'
        case Thought(text, signature, redacted):
            if redacted:
                return f'{{"type":"redacted_thinking","data":{escape(redacted)}}}'
            return f'{{"type":"thinking","thinking":{escape(text)},"signature":{escape(signature)}}}'


def _stop(finished: Finished) -> str:
    sequence = finished.stop_sequence if finished.reason == "stop" else None
    if sequence is None:
        return f'"stop_reason":"{_STOP_REASONS[finished.reason]}","stop_sequence":null'
    return f'"stop_reason":"stop_sequence","stop_sequence":{escape(sequence)}'


def _usage(usage: Usage) -> str:
    return (
        f'{{"input_tokens":{usage.input_tokens},"cache_creation_input_tokens":{usage.cache_write_tokens},'
        f'"cache_read_input_tokens":{usage.cache_read_tokens},"output_tokens":{usage.output_tokens}}}'
    )
