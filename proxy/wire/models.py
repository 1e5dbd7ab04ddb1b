"""What is said about models: /api/tags, /api/show, /api/ps, /api/version and /v1/models."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from proxy.core.listing import Listing
from proxy.core.names import Name
from proxy.core.request import Message, Text
from proxy.core.traits import Traits
from proxy.wire.jsontext import dump
from proxy.wire.modelfile import Modelfile, parameter_lines
from proxy.wire.names import check_name
from proxy.wire.ollama.requests import OllamaShow

FAMILY = "claude"
LICENSE = (
    "Answers come from Anthropic's Claude service, through the official Claude CLI and the account that the operator "
    "of this server uses. Anthropic's terms apply: https://www.anthropic.com/legal"
)
SIMULATED_LICENSE = (
    "SIMULATED: answers are made up by a simulator on the machine of this server. No Claude model is asked and nothing "
    "is sent to Anthropic."
)

_COPILOT = "GitHubCopilotChat/"
# What Ollama reports for a model that never goes: 292 years on.
_FOREVER = "2319-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the catalogue knows of a model. `name` may leave out its tag; `modified_at` is aware of its zone.

    A persona has `traits`, the `base` that answers as it, and the `parent` that it was made from. The `listing` is for
    a model of another server: what that one tells of it, or of a persona's base.
    """

    name: str
    display_name: str
    backend_model: str
    context_length: int
    max_output_tokens: int
    capabilities: tuple[str, ...]
    modified_at: datetime
    simulated: bool = False
    traits: Traits = field(default_factory=Traits)
    base: str = ""
    parent: str = ""
    listing: Listing | None = None

    def __post_init__(self) -> None:
        if self.modified_at.tzinfo is None:
            raise ValueError(f"modified_at of {self.name} has no time zone")

    @property
    def parsed_name(self) -> Name:
        """The name with every part."""
        return check_name(self.name)

    @property
    def elsewhere(self) -> Listing | None:
        """What another server tells of this very model."""
        return None if self.base else self.listing


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that /api/ps shows; `expires_at` is None for one that stays forever."""

    card: ModelCard
    expires_at: datetime | None


def tags(cards: Iterable[ModelCard]) -> bytes:
    """The answer of /api/tags."""
    return dump({"models": [_tag(card) for card in _newest_first(cards)]})


def ps(loaded: Iterable[Loaded]) -> bytes:
    """The answer of /api/ps, the latest expiry first."""
    return dump({"models": [_process(each) for each in sorted(loaded, key=_expiry, reverse=True)]})


def version(number: str) -> bytes:
    """The answer of /api/version. Clients parse dotted integers and want 0.6.4 or later."""
    return dump({"version": number})


def show(card: ModelCard, asked: OllamaShow, user_agent: str = "") -> bytes:
    """The answer of /api/show. Copilot gets the name it asked for as the model's basename: it shows that to people."""
    info = _info(card) | ({"general.basename": asked.model} if user_agent.startswith(_COPILOT) else {})
    if card.elsewhere is not None:
        told = dict(card.elsewhere.document)
        times = {"capabilities": card.capabilities, "modified_at": card.modified_at.isoformat()}
        return dump(told | ({"system": asked.system} if asked.system else {}) | {"model_info": info} | times)
    document = {
        "license": "\n".join(_licenses(card)),
        "modelfile": _modelfile(card, asked),
        "parameters": parameter_lines(_parameters(card)),
        "template": _template(card),
    }
    system = asked.system or card.traits.system
    if system:
        document["system"] = system
    messages = [{"role": message.role, "content": message.text} for message in card.traits.messages]
    rest: dict[str, Any] = {
        "details": _details(card),
        **({"messages": messages} if messages else {}),
        "model_info": info,
        "capabilities": card.capabilities,
        "modified_at": card.modified_at.isoformat(),
    }
    return dump(document | rest)


def _info(card: ModelCard) -> dict[str, Any]:
    if card.listing is not None:
        return dict(card.listing.document.get("model_info", {}))
    info: dict[str, Any] = {
        "claude.cli_model": card.backend_model,
        "claude.context_length": card.context_length,
        "claude.max_output_tokens": card.max_output_tokens,
        "general.architecture": FAMILY,
        "general.basename": card.display_name,
    }
    return info | ({"claude.simulated": True} if card.simulated else {})


def v1_models(cards: Iterable[ModelCard]) -> bytes:
    """The answer of /v1/models, in the order of /api/tags. Without models its list is empty, where Ollama has null."""
    data = [_v1_model(card, card.parsed_name.display) for card in _newest_first(cards)]
    return dump({"object": "list", "data": data}) + b"\n"


def v1_model(card: ModelCard, asked: str) -> bytes:
    """The answer of /v1/models/{model}; the id is the name that was `asked` for."""
    return dump(_v1_model(card, asked)) + b"\n"


def anthropic_models(cards: Iterable[ModelCard]) -> bytes:
    """The answer of /v1/models for Anthropic's clients, in the same order; all on one page."""
    data = [_anthropic_model(card, card.parsed_name.display) for card in _newest_first(cards)]
    ids = [each["id"] for each in data] or [None]
    return dump({"data": data, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}) + b"\n"


def anthropic_model(card: ModelCard, asked: str) -> bytes:
    """The answer of /v1/models/{model} for Anthropic's clients; the id is the name that was `asked` for."""
    return dump(_anthropic_model(card, asked)) + b"\n"


def digest(card: ModelCard) -> str:
    """64 hexadecimal digits, other ones for every model and whenever what a model can do changes."""
    if card.elsewhere is not None:
        return card.elsewhere.digest
    what = (card.parsed_name.key, card.display_name, card.backend_model, card.context_length, card.max_output_tokens)
    return hashlib.sha256(dump([*what, sorted(card.capabilities), card.simulated, *layers(card.traits)])).hexdigest()


def size(card: ModelCard) -> int:
    """Bytes: of the description, which is all that lies on this machine. Clients take 0 for a fault."""
    if card.elsewhere is not None:
        return card.elsewhere.size
    return len(_modelfile(card, OllamaShow(card.name)))


def layers(traits: Traits) -> list[str]:
    """The digests of what a persona adds, in Ollama's order: template, system, licences, parameters, messages."""
    parts = [traits.template, traits.system, *traits.licenses, traits.parameters, list(map(_plain, traits.messages))]
    return [hashlib.sha256(dump(part)).hexdigest() for part in parts if part]


def _plain(message: Message) -> list[Any]:
    return [message.role, *(part.text if isinstance(part, Text) else asdict(part) for part in message.parts)]


def _newest_first(cards: Iterable[ModelCard]) -> list[ModelCard]:
    return sorted(cards, key=lambda card: int(card.modified_at.timestamp()), reverse=True)


def _expiry(loaded: Loaded) -> float:
    return math.inf if loaded.expires_at is None else loaded.expires_at.timestamp()


def _tag(card: ModelCard) -> dict[str, Any]:
    name = card.parsed_name.display
    return {
        "name": name,
        "model": name,
        "modified_at": card.modified_at.isoformat(),
        "size": size(card),
        "digest": digest(card),
        "details": _details(card) | {"context_length": card.context_length},
        "capabilities": card.capabilities,
    }


def _process(loaded: Loaded) -> dict[str, Any]:
    card, name = loaded.card, loaded.card.parsed_name.display
    return {
        "name": name,
        "model": name,
        "size": size(card),
        "digest": digest(card),
        "details": _details(card),
        "expires_at": _FOREVER if loaded.expires_at is None else loaded.expires_at.isoformat(),
        "size_vram": 0,
        "context_length": card.context_length,
    }


def _v1_model(card: ModelCard, id: str) -> dict[str, Any]:
    created = int(card.modified_at.timestamp())
    return {"id": id, "object": "model", "created": created, "owned_by": card.parsed_name.namespace}


def _anthropic_model(card: ModelCard, id: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": id,
        "display_name": card.display_name,
        "created_at": card.modified_at.isoformat(),
        "lifecycle": "active",
        "max_input_tokens": card.context_length,
        "max_tokens": card.max_output_tokens,
    }


def _details(card: ModelCard) -> dict[str, Any]:
    """All strings and none empty; `ollama run` saves a session as made from `parent_model`."""
    if card.listing is not None:
        return {**card.listing.details, **({"parent_model": card.parent} if card.parent else {})}
    return {
        "parent_model": card.parent or card.parsed_name.short,
        "format": "simulated" if card.simulated else "api",
        "family": FAMILY,
        "families": [FAMILY],
        "parameter_size": "?",
        "quantization_level": "none",
    }


def _licenses(card: ModelCard) -> tuple[str, ...]:
    """The base's first. A model that was built from a Modelfile has it among its own, too."""
    if card.listing is not None:
        first = card.listing.document.get("license", "")
    else:
        first = SIMULATED_LICENSE if card.simulated else LICENSE
    return tuple(dict.fromkeys(filter(None, (first, *card.traits.licenses))))


def _parameters(card: ModelCard) -> dict[str, Any]:
    if card.listing is not None:
        return dict(card.traits.parameters)
    return {"num_ctx": card.context_length, "num_predict": card.max_output_tokens, **card.traits.parameters}


def _template(card: ModelCard) -> str:
    """Only clients that look for `.Tools` in it read it."""
    if card.traits.template:
        return card.traits.template
    if card.listing is not None:
        return str(card.listing.document.get("template", ""))
    tools = "{{ if .Tools }}{{ .Tools }} {{ end }}" if "tools" in card.capabilities else ""
    return f"{{{{ if .System }}}}{{{{ .System }}}} {{{{ end }}}}{tools}{{{{ .Prompt }}}}"


def _modelfile(card: ModelCard, asked: OllamaShow) -> str:
    """It builds from a model that is nobody's own: so it stands for itself, whatever becomes of this one."""
    traits = card.traits
    return str(
        Modelfile(
            name=card.parsed_name.display,
            base=check_name(card.base).short if card.base else card.parsed_name.short,
            template=_template(card),
            system=asked.system or traits.system,
            parameters={**_parameters(card), **asked.options},
            licenses=_licenses(card),
            messages=traits.messages,
            note=SIMULATED_LICENSE if card.simulated and card.listing is None else "",
        )
    )
