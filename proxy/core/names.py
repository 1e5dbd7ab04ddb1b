"""Ollama's grammar of model names: ``[host/][namespace/]model[:tag]``, compared without regard to case."""

import re
from dataclasses import dataclass

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Name:
    """A valid model name with every part filled in, case kept."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Equal for two spellings of one model."""
        return self.host.lower(), self.namespace.lower(), self.model.lower(), self.tag.lower()

    @property
    def full(self) -> str:
        """Every part: ``registry.ollama.ai/library/sonnet:latest``."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def display(self) -> str:
        """As lists show it: always a tag, the default host and namespace left out."""
        if self.host.lower() != DEFAULT_HOST:
            return self.full
        if self.namespace.lower() != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """`display` without the implied tag."""
        return self.display.removesuffix(f":{self.tag}") if self.tag.lower() == DEFAULT_TAG else self.display


def parse_name(text: str) -> Name | None:
    """The name in `text`, None if it is not one. Blanks around it do not count."""
    rest, tag = text.strip(), DEFAULT_TAG
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    host, namespace, parts = DEFAULT_HOST, DEFAULT_NAMESPACE, rest.rsplit("/", 2)
    if len(parts) == 3:
        host = parts[0].partition("://")[2] if "://" in parts[0] else parts[0]
    if len(parts) >= 2:
        namespace = parts[-2]
    name = Name(host, namespace, parts[-1], tag)
    valid = _HOST.fullmatch(host) and _NAMESPACE.fullmatch(namespace) and _PART.fullmatch(name.model)
    return name if valid and _PART.fullmatch(tag) else None


def unsupported_text(text: str, what: str) -> str:
    """The words for what a model cannot do (``tools``, ``insert``): they name it with every part."""
    name = parse_name(text)
    return f"{name.full if name else text} does not support {what}"


def thoughtless_text(text: str) -> str:
    """The words for a model that does not think: they name it as it was asked for."""
    return f'"{text}" does not support thinking'


def cut_source(text: str) -> tuple[str, str]:
    """`text` without the suffix that says where the model runs, and that suffix."""
    head, colon, tag = text.rpartition(":")
    source = f"{colon}{tag.lower()}"
    return (head, source) if source in (":local", ":cloud") else (text, "")
