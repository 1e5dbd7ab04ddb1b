"""Bodies of /api/create, /api/copy, /api/delete, /api/pull and /api/push, as values; digests of blobs.

Faults come in Ollama's order: the body, the model's name, what a model is to be made from. Whether that exists is
for whoever makes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.errors import InvalidRequest, ServerError
from proxy.core.names import Name
from proxy.core.request import Options
from proxy.core.traits import Traits
from proxy.wire.body import Number, Object, first_value, plain
from proxy.wire.fields import TEXTS, Fields, Struct, boolean, mapping, read_body, string
from proxy.wire.gotext import quote
from proxy.wire.jsontext import dump
from proxy.wire.names import check_name
from proxy.wire.ollama.messages import MESSAGES, conversation
from proxy.wire.options import OPTIONS, read_options

NO_FILES = "files cannot be imported: the models of this server are Claude's, name one of them in 'from'"

_DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}", re.ASCII)
# All of them change weights, and there are none here.
_IMPORTS = ("files", "adapters", "draft_files")
_QUANTIZATIONS = ("quantize", "quantization", "draft_quantize")
_KINDS = {bool: "bool", str: "string", Number: "number", list: "array", Object: "object"}


@dataclass(frozen=True, slots=True)
class OllamaCreate:
    """A body of /api/create: the model `name`, made from `source` with `traits` of its own."""

    name: Name
    source: str
    traits: Traits
    stream: bool


@dataclass(frozen=True, slots=True)
class OllamaCopy:
    """A body of /api/copy."""

    source: str
    destination: Name


@dataclass(frozen=True, slots=True)
class OllamaTransfer:
    """A body of /api/pull or /api/push."""

    model: str
    stream: bool


_NAMED = {"model": string, "name": string}
CREATE = Struct(
    "api.CreateRequest",
    _NAMED
    | {
        "from": string,
        "stream": boolean,
        "files": mapping,
        "adapters": mapping,
        "draft_files": mapping,
        "quantize": string,
        "quantization": string,
        "draft_quantize": string,
        "remote_host": string,
        "template": string,
        "license": TEXTS,
        "system": string,
        "parameters": OPTIONS,
        "messages": MESSAGES,
    },
    needed=("model", "from"),
)
COPY = Struct("api.CopyRequest", {"source": string, "destination": string}, needed=("source", "destination"))
DELETE = Struct("api.DeleteRequest", _NAMED, needed=("model",))
_TRANSFER = _NAMED | {"insecure": boolean, "username": string, "password": string, "stream": boolean}
PULL = Struct("api.PullRequest", _TRANSFER, needed=("model",))
PUSH = Struct("api.PushRequest", _TRANSFER, needed=("model",))


def parse_create(body: bytes) -> OllamaCreate:
    """Read a body of /api/create. Raises `ServerError` with Ollama's status and text."""
    fields = read_body(body, CREATE)
    name = check_name(_model(fields))
    if any(fields.get(key) for key in _IMPORTS):
        raise InvalidRequest(NO_FILES)
    source: str = fields.get("from", "")
    if not source and "files" in fields:
        raise InvalidRequest("unknown type")
    if not source:
        raise InvalidRequest("neither 'from' or 'files' was specified")
    check_name(source)
    if any(fields.get(key) for key in _QUANTIZATIONS):
        raise InvalidRequest("the models of this server cannot be quantized: they are Claude's")
    if fields.get("remote_host"):
        raise InvalidRequest("the models of another server cannot be used: leave out 'remote_host'")
    return OllamaCreate(name, source, _traits(fields), fields.get("stream", True))


def parse_copy(body: bytes) -> OllamaCopy:
    """Read a body of /api/copy. Raises `InvalidRequest`."""
    fields = read_body(body, COPY)
    source: str = fields.get("source", "")
    destination: str = fields.get("destination", "")
    _checked(source, f"source {quote(source)} is invalid")
    return OllamaCopy(source, _checked(destination, f"destination {quote(destination)} is invalid"))


def parse_delete(body: bytes) -> str:
    """The model's name in a body of /api/delete. Raises `InvalidRequest`."""
    name = _model(read_body(body, DELETE))
    if not name:
        raise InvalidRequest("model is required")
    _checked(name, f"name {quote(name)} is invalid")
    return name


def parse_pull(body: bytes) -> OllamaTransfer:
    """Read a body of /api/pull. Raises `InvalidRequest`."""
    fields = read_body(body, PULL)
    check_name(_model(fields))
    return OllamaTransfer(_model(fields), fields.get("stream", True))


def parse_push(body: bytes) -> OllamaTransfer:
    """Read a body of /api/push. Raises `InvalidRequest`."""
    fields = read_body(body, PUSH)
    if not _model(fields):
        raise InvalidRequest("model is required")
    check_name(_model(fields))
    return OllamaTransfer(_model(fields), fields.get("stream", True))


def check_digest(digest: str) -> None:
    """Check the digest of a blob. Raises `InvalidRequest`."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidRequest("invalid digest format")


def read_parameters(parameters: Mapping[str, Any]) -> Options:
    """What a model's parameters mean: the same as a request's options. Raises `ServerError` for one of a wrong type."""
    return read_options(dict(first_value(dump(dict(parameters)))))


def _model(fields: Fields) -> str:
    return fields.get("model") or fields.get("name") or ""


def _checked(text: str, complaint: str) -> Name:
    try:
        return check_name(text)
    except InvalidRequest:
        raise InvalidRequest(complaint) from None


def _traits(fields: Fields) -> Traits:
    turns: list[Fields] = fields.get("messages", [])
    if any(turn.get("tool_calls") or turn.get("role", "").lower() == "tool" for turn in turns):
        raise InvalidRequest("the messages of a model can have texts, pictures and PDFs, no calls of tools")
    return Traits(
        system=fields.get("system", ""),
        template=fields.get("template", ""),
        parameters={name: plain(value) for name, value in fields.get("parameters", {}).items() if value is not None},
        messages=conversation(turns),
        licenses=_licenses(fields.get("license")),
    )


def _licenses(value: Any) -> tuple[str, ...]:
    """A string or a list of them; in Ollama anything else is its own fault (500)."""
    values = value if type(value) is list else [value]
    wanted = "string" if type(value) is list else "[]string"
    for each in values:
        if each is not None and type(each) is not str:
            text = f"json: cannot unmarshal {_KINDS[type(each)]} into Go value of type {wanted}"
            raise ServerError(text, fault="client", should_retry=False)
    return tuple(each for each in values if each)
