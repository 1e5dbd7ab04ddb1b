"""The answer to a message: one object, or server-sent events."""

from collections.abc import Callable, Sequence
from typing import Any

from proxy.core.errors import ServerError
from proxy.core.events import Event, Finished, Started, TextDelta, ThinkingDelta
from proxy.core.reply import Reply
from proxy.core.resources import Use
from proxy.wire.chat.metrics import metrics, simple_metrics
from proxy.wire.jsontext import dump, escape
from proxy.wire.openai.answers import DONE
from proxy.wire.stamps import Now, Stamps

_STATUSES = "".join(
    f'data: {{"type":"status","message":"{text}"}}\n\n'
    for text in ("Initializing request...", "Processing your request...")
)

GetUse = Callable[[], Use]
"""What was used, once the answer is complete."""


def error_body(error: ServerError) -> bytes:
    """The body of an error before the first byte."""
    return dump({"error": error.message, "success": False})


class MessageAnswer:
    """Encodes one answer to a message in the chat `chat_id`. `now` gives nanoseconds since the epoch."""

    def __init__(self, model: str, chat_id: str, now: Now, use: GetUse) -> None:
        self._model = model
        self._chat_id = chat_id
        self._stamps = Stamps(now)
        self._use = use

    def encode(self, events: Sequence[Event]) -> bytes:
        """The events for a batch of events; after the metrics comes ``data: [DONE]``."""
        told = []
        for event in events:
            if isinstance(event, TextDelta):
                told.append(f'data: {{"type":"content","content":{escape(event.text)}}}\n\n')
            elif isinstance(event, ThinkingDelta):
                told.append(f'data: {{"type":"thinking","content":{escape(event.text)}}}\n\n')
            elif isinstance(event, Started):
                told.append(_STATUSES)
            elif isinstance(event, Finished):
                told.append(_event({"type": "metrics", **self._metrics(event)}) + DONE.decode())
        return "".join(told).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The end of a stream that fails after its first byte."""
        return _event({"type": "error", "message": error.message}).encode("ascii") + DONE

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        thinking = {"thinking": reply.thinking} if reply.thinking else {}
        return dump({"response": reply.text, **thinking, **self._metrics(reply.finished)})

    def _metrics(self, finished: Finished) -> dict[str, Any]:
        return {
            "model": self._model,
            "created_at": self._stamps.next(),
            **metrics(finished, self._use()),
            "chat_id": self._chat_id,
            "success": True,
        }


class SimpleAnswer:
    """Encodes one answer of /chat/simple, which is never streamed."""

    def __init__(self, model: str, use: GetUse) -> None:
        self._model = model
        self._use = use

    def whole(self, reply: Reply) -> bytes:
        """The one object."""
        return dump({"response": reply.text, "model": self._model, **simple_metrics(reply.finished, self._use())})


def _event(value: dict[str, Any]) -> str:
    return f"data: {dump(value).decode()}\n\n"
