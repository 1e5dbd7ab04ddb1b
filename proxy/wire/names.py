"""The model's name in a request, and Ollama's words about it."""

from proxy.core.errors import InvalidRequest
from proxy.core.names import Name, cut_source, parse_name
from proxy.wire.gotext import quote

CLOUD_OFF = "ollama cloud is disabled: remote model is unavailable"
CLOUD_OFF_SHOW = "ollama cloud is disabled: remote model details are unavailable"


class CloudOff(InvalidRequest):
    """A model of Ollama's cloud is asked for. Every dialect tells it in Ollama's own shape."""

    default_status = 403


def check_name(text: str, *, cloud_off: str = CLOUD_OFF) -> Name:
    """The name a request asks for. Raises `InvalidRequest` for what is no name, or the name of a cloud model."""
    bare, source = cut_source(text.strip())
    _, other = cut_source(bare)
    if source and other and source != other:
        raise InvalidRequest(f"use either :local or :cloud, not both: {quote(text)}")
    if source == ":cloud" or _has_cloud_tag(bare):
        raise CloudOff(cloud_off)
    name = parse_name(bare)
    if name is None:
        raise InvalidRequest("invalid model name")
    return name


def model_not_found_text(text: str, *, full: bool = False) -> str:
    """The words for an unknown model: as it was sent, or `full` with its tag (/api/show, /v1/models)."""
    name = parse_name(text) if full else None
    return f"model '{name.display if name else text}' not found"


def _has_cloud_tag(text: str) -> bool:
    _, colon, tag = text.rpartition(":")
    return bool(colon) and tag.lower().endswith("-cloud")
