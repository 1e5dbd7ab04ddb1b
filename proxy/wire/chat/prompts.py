"""The answer to a flat prompt: chunks in OpenAI's style, of text alone."""

from collections.abc import Sequence

from proxy.core.errors import ServerError
from proxy.core.events import Event, Finished, TextDelta
from proxy.core.reply import Reply
from proxy.wire.jsontext import escape
from proxy.wire.openai import error_body
from proxy.wire.openai.answers import DONE, FINISH_REASONS

_ROLE = '"role":"assistant",'


class PromptStream:
    """Encodes one answer. `created` is in seconds since the epoch; it and `id` are the same in all chunks."""

    def __init__(self, id: str, created: int, model: str) -> None:
        self._head = (
            f'data: {{"id":{escape(id)},"object":"chat.completion.chunk","created":{created},"model":{escape(model)},'
            f'"system_fingerprint":"fp_ollama","choices":[{{"index":0,"delta":{{'
        )
        self._role = _ROLE

    def encode(self, events: Sequence[Event]) -> bytes:
        """The chunks for a batch of events: one for each piece of text, and after the last ``data: [DONE]``."""
        chunks = []
        for event in events:
            if isinstance(event, TextDelta):
                chunks.append(self._chunk(f'{self._role}"content":{escape(event.text)}', "null"))
                self._role = ""
            elif isinstance(event, Finished):
                chunks.append(self._chunk("", f'"{FINISH_REASONS[event.reason]}"') + DONE.decode())
        return "".join(chunks).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The end of a stream that fails after its first byte: in OpenAI's shape, so that its clients raise."""
        return b"data: " + error_body(error).rstrip() + b"\n\n" + DONE

    def whole(self, reply: Reply) -> bytes:
        """Never asked for: this answer is always streamed."""
        raise NotImplementedError

    def _chunk(self, delta: str, reason: str) -> str:
        return f'{self._head}{delta}}},"logprobs":null,"finish_reason":{reason}}}]}}\n\n'
