"""Embeddings: bodies of /api/embed, /api/embeddings and /v1/embeddings as values, and vectors as the bodies of answers.

Faults come in Ollama's order: the body, the input, the name, whether the model exists. Whether it makes embeddings is
for others to say.
"""

import struct
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.errors import InvalidRequest, ModelNotFound
from proxy.wire.durations import keep_alive
from proxy.wire.fields import TEXTS, Fields, Struct, boolean, integer, read_body, string
from proxy.wire.gotext import quote
from proxy.wire.jsontext import dump
from proxy.wire.names import check_name, model_not_found_text
from proxy.wire.options import OPTIONS, positive, read_options
from proxy.wire.requests import Exists
from proxy.wire.syntax import EOF

_COMMON = {"model": string, "name": string, "options": OPTIONS, "keep_alive": keep_alive, "dimensions": integer}
EMBED = Struct("api.EmbedRequest", _COMMON | {"input": TEXTS, "truncate": boolean}, needed=("model",))
EMBEDDING = Struct("api.EmbeddingRequest", _COMMON | {"prompt": string}, needed=("model",))
V1_EMBEDDINGS = Struct(
    "openai.EmbedRequest", _COMMON | {"input": TEXTS, "encoding_format": string}, needed=("model", "input")
)

_ENCODINGS = ("", "float", "base64")


@dataclass(frozen=True, slots=True)
class EmbedCall:
    """A body that asks for embeddings; with `base64` they are wanted packed."""

    request: EmbedRequest
    base64: bool = False


def parse_embed(body: bytes, exists: Exists) -> EmbedCall:
    """Read a body of /api/embed. No input, and an empty one, is none; an empty text in a list is one. Raises
    `ServerError`."""
    fields = read_body(body, EMBED)
    given = fields.get("input", "")
    if not _is_text(given):
        raise InvalidRequest("invalid input type")
    model = _model(fields, ModelNotFound(model_not_found_text("")), exists)
    inputs = tuple(given) if type(given) is list else tuple(filter(None, [given]))
    return EmbedCall(_request(fields, model, inputs))


def parse_embedding(body: bytes, exists: Exists) -> EmbedCall:
    """Read a body of /api/embeddings. Raises `ServerError`."""
    fields = read_body(body, EMBEDDING)
    model = _model(fields, InvalidRequest("model is required"), exists)
    return EmbedCall(_request(fields, model, tuple(filter(None, [fields.get("prompt")])), normalized=False))


def parse_v1_embeddings(body: bytes, exists: Exists) -> EmbedCall:
    """Read a body of /v1/embeddings. Raises `ServerError`."""
    fields = read_body(body, V1_EMBEDDINGS, empty=EOF)
    given = fields.get("input", [])
    if given == []:
        raise InvalidRequest("invalid input")
    if not _is_text(given):
        raise InvalidRequest("invalid input type")
    encoding: str = fields.get("encoding_format", "")
    if encoding.lower() not in _ENCODINGS:
        supported = "Supported values: ['float', 'base64']."
        raise InvalidRequest(f"Invalid value for 'encoding_format' = {encoding}. {supported}")
    model = _model(fields, ModelNotFound(model_not_found_text("")), exists)
    inputs = tuple(given) if type(given) is list else (given,)
    return EmbedCall(_request(fields, model, inputs), encoding.lower() == "base64")


def embed_body(call: EmbedCall, embedded: Embedded) -> bytes:
    """The answer of /api/embed."""
    head = dump({"model": call.request.model})[:-1] + b',"embeddings":['
    vectors = b",".join(map(_floats, embedded.vectors))
    if not embedded.vectors:
        return head + b"]}"
    counts = {
        "total_duration": embedded.total,
        "load_duration": embedded.load,
        "prompt_eval_count": embedded.tokens,
    }
    return head + vectors + b"]," + dump(counts)[1:]


def embedding_body(_call: EmbedCall, embedded: Embedded) -> bytes:
    """The answer of /api/embeddings: of one text."""
    return b'{"embedding":' + (_floats(embedded.vectors[0]) if embedded.vectors else b"[]") + b"}"


def v1_embeddings_body(call: EmbedCall, embedded: Embedded) -> bytes:
    """The answer of /v1/embeddings."""
    write = _packed if call.base64 else _floats
    data = b",".join(
        b'{"object":"embedding","embedding":' + write(vector) + b',"index":%d}' % index
        for index, vector in enumerate(embedded.vectors)
    )
    usage = dump({"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens})
    model = dump(call.request.model)
    return b'{"object":"list","data":[' + data + b'],"model":' + model + b',"usage":' + usage + b"}\n"


def _floats(vector: Sequence[float]) -> bytes:
    return orjson.dumps(vector)


def _packed(vector: Sequence[float]) -> bytes:
    """In base64, each number as a float of 32 bits, the lowest byte first."""
    return b'"' + b64encode(struct.pack(f"<{len(vector)}f", *vector)) + b'"'


def _is_text(value: Any) -> bool:
    return type(value) is str or (type(value) is list and all(type(each) is str for each in value))


def _model(fields: Fields, missing: InvalidRequest, exists: Exists) -> str:
    model: str = fields.get("model") or fields.get("name") or ""
    if not model:
        raise missing
    check_name(model)
    try:
        exists(model)
    except ModelNotFound:
        raise ModelNotFound(f"model {quote(model)} not found, try pulling it first") from None
    return model


def _request(fields: Fields, model: str, inputs: tuple[str, ...], *, normalized: bool = True) -> EmbedRequest:
    return EmbedRequest(
        model,
        inputs,
        truncate=fields.get("truncate", True),
        dimensions=positive(fields.get("dimensions")),
        normalized=normalized,
        keep_alive=fields.get("keep_alive"),
        options=read_options(fields.get("options", {})).others,
    )
