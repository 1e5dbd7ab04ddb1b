"""What a client asks, whatever dialect it spoke."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, verbatim."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: `media_type` such as ``image/png``, `data` in standard base64."""

    media_type: str
    data: str


Part = Text | Image


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A message without parts is an empty one."""

    role: Role
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        """The message's text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Conversations and processes are never shared between callers."""

    name: str = "anonymous"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model, with the whole conversation before it.

    `model` is the name as the client wrote it. `messages` hold the conversation in order, system messages where the
    client put them. `max_tokens` bounds the answer; None leaves it to the model.
    """

    model: str
    messages: tuple[Message, ...]
    caller: Caller = Caller()
    max_tokens: int | None = None
