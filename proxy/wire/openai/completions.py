"""/v1/completions, the older dialect: one prompt, and its continuation as text.

Faults come in Ollama's order: the body, stop strings, the model's name, whether it exists, the suffix. The model's
thinking has no place here and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.core.errors import ModelNotFound, ServerError
from proxy.core.events import Event, Finished, TextDelta, Usage
from proxy.core.reply import Reply
from proxy.core.request import ChatRequest, Message, Text
from proxy.wire.fields import Fields, Struct, anything, boolean, integer, read_body, string
from proxy.wire.jsontext import escape
from proxy.wire.names import model_not_found_text
from proxy.wire.openai.answers import DONE, FINISH_REASONS, error_body, usage_object
from proxy.wire.openai.options import ONE, SAMPLING, check_one, penalties, read_sampling
from proxy.wire.requests import Exists, any_model, check_insert, checked_model
from proxy.wire.syntax import EOF

_SWITCHES = ("echo", "logit_bias")
REQUEST = Struct(
    "openai.CompletionRequest",
    {
        "model": string,
        "name": string,
        "prompt": string,
        "suffix": string,
        "stream": boolean,
        "stream_options": Struct("openai.StreamOptions", {"include_usage": boolean}),
        **SAMPLING,
        "n": ONE,
        "best_of": ONE,
        "logprobs": integer,
        "echo": boolean,
        "logit_bias": anything,
    },
    needed=("model",),
)


@dataclass(frozen=True, slots=True)
class OpenAICompletion:
    """A body of /v1/completions. `action` "load" asks for no turn: answer it with `CompletionStream.loaded`."""

    request: ChatRequest
    stream: bool
    include_usage: bool
    action: Literal["answer", "load"]
    unsupported: tuple[str, ...]

    @property
    def model(self) -> str:
        """The model's name as the client wrote it; answers repeat it."""
        return self.request.model


def parse_completion(body: bytes, exists: Exists = any_model) -> OpenAICompletion:
    """Read a body of /v1/completions. Raises `ServerError`."""
    fields = read_body(body, REQUEST, empty=EOF)
    check_one(fields, "n")
    check_one(fields, "best_of")
    options = read_sampling(fields)
    model, known = checked_model(fields, ModelNotFound(model_not_found_text("")), exists)
    suffix: str = fields.get("suffix", "")
    check_insert(suffix, model, known)
    prompt: str = fields.get("prompt", "")
    messages = (Message("user", (Text(prompt),)),) if prompt else ()
    return OpenAICompletion(
        ChatRequest(model, messages, options=options, suffix=suffix),
        fields.get("stream", False),
        fields.get("stream_options", {}).get("include_usage", False),
        "answer" if prompt else "load",
        _unsupported(fields) if prompt else (),
    )


class CompletionStream:
    """Encodes one answer of /v1/completions. `created` is in seconds since the epoch, one for all chunks."""

    def __init__(self, id: str, created: int, model: str, *, include_usage: bool = False) -> None:
        self._include_usage = include_usage
        self._head = f'{{"id":{escape(id)},"object":"text_completion","created":{created},"choices":['
        self._model = f'"model":{escape(model)},"system_fingerprint":"fp_ollama"'
        no_usage = ',"usage":null' if include_usage else ""
        self._chunk_end = f"}}],{self._model}{no_usage}}}\n\n"
        self._delta = f'data: {self._head}{{"text":'
        self._delta_end = f',"index":0,"finish_reason":null{self._chunk_end}'

    def encode(self, events: Sequence[Event]) -> bytes:
        """The chunks for a batch of events; only text and `Finished` have any.

        After `Finished` comes ``data: [DONE]``.
        """
        delta, end = self._delta, self._delta_end
        chunks = []
        for event in events:
            if isinstance(event, TextDelta):
                chunks.append(f"{delta}{escape(event.text)}{end}")
            elif isinstance(event, Finished):
                chunks.append(self._end(event))
        return "".join(chunks).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The end of a stream that fails after its first byte; see `ChunkStream.error`."""
        return b"data: " + error_body(error).rstrip() + b"\n\n" + DONE

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        return self._whole(reply.text, FINISH_REASONS[reply.finished.reason], reply.finished.usage)

    def loaded(self, *, stream: bool) -> bytes:
        """The answer to a request without a prompt, as one object or as a whole stream."""
        answer = self._whole("", "load", Usage())
        return b"data: " + answer + b"\n" + DONE if stream else answer

    def _whole(self, text: str, reason: str, usage: Usage) -> bytes:
        choice = f'{{"text":{escape(text)},"index":0,"finish_reason":"{reason}"}}'
        return f'{self._head}{choice}],{self._model},"usage":{usage_object(usage)}}}\n'.encode("ascii")

    def _end(self, finished: Finished) -> str:
        """The chunk that says why it ended; which text is the last is not known when it is sent."""
        reason = f'{self._delta}"","index":0,"finish_reason":"{FINISH_REASONS[finished.reason]}"{self._chunk_end}'
        counts = f'data: {self._head}],{self._model},"usage":{usage_object(finished.usage)}}}\n\n'
        return f"{reason}{counts if self._include_usage else ''}{DONE.decode('ascii')}"


def _unsupported(fields: Fields) -> tuple[str, ...]:
    names = [*penalties(fields), *(name for name in _SWITCHES if fields.get(name))]
    # Zero asks for the likelihood of the tokens that were chosen.
    return (*names, "logprobs") if "logprobs" in fields else tuple(names)
