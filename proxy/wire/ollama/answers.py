"""Answers in Ollama's dialect: NDJSON lines, whole objects, error bodies.

A stream's `encode` is the hottest code of the daemon: everything that does not change is made once, and a batch of
events has one time.
"""

from collections.abc import Sequence
from typing import Literal

from proxy.core.errors import ServerError
from proxy.core.events import CallComplete, Event, Finished, FinishReason, TextDelta, ThinkingDelta
from proxy.core.reply import Reply
from proxy.core.request import Message, Text, ToolCall
from proxy.wire.context import encode_context
from proxy.wire.jsontext import compact, dump, escape
from proxy.wire.stamps import Now, Stamps

# A refusal has no word of its own here; the answer's text says it. Calls have none either.
DONE_REASONS: dict[FinishReason, str] = {"stop": "stop", "length": "length", "refusal": "stop", "tool_calls": "stop"}


def error_body(error: ServerError) -> bytes:
    """The body of an error before the first byte; with a newline, the last line of a stream after it."""
    return dump({"error": error.message})


class ChatStream:
    """Encodes one answer of /api/chat. `now` gives nanoseconds since the epoch.

    A call is one line, when it is complete.
    """

    def __init__(self, model: str, now: Now) -> None:
        self._stamps = Stamps(now)
        self._head = f'{{"model":{escape(model)},"created_at":"'

    def encode(self, events: Sequence[Event]) -> bytes:
        """The lines for a batch of events; `Started` and the pieces of a call have none."""
        head = self._stamped_head()
        lines = []
        for event in events:
            if isinstance(event, TextDelta):
                lines.append(f'{head}{escape(event.text)}}},"done":false}}\n')
            elif isinstance(event, ThinkingDelta):
                lines.append(f'{head}"","thinking":{escape(event.text)}}},"done":false}}\n')
            elif isinstance(event, CallComplete):
                lines.append(f'{head}"","tool_calls":[{_call(event, event.index)}]}},"done":false}}\n')
            elif isinstance(event, Finished):
                lines.append(f'{head}""}},{_done(event)}\n')
        return "".join(lines).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The line for an error after the first byte; nothing may follow it."""
        return error_body(error) + b"\n"

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        thinking = f',"thinking":{escape(reply.thinking)}' if reply.thinking else ""
        calls = ",".join(_call(call, index) for index, call in enumerate(reply.calls))
        tool_calls = f',"tool_calls":[{calls}]' if calls else ""
        text = f"{self._stamped_head()}{escape(reply.text)}{thinking}{tool_calls}}},{_done(reply.finished)}"
        return text.encode("ascii")

    def loaded(self, reason: Literal["load", "unload"]) -> bytes:
        """The one object for a request without messages, streamed or not."""
        return f'{self._stamped_head()}""}},"done":true,"done_reason":"{reason}"}}'.encode("ascii")

    def _stamped_head(self) -> str:
        """A line up to the value of `content`."""
        return f'{self._head}{self._stamps.next()}","message":{{"role":"assistant","content":'


class GenerateStream:
    """Encodes one answer of /api/generate.

    `remembered` is the conversation that the answer's `context` carries on; with None it has no `context`.
    """

    def __init__(self, model: str, now: Now, remembered: Sequence[Message] | None = None) -> None:
        self._stamps = Stamps(now)
        self._head = f'{{"model":{escape(model)},"created_at":"'
        self._remembered = remembered
        self._texts: list[str] = []

    def encode(self, events: Sequence[Event]) -> bytes:
        """The lines for a batch of events; `Started` has none."""
        head = self._stamped_head()
        lines = []
        for event in events:
            if isinstance(event, TextDelta):
                self._texts.append(event.text)
                lines.append(f'{head}{escape(event.text)},"done":false}}\n')
            elif isinstance(event, ThinkingDelta):
                lines.append(f'{head}"","thinking":{escape(event.text)},"done":false}}\n')
            elif isinstance(event, Finished):
                lines.append(f'{head}"",{_done(event, self._context("".join(self._texts)))}\n')
        return "".join(lines).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The line for an error after the first byte; nothing may follow it."""
        return error_body(error) + b"\n"

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        thinking = f',"thinking":{escape(reply.thinking)}' if reply.thinking else ""
        done = _done(reply.finished, self._context(reply.text))
        return f"{self._stamped_head()}{escape(reply.text)}{thinking},{done}".encode("ascii")

    def loaded(self, reason: Literal["load", "unload"]) -> bytes:
        """The one object for a request without a prompt, streamed or not."""
        return f'{self._stamped_head()}"","done":true,"done_reason":"{reason}"}}'.encode("ascii")

    def _stamped_head(self) -> str:
        """A line up to the value of `response`."""
        return f'{self._head}{self._stamps.next()}","response":'

    def _context(self, answer: str) -> str:
        if self._remembered is None:
            return ""
        numbers = encode_context((*self._remembered, Message("assistant", (Text(answer),))))
        return f'"context":[{",".join(map(str, numbers))}],'


def _call(call: ToolCall | CallComplete, index: int) -> str:
    function = f'{{"index":{index},"name":{escape(call.name)},"arguments":{compact(call.arguments)}}}'
    return f'{{"id":{escape(call.id)},"function":{function}}}'


def _done(finished: Finished, context: str = "") -> str:
    """The end of a final object, from `done` on; `context` stands before the metrics."""
    timings, usage = finished.timings, finished.usage
    return (
        f'"done":true,"done_reason":"{DONE_REASONS[finished.reason]}",{context}'
        f'"total_duration":{timings.total},"load_duration":{timings.load},'
        f'"prompt_eval_count":{usage.prompt_tokens},"prompt_eval_duration":{timings.prompt},'
        f'"eval_count":{usage.output_tokens},"eval_duration":{timings.eval}}}'
    )
