"""What is told of making, pulling and pushing a model: a list of steps, as lines or as the last of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.core.errors import ServerError
from proxy.core.traits import Traits
from proxy.wire.jsontext import dump
from proxy.wire.models import ModelCard, digest, layers, size
from proxy.wire.ollama.answers import error_body

Steps = Sequence[Mapping[str, Any]]

PULL_MISSING = "pull model manifest: file does not exist"
"""Ollama's words for a model that is nowhere to be had; the `ollama` command knows them."""

PULLING: Steps = ({"status": "pulling manifest"},)
PUSH_MISSING: Steps = ({"status": "retrieving manifest"}, {"status": "couldn't retrieve manifest"})
PUSHING: Steps = ({"status": "retrieving manifest"},)

_DIGITS = 12
# Of a digest, where a person reads it.


def create_steps(parent: ModelCard, traits: Traits) -> Steps:
    """A model with `traits` was made from `parent`."""
    known = set(layers(parent.traits))
    made = [(digest(parent), True), *((each, each in known) for each in layers(traits))]
    told = [f"{'using existing' if existing else 'creating new'} layer sha256:{each}" for each, existing in made]
    return [{"status": status} for status in (*told, "writing manifest", "success")]


def pull_steps(card: ModelCard) -> Steps:
    """A model was pulled that is here already."""
    name, bytes_ = digest(card), size(card)
    layer = {"status": f"pulling {name[:_DIGITS]}", "digest": f"sha256:{name}", "total": bytes_, "completed": bytes_}
    rest = ("verifying sha256 digest", "writing manifest", "success")
    return [*PULLING, layer, *({"status": status} for status in rest)]


def lines(steps: Steps, error: ServerError | None = None) -> bytes:
    """A streamed answer; an `error` is its last line."""
    end = b"" if error is None else error_body(error) + b"\n"
    return b"".join(dump(step) + b"\n" for step in steps) + end


def whole(steps: Steps) -> bytes:
    """An answer that is not streamed: how it ended."""
    return dump(steps[-1])
