"""What a backend is."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.events import Event, Usage
from proxy.core.request import Caller, ChatRequest, Options, Tool, ToolChoice


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much a model thinks in one turn. `mode` "budget" has a `budget` in tokens, "adaptive" finds its own measure.

    `effort` is the level asked of a model that has them. `shown`: the client gets to see the thinking.
    """

    mode: Literal["off", "adaptive", "budget"] = "off"
    budget: int | None = None
    effort: str | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """A JSON answer: `schema` is what it is checked against, None for any object.

    `native` is the schema to which the model's own decoder is held; with None, `instruction` asks for it in words, as
    a part of the system prompt.
    """

    schema: Mapping[str, Any] | None = None
    native: Mapping[str, Any] | None = None
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a turn runs on, in the backend's own words: what the catalogue made of a client's wishes.

    `model` is the backend's name for it. For a model that takes requests as they are, that is all: the backend reads
    the request itself. For any other, of the `options` only those are set that the model takes. `prefill`: the
    conversation may end with the assistant's words, which the model then continues. The `tools` have schemas that the
    API takes; their names are the client's. `builtin_tools` are those of the backend's own that the model may use as
    well: the backend runs them, and the client sees their use as thinking. `middle_system`: the model takes system
    messages in the middle of a conversation.
    """

    model: str
    options: Options = field(default_factory=Options)
    thinking: Thinking = field(default_factory=Thinking)
    structure: Structure | None = None
    prefill: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    builtin_tools: tuple[str, ...] = ()
    middle_system: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a backend can do at all. Without `history` earlier turns reach the model told in words; without `options`
    neither sampling nor thinking nor a format nor a choice of tools is possible, without `effort` no level of it."""

    history: bool = True
    options: bool = True
    effort: bool = True
    tools: bool = True


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn has used: tokens, and US dollars.

    A turn may tell of it more than once, as more is known: these add up. Dollars are negative where it told too many.
    """

    usage: Usage = field(default_factory=Usage)
    dollars: float = 0.0


OnSpent = Callable[[Caller, Spent], None]
"""Hears what the turns of a caller have used."""


class Turn(Protocol):
    """One answer being made. Iterate it once: batches of events that arrived together, none of them empty.

    The first event is `Started`, the last `Finished`; then the iteration ends. Raises `ServerError`.
    """

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]: ...


@runtime_checkable
class Local(Protocol):
    """What a turn may be as well: the work of a process on this machine that does nothing else meanwhile."""

    @property
    def pid(self) -> int | None: ...


def pid_of(turn: Turn) -> int | None:
    """The process that works on a turn and on nothing else, None where there is none on this machine."""
    return turn.pid if isinstance(turn, Local) else None


class Backend(Protocol):
    """Something that answers. Leaving an opened turn, however that happens, ends its work and frees its slot.

    The names of models that it is given are its own: those of a `Target`.
    """

    @property
    def abilities(self) -> Abilities:
        """What it can do; this may change while it runs."""
        ...

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        """Whether the model of `target` can be shown again what it thought before the calls that `request` ends
        with the results of: some models have to see it to go on thinking. Of `target` the model, the tools and the
        format count."""
        ...

    def open(self, request: ChatRequest, target: Target) -> AbstractAsyncContextManager[Turn]:
        """Begin a turn. Entering waits for whatever answers, and sends the request; it raises `ServerError`."""
        ...

    async def load(self, model: str, keep_alive: float | None) -> None:
        """Have `model` at hand for `keep_alive` seconds after its last turn, infinite for ever, None for the backend's
        own measure; with 0 nobody needs it any more. Nothing where models are always at hand. Raises `ServerError`."""
        ...

    def release(self, caller: Caller, model: str) -> None:
        """Let go of what is kept for a caller's conversations with `model`, if anything is."""
        ...


class Embedder(Protocol):
    """Something that makes embeddings; a backend may do both."""

    async def embed(self, request: EmbedRequest, model: str) -> Embedded:
        """The vectors that `model`, a name of its own, makes of the inputs. To be cancelled ends the work. Raises
        `ServerError`."""
        ...
