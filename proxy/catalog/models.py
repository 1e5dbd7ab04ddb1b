"""The catalogue: models by the names that clients use."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from proxy.catalog.personas import Persona
from proxy.core.errors import ModelNotFound
from proxy.core.listing import Listing
from proxy.core.names import cut_source, parse_name

Key = tuple[str, str, str, str]

CLAUDE = "claude"
"""The backend of the models that are this server's own."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `name` is Ollama's, `backend_model` what its `backend`, which is a name too, is asked for; lengths are
    in tokens.

    `aliases` are other names that find it. `options` are the request options that the API takes for it, by Ollama's
    names. `thinking` is how its thinking is asked for; `thinking_off`: it can be turned off. `effort_levels` are those
    that it takes. `prefill`: it continues an assistant message that comes last. `structured_output`: the API can hold
    it to a JSON schema. `middle_system`: it takes system messages in the middle of a conversation. `builtin_tools` are
    those of the backend's own that it may use. The capability "thinking" follows from `thinking`, whatever is given.
    `persona` is set for one of the clients' own making. `as_asked`: it takes requests as they are, and none of this
    says what reaches it. `listing` is what another server tells of it.
    """

    name: str
    backend_model: str
    display_name: str
    context_length: int = 200_000
    max_output_tokens: int = 64_000
    capabilities: tuple[str, ...] = ("completion",)
    options: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = field(default=())
    thinking: Literal["adaptive", "budget", "none"] = "none"
    thinking_off: bool = False
    effort_levels: tuple[str, ...] = ()
    prefill: bool = False
    structured_output: bool = True
    middle_system: bool = False
    builtin_tools: tuple[str, ...] = ()
    persona: Persona | None = None
    backend: str = CLAUDE
    as_asked: bool = False
    listing: Listing | None = None

    def __post_init__(self) -> None:
        others = tuple(name for name in self.capabilities if name != "thinking")
        object.__setattr__(self, "capabilities", others if self.thinking == "none" else (*others, "thinking"))

    @property
    def lasting_name(self) -> str:
        """A name that means this model, whatever other ones come to be known."""
        return self.name if self.backend == CLAUDE else next(iter(self.aliases), self.name)


class Catalog:
    """The models there are. `since` is when they came to be known, which clients are shown as the time of change.

    Names of Claude's models come before those of other servers, which are then found by their server's prefix alone. A
    persona may have the name of any other model: while it is there, that name means the persona.
    """

    def __init__(self, models: Iterable[Model], since: datetime) -> None:
        self.since = since
        self._models: dict[Key, Model] = {}
        self._aliases: dict[Key, Model] = {}
        self._personas: dict[Key, Persona] = {}
        self._reported: dict[str, Model] = {}  # by what the CLI is asked for
        self._adopted: dict[str, Sequence[Model]] = {}  # by the prefix of their server
        self._foreign: dict[Key, Model] = {}  # those under the names that are left for them
        self._prefixed: dict[Key, Model] = {}
        self.configure(models)

    @property
    def models(self) -> Sequence[Model]:
        """Every model that a name finds, the configured ones first, the personas last."""
        found = (*self._models.items(), *self._foreign.items())
        others = [model for key, model in found if key not in self._personas]
        worn = (self._worn(persona) for persona in self._personas.values())
        return [*others, *(model for model in worn if model is not None)]

    @property
    def bases(self) -> Sequence[Model]:
        """Claude's models that are no personas."""
        return list(self._models.values())

    @property
    def personas(self) -> Sequence[Persona]:
        """Every persona, those whose model is not there included."""
        return list(self._personas.values())

    def find(self, name: str) -> Model:
        """The model that `name` means. Raises `ModelNotFound` with the name as it was written."""
        persona = self.persona(name)
        model = self._base(name) if persona is None else self._worn(persona)
        if model is None:
            raise ModelNotFound(f"model '{name}' not found")
        return model

    def persona(self, name: str) -> Persona | None:
        """The persona that `name` means, None if it means none."""
        key = _key(name)
        return self._personas.get(key) if key else None

    def put(self, persona: Persona) -> None:
        """Add `persona`, in place of one of the same name."""
        self._personas[persona.key] = persona

    def drop(self, persona: Persona) -> None:
        """Take `persona` out."""
        self._personas.pop(persona.key, None)

    def configure(self, models: Iterable[Model]) -> None:
        """Take `models` for the configured ones; what the CLI has reported, and the personas, stay.

        A persona whose model is gone comes back with it.
        """
        self._models, self._aliases = {}, {}
        for model in models:
            self._add(model)
        self.discover(list(self._reported.values()))

    def discover(self, reported: Iterable[Model]) -> list[Model]:
        """Add the models that the CLI reports and that are not configured; returns those that are new.

        A reported model whose `backend_model` is configured already only adds its `aliases` to that one, the first of
        several.
        """
        known: dict[str, Model] = {}
        for model in self._models.values():
            known.setdefault(model.backend_model, model)
        new = []
        for model in reported:
            self._reported[model.backend_model] = model
            same = known.get(model.backend_model)
            if same is not None:
                self._add_aliases(model.aliases, same)
            elif self._add(model):
                new.append(model)
        self._place()
        return new

    def adopt(self, prefix: str, models: Iterable[Model]) -> None:
        """Take `models` for all those that the server of that `prefix` has.

        Each is found by its name, unless a model of Claude's has it, and always by ``prefix/name``.
        """
        self._adopted[prefix] = list(models)
        self._place()

    def _place(self) -> None:
        """Give the models of other servers the names that Claude's leave them."""
        self._foreign, self._prefixed = {}, {}
        for prefix, models in self._adopted.items():
            for model in models:
                self._place_one(prefix, model)

    def _place_one(self, prefix: str, model: Model) -> None:
        key, lasting = _key(model.name), f"{prefix}/{model.name}"
        # A name with a host has no room for a prefix.
        aliases = {alias: found for alias in (lasting, *model.aliases) if (found := _key(alias)) is not None}
        name = model.name
        if key is None or key in self._models or key in self._aliases or key in self._foreign:
            key, name = _key(lasting), lasting
        if key is not None:
            placed = self._foreign[key] = replace(model, name=name, aliases=tuple(aliases))
            for found in aliases.values():
                self._prefixed.setdefault(found, placed)

    def _base(self, name: str) -> Model | None:
        key = _key(name)
        if key is None:
            return None
        return self._models.get(key) or self._aliases.get(key) or self._foreign.get(key) or self._prefixed.get(key)

    def _worn(self, persona: Persona) -> Model | None:
        """The model that answers as `persona`; None while it is not there."""
        base = self._base(persona.base)
        if base is None:
            return None
        shown = f"{persona.name} ({base.display_name})"
        return replace(base, name=persona.name, display_name=shown, aliases=(), persona=persona)

    def _add(self, model: Model) -> bool:
        key = _key(model.name)
        if key is None or key in self._models:
            return False
        self._models[key] = model
        self._add_aliases((*model.aliases, model.backend_model), model)
        return True

    def _add_aliases(self, names: Iterable[str], model: Model) -> None:
        for name in names:
            key = _key(name) or _key(valid_name(name))
            if key is not None:
                self._aliases.setdefault(key, model)


def valid_name(name: str) -> str:
    """A CLI model's spelling as a valid Ollama name: ``sonnet[1m]`` becomes ``sonnet-1m``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")


def _key(name: str) -> Key | None:
    bare, source = cut_source(name.strip())
    parsed = parse_name(bare if source == ":local" else name)
    return None if parsed is None else parsed.key
