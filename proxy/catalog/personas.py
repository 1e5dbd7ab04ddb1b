"""Personas: models of one's own, each a Claude model with a system prompt, parameters and messages of its own. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from proxy.core.names import Name, parse_name
from proxy.core.request import ChatRequest, Message, Options, Text
from proxy.core.traits import Traits

MOST_PERSONAS = 1000
"""How many there may be."""

ReadParameters = Callable[[Mapping[str, Any]], Options]
"""What `Traits.parameters` mean for a turn. Raises `ServerError` for one of a wrong type."""


@dataclass(frozen=True, slots=True)
class Persona:
    """A model of one's own. `name` is Ollama's, in the spelling that it was first given.

    `base` is the name of the configured or discovered model that answers, `parent` that of the model it was made from,
    as lists show it. The `traits` are all of it: those of the parent are in them. `modified_at` is aware of its zone.

    Raises ValueError for what is no name, and for a time without a zone.
    """

    name: str
    base: str
    parent: str
    traits: Traits
    modified_at: datetime

    def __post_init__(self) -> None:
        if parse_name(self.name) is None or parse_name(self.base) is None:
            raise ValueError(f"{self.name!r} or {self.base!r} is no name of a model")
        if self.modified_at.tzinfo is None:
            raise ValueError(f"modified_at of {self.name} has no time zone")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Equal for two spellings of one name."""
        name = parse_name(self.name)
        assert isinstance(name, Name)
        return name.key


def inherit(parent: Traits, own: Traits) -> Traits:
    """The traits of a model that is made from one with those of `parent`, with its `own`, by Ollama's rules.

    An empty system prompt or template is inherited; parameters are merged, a list replaces a list; messages are
    replaced as a whole, if there are any; licences are added, each once.
    """
    return Traits(
        system=own.system or parent.system,
        template=own.template or parent.template,
        parameters={**parent.parameters, **own.parameters},
        messages=own.messages or parent.messages,
        licenses=tuple(dict.fromkeys((*parent.licenses, *own.licenses))),
    )


def dress(request: ChatRequest, traits: Traits, options: Options) -> ChatRequest:
    """`request` as the model with these `traits` answers it; `options` are what its parameters come to.

    Its messages come first. Its system prompt stands before them, or that with which the request begins. What
    the request says of an option wins. A raw request, and one without messages, which only loads a model, get none.
    """
    messages = request.messages
    if messages and not request.raw:
        told = (Message("system", (Text(traits.system),)),) if traits.system else ()
        own = tuple(takewhile(lambda message: message.role == "system", messages))
        messages = (*(own or told), *traits.messages, *messages[len(own) :])
    return replace(request, messages=messages, options=_over(options, request.options))


def _over(below: Options, above: Options) -> Options:
    """`above`, with what it leaves open from `below`."""

    def first(asked: Any, otherwise: Any) -> Any:
        return otherwise if asked is None else asked

    return Options(
        temperature=first(above.temperature, below.temperature),
        top_p=first(above.top_p, below.top_p),
        top_k=first(above.top_k, below.top_k),
        stop=above.stop or below.stop,
        max_tokens=first(above.max_tokens, below.max_tokens),
        others={**below.others, **above.others},
    )
