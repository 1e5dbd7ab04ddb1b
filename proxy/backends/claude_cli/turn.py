"""One answer: what the CLI says, turned into events with exactly one end. Pure.

The rule that makes a turn owned: **the first terminal `message_delta` ends it**, whatever the CLI would do next.

    waiting ──message_start──► started ──first delta──► answering ──message_delta with a stop_reason──► ended
       │                          │                         │
       │ Retry: stay              │ Retry, message_start:   │ Retry, message_start, message_stop:
       │                          │ stay, say nothing       │ the stream broke, an error
       └──────── Failure, Result or end of output in any of these: an error ────────────────────────► failed

Only calls of the CLI's own tools, where the operator allows any, do not end it: the CLI runs them, asks the API again,
and the answer goes on with the next message.

Also when the model calls tools: the CLI, which asks for the first result while the others are still being called, is
left to wait for what the client's next request brings.

Before the first delta the CLI may repeat its API request as often as the deadlines allow, since the client has seen
nothing; after it a repetition would send text twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.backends.claude_cli.calls import Calls
from proxy.backends.claude_cli.codec import (
    ApiEvent,
    Failure,
    JsonObject,
    Output,
    Refused,
    Result,
    Retry,
    Said,
    TurnBegins,
)
from proxy.backends.claude_cli.faults import error_from
from proxy.backends.claude_cli.replay import Recalled
from proxy.backends.claude_cli.tally import Clock, Tally
from proxy.core.errors import BackendFailed, ServerError, UpstreamFailed
from proxy.core.events import Event, Finished, FinishReason, Started, TextDelta, ThinkingDelta, ThoughtEnded, Usage
from proxy.core.request import Message, Text

BYTES_PER_TOKEN = 4
"""What a token is taken to be where the API has not counted: in an answer that was cut off."""

REFUSAL_TEXT = "The model refused to answer this."

_REASONS: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
# Every other stop_reason ends an answer in the ordinary way.

_DELTA = "content_block_delta"
# What nearly every event is.

_UNFINISHED = ("tool_use", "pause_turn")

_MOST_USES = 100
# Of the CLI's own tools in one answer: a model that needs more goes round in circles.

_OWN = ("text", "thinking", "redacted_thinking", "tool_use")
# The kinds of blocks that a client sees, or sends back.


class TurnMachine:
    """Feed it what the CLI says; it returns the events of one answer and raises `ServerError` when that fails.

    With `one_request` the CLI asks the API once, whatever the answer is, but for one that its limit cut off, and knows
    nothing of the `tools`.

    Make it when the request has been sent; `load_ns` is what went before. Without `show_thinking` there are no
    `ThinkingDelta` events, but for those that tell of a call of a `builtin` tool of the CLI's own. `tools` are those of
    the client's that were offered, from the API's name to the client's. After the end
    `goes_on` says whether the CLI would now ask the API again by itself, at the user's cost.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        load_ns: int,
        show_thinking: bool = True,
        tools: Mapping[str, str] | None = None,
        builtin: Sequence[str] = (),
        one_request: bool = False,
    ) -> None:
        self._clock = clock
        self._show_thinking = show_thinking
        self._tally = Tally(clock, load_ns)
        self._started = False
        self._model = ""
        self._retry_delay: float | None = None
        self._refusal = ""
        self._text_sent = False
        self._size = 0
        self._said: list[Said] = []
        self._tools = tools or {}
        self._builtin = frozenset(builtin)
        self._one_request = one_request
        self._calls = Calls(self._tools, self._builtin)
        self._in_message = False
        self._text_ended = False
        self._reason: FinishReason | None = None
        self.ended = False
        self.goes_on = False

    @property
    def started(self) -> bool:
        """The API has accepted the request."""
        return self._started

    @property
    def answering(self) -> bool:
        """A client may have seen a part of the answer."""
        return self._tally.begun

    @property
    def answer(self) -> Message | None:
        """What the process now holds as its answer, as a client sends it back: words, then calls.

        None when it holds anything else, or no whole answer.
        """
        called = self._reason == "tool_calls" and not self._calls.unknown
        whole = self._reason == "stop" or called
        if not whole or self.goes_on or self.used or any(said.kind not in _OWN for said in self._said):
            return None
        text = "".join(str(block.get("text", "")) for block in self.given.blocks if block.get("type") == "text")
        calls = self._calls.complete
        if self._reason == "stop" and not text:
            return None
        return Message("assistant", ((Text(text),) if text else ()) + tuple(calls))

    @property
    def given(self) -> Recalled:
        """The answer as the API gave it, thinking included."""
        return Recalled(self._model, tuple(said.block for said in self._said))

    @property
    def model(self) -> str:
        """The id that answers, as the API reports it; empty before it does."""
        return self._model

    @property
    def usage(self) -> Usage:
        """The tokens so far; what an answer that has not ended says is not counted by the API yet, but estimated."""
        if not self.ended:
            self._tally.at_least(-(-self._size // BYTES_PER_TOKEN))
        return self._tally.usage

    @property
    def pending(self) -> bool:
        """The answer has ended with calls, and the process waits for their results."""
        return self._reason == "tool_calls" and not self.goes_on and not self._one_request

    @property
    def used(self) -> Sequence[str]:
        """The names of the CLI's own tools that were used, in order."""
        return self._calls.used

    @property
    def first_call(self) -> str:
        """The id of the answer's first call."""
        return self._calls.complete[0].id

    def cut(self, size: int, stop: str | None = None) -> Finished:
        """End the answer here, after `size` bytes of text and before `stop`. What the API has not counted yet is
        estimated."""
        self.ended = True
        self._tally.at_least(-(-size // BYTES_PER_TOKEN))
        return Finished("stop", self._tally.usage, self._tally.timings, stop)

    def feed(self, output: Output) -> list[Event]:
        """The events that `output` brings, often none. Raises `ServerError`; after the end it must not be called."""
        # Nearly every output is one of these, and a class pattern takes longer than all the rest.
        if type(output) is ApiEvent:
            event = output.event
            try:
                return self._delta(event["delta"]) if event.get("type") == _DELTA else self._api_event(event)
            except (AttributeError, LookupError, TypeError) as error:
                text = f"the CLI sent an event that makes no sense: {event!r:.120}"
                raise BackendFailed(text, should_retry=False) from error
        match output:
            case Retry():
                self._retry_delay = output.delay
                if self._in_message:
                    raise self._broken()
            case Said():
                self._said.append(output)
            case TurnBegins(tools):
                self._check_tools(tools)
            case Refused(explanation):
                self._refusal = explanation
            case Failure(refusal=False):
                raise self._error(output)
            case Result():
                raise (
                    self._error(output.failure)
                    if output.failure
                    else BackendFailed("the CLI ended the turn without an answer", should_retry=False)
                )
            case _:
                pass
        return []

    def _api_event(self, event: JsonObject) -> list[Event]:
        match event.get("type"):
            case "content_block_start":
                return self._block_start(event["content_block"])
            case "content_block_stop":
                return self._calls.stop()
            case "message_start":
                return self._message_start(event["message"])
            case "message_delta":
                return self._message_delta(event)
            case "message_stop" if self._in_message:
                raise self._broken()
            case "error":
                error = event["error"]
                raise self._error(Failure(str(error.get("message") or ""), error_type=str(error.get("type") or "")))
            case _:
                return []

    def _block_start(self, block: JsonObject) -> list[Event]:
        match block.get("type"):
            case "tool_use":
                self._note_first()
                return self._calls.start(block)
            case "redacted_thinking":
                self._note_first()
                return [ThoughtEnded(redacted=str(block["data"]))]
            case _:
                return []

    def _delta(self, delta: JsonObject) -> list[Event]:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._text(delta["text"])
        match kind:
            case "thinking_delta":
                return self._thought(delta["thinking"])
            case "input_json_delta":
                events = self._calls.piece(delta["partial_json"])
                self._size += len(delta["partial_json"])
                return events
            case "signature_delta":
                return [ThoughtEnded(str(delta["signature"]))]
            case _:
                return []

    def _text(self, text: Any) -> list[Event]:
        if type(text) is not str:
            raise TypeError
        if not text:
            return []
        self._size += len(text)
        if not self._in_message:
            self._note_first()
        if self._text_ended or not self._text_sent:
            if self._text_sent:
                text = f"\n\n{text}"
            self._text_sent = self._text_sent or not text.isspace()
            self._text_ended = False
        return [TextDelta(text)]

    def _thought(self, text: Any) -> list[Event]:
        if not isinstance(text, str):
            raise TypeError
        if not text:
            return []
        self._size += len(text)
        if not self._in_message:
            self._note_first()
        return [ThinkingDelta(text)] if self._show_thinking else []

    def _note_first(self) -> None:
        if not self._started:
            raise BackendFailed("the CLI sent a delta before its message began", should_retry=False)
        self._in_message = True
        self._tally.begin()

    def _message_start(self, message: JsonObject) -> list[Event]:
        if self._in_message:
            raise self._broken()
        self._model = str(message.get("model"))
        self._tally.count(message.get("usage"))
        self._said.clear()
        if self._started:
            return []
        self._started = True
        return [Started(self._model)]

    def _message_delta(self, event: JsonObject) -> list[Event]:
        self._tally.count(event.get("usage"))
        reason = event["delta"].get("stop_reason")
        if reason is None:
            return []
        if not self._started:
            raise BackendFailed("the CLI ended a message that never began", should_retry=False)
        if reason == "tool_use" and self._calls.only_used:
            self._go_on()
            return []
        events: list[Event] = []
        finish = _REASONS.get(reason, "stop")
        if finish == "stop" and (self._calls.complete or self._calls.broken):
            finish = "tool_calls"
            if self._calls.broken:
                self.goes_on = not self._one_request
                raise self._calls.error()
        if finish == "refusal":
            details = event["delta"].get("stop_details")
            explanation = self._refusal or (details.get("explanation") if isinstance(details, dict) else None)
            text = f"{REFUSAL_TEXT} {explanation}" if explanation else REFUSAL_TEXT
            events.append(TextDelta(f"\n\n{text}" if self._text_sent else text))
        self.ended, self._reason = True, finish
        # After these the CLI answers calls of unknown tools itself, and asks again when there was no text; after a
        # refusal it was told not to.
        unfinished = not self._one_request and finish == "stop" and (reason in _UNFINISHED or not self._text_sent)
        unanswered = not self._one_request and finish == "tool_calls" and not self._calls.known
        self.goes_on = finish == "length" or unfinished or unanswered
        stop = event["delta"].get("stop_sequence") if reason == "stop_sequence" else None
        events.append(Finished(finish, self._tally.usage, self._tally.timings, stop))
        return events

    def _go_on(self) -> None:
        """The CLI runs its own tools, and asks the API again."""
        if len(self.used) > _MOST_USES:
            text = f"the model used tools more than {_MOST_USES} times without coming to an answer"
            raise BackendFailed(text, should_retry=False)
        self._tally.next_message()
        self._size = 0
        self._in_message, self._text_ended = False, self._text_sent
        self._calls.next_message()

    def _check_tools(self, offered: frozenset[str]) -> None:
        """Raise unless the model gets to see the tools that it should see, and no others."""
        declared = {} if self._one_request else self._tools
        lost = [name for api, name in declared.items() if api not in offered] + sorted(self._builtin - offered)
        if lost:
            text = f"the Claude CLI did not take these tools: {', '.join(lost):.500}"
            raise BackendFailed(text, should_retry=False)
        if added := sorted(offered - declared.keys() - self._builtin):
            text = f"the Claude CLI offers tools that it should not: {', '.join(added):.500}"
            raise BackendFailed(text, should_retry=False)

    def _error(self, failure: Failure) -> ServerError:
        return error_from(failure, retry_delay=self._retry_delay, now=self._clock.time())

    def _broken(self) -> ServerError:
        return UpstreamFailed("the API's stream broke after a part of the answer", should_retry=False)
