"""What a client asks, whatever dialect it spoke."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
ThinkLevel = Literal["low", "medium", "high", "xhigh", "max"]
Think = bool | ThinkLevel


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, verbatim."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: `media_type` such as ``image/png``, `data` in standard base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF: `data` in standard base64, `name` as the client called it."""

    data: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The assistant's call of a tool of the client's: `name` as the client spells it, `arguments` a JSON object.

    `id` is empty where a client did not send it back; `proxy.shape.rounds` gives every call one.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the call `call_id` came to, in a user message; no parts for nothing. `error`: the tool failed.

    Where a client did not send the id, it is empty, and `name`, if any, is the tool's: `proxy.shape.rounds` finds the
    call that it answers.
    """

    call_id: str
    parts: tuple[Text | Image | Document, ...] = ()
    error: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """What the assistant thought, as the API gave it: `text` with the `signature` that proves it to be the model's own.

    `redacted` is the API's sealed form of a thought in place of both. Without a signature a thought is of no use to
    a model, and dialects leave it out.
    """

    text: str = ""
    signature: str = ""
    redacted: str = ""


Part = Text | Image | Document | Thought | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A message without parts is an empty one.

    `Thought`s and `ToolCall`s stand in the assistant's messages, `ToolResult`s in the user's.
    """

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
class Options:
    """How to sample, and when to stop. None leaves it to the model. `max_tokens` bounds the whole answer.

    The answer ends before the first of the `stop` strings, which is not part of it. `others` are those that only some
    backends have, by Ollama's names (``seed``, ``num_ctx``…) and as the client sent them.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    others: Mapping[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The answer has to be JSON: of `schema`, a JSON Schema, or any object with None."""

    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the client's: what the model may call. `schema` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model calls tools. `mode` "named" has the `name` of the tool that it has to call.

    Not `parallel`: at most one call in an answer.
    """

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model, with the whole conversation before it.

    `model` is the name as the client wrote it. `messages` hold the conversation in order, system messages where the
    client put them. `think` None leaves it to the server; `think_budget` are the tokens to think with, for models that
    take a number; `think_hidden`: the words of its thoughts are not wanted. With `truncate` the oldest turns of a
    conversation that is too long for the model are left out. `keep_alive` is how long the model stays loaded
    afterwards, in seconds, infinite for ever, None if the client left it open. `raw`: nothing that the model has of its
    own is said before it. With a `suffix` the answer is what belongs between the one user message and that.
    """

    model: str
    messages: tuple[Message, ...]
    caller: Caller = Caller()
    options: Options = Options()
    think: Think | None = None
    think_budget: int | None = None
    think_hidden: bool = False
    format: JsonFormat | None = None
    truncate: bool = True
    keep_alive: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    raw: bool = False
    suffix: str = ""
