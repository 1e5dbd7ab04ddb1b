"""What is said about models: /api/tags, /api/show, /api/ps, /api/version and /v1/models."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proxy.core.names import Name
from proxy.wire.body import written
from proxy.wire.jsontext import dump
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
_PARAMETER_WIDTH = 30


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the catalogue knows of a model. `name` may leave out its tag; `modified_at` is aware of its zone."""

    name: str
    display_name: str
    cli_model: str
    context_length: int
    max_output_tokens: int
    capabilities: tuple[str, ...]
    modified_at: datetime
    simulated: bool = False

    def __post_init__(self) -> None:
        if self.modified_at.tzinfo is None:
            raise ValueError(f"modified_at of {self.name} has no time zone")

    @property
    def parsed_name(self) -> Name:
        """The name with every part."""
        return check_name(self.name)


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
    info: dict[str, Any] = {
        "claude.cli_model": card.cli_model,
        "claude.context_length": card.context_length,
        "claude.max_output_tokens": card.max_output_tokens,
        "general.architecture": FAMILY,
        "general.basename": asked.model if user_agent.startswith(_COPILOT) else card.display_name,
    }
    if card.simulated:
        info["claude.simulated"] = True
    document = {
        "license": _license(card),
        "modelfile": _modelfile(card, asked),
        "parameters": "\n".join(f"{name:<{_PARAMETER_WIDTH}} {value}" for name, value in _parameters(card).items()),
        "template": _template(card),
    }
    if asked.system:
        document["system"] = asked.system
    rest = {
        "details": _details(card),
        "model_info": info,
        "capabilities": card.capabilities,
        "modified_at": card.modified_at.isoformat(),
    }
    return dump(document | rest)


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
    what = (card.parsed_name.key, card.display_name, card.cli_model, card.context_length, card.max_output_tokens)
    return hashlib.sha256(dump([*what, sorted(card.capabilities), card.simulated])).hexdigest()


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
        "size": _size(card),
        "digest": digest(card),
        "details": _details(card) | {"context_length": card.context_length},
        "capabilities": card.capabilities,
    }


def _process(loaded: Loaded) -> dict[str, Any]:
    card, name = loaded.card, loaded.card.parsed_name.display
    return {
        "name": name,
        "model": name,
        "size": _size(card),
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
    return {
        "parent_model": card.parsed_name.short,
        "format": "simulated" if card.simulated else "api",
        "family": FAMILY,
        "families": [FAMILY],
        "parameter_size": "?",
        "quantization_level": "none",
    }


def _size(card: ModelCard) -> int:
    """Bytes: of the description, which is all that lies on this machine. Clients take 0 for a fault."""
    return len(_modelfile(card, OllamaShow(card.name)))


def _license(card: ModelCard) -> str:
    return SIMULATED_LICENSE if card.simulated else LICENSE


def _parameters(card: ModelCard) -> dict[str, Any]:
    return {"num_ctx": card.context_length, "num_predict": card.max_output_tokens}


def _template(card: ModelCard) -> str:
    """Only clients that look for `.Tools` in it read it."""
    tools = "{{ if .Tools }}{{ .Tools }} {{ end }}" if "tools" in card.capabilities else ""
    return f"{{{{ if .System }}}}{{{{ .System }}}} {{{{ end }}}}{tools}{{{{ .Prompt }}}}"


def _modelfile(card: ModelCard, asked: OllamaShow) -> str:
    """A Modelfile that `ollama create` takes back."""
    lines = [
        '# Modelfile generated by "ollama show"',
        "# To build a new Modelfile based on this, replace FROM with:",
        f"# FROM {card.parsed_name.display}",
    ]
    if card.simulated:
        lines.append(f"# {SIMULATED_LICENSE}")
    lines += ["", f"FROM {card.parsed_name.short}", f"TEMPLATE {_quoted(_template(card))}"]
    if asked.system:
        lines.append(f"SYSTEM {_quoted(asked.system)}")
    for name, value in (_parameters(card) | asked.options).items():
        values = value if isinstance(value, list) else [value]
        lines += [f"PARAMETER {name} {_setting(each)}" for each in values if each is not None]
    return "\n".join([*lines, f"LICENSE {_quoted(_license(card))}", ""])


def _setting(value: Any) -> str:
    return _quoted(value) if type(value) is str else written(value)


def _quoted(text: str) -> str:
    """As a Modelfile needs it: bare, unless it has line breaks or blanks at its ends."""
    if text == text.strip() and "\n" not in text:
        return text
    return f'"""{text}"""' if '"' in text else f'"{text}"'
