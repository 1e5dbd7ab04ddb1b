"""Answers of /v1/responses: numbered events, and the response object that the first and the last of them carry."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

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
from proxy.core.request import Part, Text, Thought, ToolCall
from proxy.wire.jsontext import compact, escape
from proxy.wire.responses.outputs import (
    CallWriting,
    MessageWriting,
    ReasoningWriting,
    Status,
    Writing,
    call_object,
    message_object,
    reasoning_object,
)

_NO_NAMESPACES: Mapping[str, str] = {}
_INCOMPLETE: Mapping[FinishReason, str] = {"length": "max_output_tokens", "refusal": "content_filter"}
_ERROR_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
_NANOSECONDS = 10**9

_W = TypeVar("_W", MessageWriting, ReasoningWriting, CallWriting)


class ResponseStream:
    """Encodes one answer of /v1/responses. `id` starts with ``resp_``, `created` is in seconds since the epoch.

    `echo` and `namespaces` are those of the `Responses` that is answered.
    """

    def __init__(
        self,
        id: str,
        created: int,
        model: str,
        echo: Mapping[str, Any],
        namespaces: Mapping[str, str] = _NO_NAMESPACES,
    ) -> None:
        self._created = created
        self._namespaces = namespaces
        self._suffix = id.removeprefix("resp_")
        self._head = f'{{"id":{escape(id)},"object":"response","created_at":{created},"model":{escape(model)},'
        self._echo = compact(echo).removeprefix("{")
        self._sequence = 0
        self._writing: Writing | None = None
        self._written: list[str] = []
        # Whether the answer has words or calls; one that has none gets an empty message.
        self._answered = False

    def encode(self, events: Sequence[Event]) -> bytes:
        """The numbered events for a batch of events."""
        frames: list[str] = []
        for event in events:
            writing = self._writing
            if isinstance(event, TextDelta):
                if not isinstance(writing, MessageWriting):
                    writing = self._open_message(frames)
            elif isinstance(event, ThinkingDelta):
                if not isinstance(writing, ReasoningWriting):
                    self._close(frames)
                    writing = self._open(frames, ReasoningWriting(self._id("rs"), len(self._written)))
            elif not isinstance(event, CallDelta):
                self._turn(frames, event)
                continue
            if writing is not None:
                writing.pieces.append(event.text)
                frames.append(f"{writing.head}{self._sequence}{writing.middle}{escape(event.text)}{writing.tail}")
                self._sequence += 1
        return "".join(frames).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The end of a stream that fails after its first byte; the item that was being written is never done."""
        frames: list[str] = []
        code = _ERROR_CODES.get(error.status, "server_error")
        fault = f'{{"code":"{code}","message":{escape(error.message)}}}'
        self._send(frames, "response.failed", f'"response":{self._response("failed", self._written, error=fault)}')
        return "".join(frames).encode("ascii")

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        finished = reply.finished
        parts: tuple[Part, ...] = reply.parts
        if not any(isinstance(part, Text | ToolCall) for part in parts):
            parts = (*parts, Text(""))
        last = len(parts) - 1
        items = [self._item(part, index, finished if index == last else None) for index, part in enumerate(parts)]
        return f"{self._ended(finished, items)}\n".encode("ascii")

    def _item(self, part: Part, index: int, finished: Finished | None) -> str:
        """The item at `index`; `finished` is there for the last one, which may have been cut off."""
        status: Status = "completed" if finished is None else _status(finished)
        match part:
            case Text(text):
                return message_object(self._id("msg", index), text, status)
            case Thought(_, signature, redacted):
                whole = signature or redacted
                return reasoning_object(self._id("rs", index), part, "completed" if whole else status)
            case ToolCall(id, name, arguments):
                space = self._namespaces.get(name, "")
                return call_object(self._id("fc", index), id, name, space, compact(arguments), "completed")
        raise TypeError(f"an answer has no {type(part).__name__}")

    def _id(self, prefix: str, index: int | None = None) -> str:
        """The id of the item at `index`; None for the one that is written now, or next."""
        return f"{prefix}_{self._suffix}_{len(self._written) if index is None else index}"

    def _send(self, frames: list[str], kind: str, members: str) -> None:
        frames.append(f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{self._sequence},{members}}}\n\n')
        self._sequence += 1

    def _turn(self, frames: list[str], event: Event) -> None:
        """What `event`, which is no delta, begins or ends."""
        match event:
            case Started():
                begun = f'"response":{self._response("in_progress")}'
                self._send(frames, "response.created", begun)
                self._send(frames, "response.in_progress", begun)
            case ThoughtEnded():
                self._end_thought(frames, event)
            case CallStarted(_, call_id, name):
                self._close(frames)
                self._answered = True
                space = self._namespaces.get(name, "")
                self._open(frames, CallWriting(self._id("fc"), len(self._written), call_id, name, space))
            case CallComplete():
                if isinstance(self._writing, CallWriting):
                    self._writing.complete = True
                self._close(frames)
            case Finished():
                self._finish(frames, event)

    def _end_thought(self, frames: list[str], ended: ThoughtEnded) -> None:
        writing = self._writing
        if isinstance(writing, ReasoningWriting) and not ended.redacted:
            writing.signature = ended.signature
            self._close(frames)
        elif ended.signature or ended.redacted:
            self._close(frames)
            # Nothing of it shows, so it begins and ends at once.
            self._begin(frames, reasoning_object(self._id("rs"), Thought(), "in_progress"))
            thought = Thought(signature=ended.signature, redacted=ended.redacted)
            self._end(frames, reasoning_object(self._id("rs"), thought, "completed"))

    def _open_message(self, frames: list[str]) -> MessageWriting:
        self._close(frames)
        self._answered = True
        return self._open(frames, MessageWriting(self._id("msg"), len(self._written)))

    def _open(self, frames: list[str], writing: _W) -> _W:
        self._writing = writing
        self._begin(frames, writing.object("in_progress"))
        for kind, members in writing.opened():
            self._send(frames, kind, members)
        return writing

    def _close(self, frames: list[str], status: Status = "completed") -> None:
        """End the item that is being written, if there is one."""
        writing = self._writing
        if writing is None:
            return
        for kind, members in writing.closed():
            self._send(frames, kind, members)
        self._end(frames, writing.object(status))
        self._writing = None

    def _begin(self, frames: list[str], item: str) -> None:
        self._send(frames, "response.output_item.added", f'"output_index":{len(self._written)},"item":{item}')

    def _end(self, frames: list[str], item: str) -> None:
        self._send(frames, "response.output_item.done", f'"output_index":{len(self._written)},"item":{item}')
        self._written.append(item)

    def _finish(self, frames: list[str], finished: Finished) -> None:
        if not self._answered:
            self._open_message(frames)
        status = _status(finished)
        self._close(frames, status)
        self._send(frames, f"response.{status}", f'"response":{self._ended(finished, self._written)}')

    def _ended(self, finished: Finished, items: Iterable[str]) -> str:
        """The response object of an answer that came to its end."""
        reason = _INCOMPLETE.get(finished.reason)
        details = f'{{"reason":"{reason}"}}' if reason else "null"
        completed = str(self._created + finished.timings.total // _NANOSECONDS) if reason is None else "null"
        usage = _usage(finished.usage)
        return self._response(_status(finished), items, completed=completed, details=details, usage=usage)

    def _response(
        self,
        status: str,
        items: Iterable[str] = (),
        *,
        completed: str = "null",
        error: str = "null",
        details: str = "null",
        usage: str = "null",
    ) -> str:
        """The response object; every argument but `status` is JSON text."""
        return (
            f'{self._head}"status":"{status}","completed_at":{completed},"error":{error},'
            f'"incomplete_details":{details},"output":[{",".join(items)}],"usage":{usage},{self._echo}'
        )


def _status(finished: Finished) -> Status:
    return "incomplete" if finished.reason in _INCOMPLETE else "completed"


def _usage(usage: Usage) -> str:
    """How many tokens were thought is not known."""
    prompt, output = usage.prompt_tokens, usage.output_tokens
    return (
        f'{{"input_tokens":{prompt},"input_tokens_details":{{"cached_tokens":{usage.cache_read_tokens},'
        f'"cache_write_tokens":{usage.cache_write_tokens}}},"output_tokens":{output},'
        f'"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{prompt + output}}}'
    )
