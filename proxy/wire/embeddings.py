"""Bodies of /api/embed, /api/embeddings and /v1/embeddings: no Claude model makes embeddings, so each ends in an error.

What comes first is as in Ollama: the body, the input, the name, whether the model exists.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from proxy.core.errors import InvalidRequest, ModelNotFound
from proxy.wire.fields import TEXTS, Fields, Struct, anything, boolean, integer, read_body, string
from proxy.wire.gotext import quote
from proxy.wire.names import check_name, model_not_found_text
from proxy.wire.options import OPTIONS
from proxy.wire.requests import Exists
from proxy.wire.syntax import EOF

_COMMON = {"model": string, "name": string, "options": OPTIONS, "keep_alive": anything, "dimensions": integer}
EMBED = Struct("api.EmbedRequest", _COMMON | {"input": TEXTS, "truncate": boolean}, needed=("model",))
EMBEDDING = Struct("api.EmbeddingRequest", _COMMON | {"prompt": string}, needed=("model",))
V1_EMBEDDINGS = Struct(
    "openai.EmbedRequest", _COMMON | {"input": TEXTS, "encoding_format": string}, needed=("model", "input")
)

_ENCODINGS = ("", "float", "base64")


def refuse_embed(body: bytes, exists: Exists) -> NoReturn:
    """Read a body of /api/embed. Always raises `ServerError`."""
    fields = read_body(body, EMBED)
    if not _is_text(fields.get("input", "")):
        raise InvalidRequest("invalid input type")
    _refuse(_model(fields, ModelNotFound(model_not_found_text(""))), exists)


def refuse_embedding(body: bytes, exists: Exists) -> NoReturn:
    """Read a body of /api/embeddings. Always raises `ServerError`."""
    fields = read_body(body, EMBEDDING)
    _refuse(_model(fields, InvalidRequest("model is required")), exists)


def refuse_v1_embeddings(body: bytes, exists: Exists) -> NoReturn:
    """Read a body of /v1/embeddings. Always raises `ServerError`."""
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
    _refuse(_model(fields, ModelNotFound(model_not_found_text(""))), exists)


Refusal = Callable[[bytes, Exists], NoReturn]


def _is_text(value: Any) -> bool:
    return type(value) is str or (type(value) is list and all(type(each) is str for each in value))


def _model(fields: Fields, missing: InvalidRequest) -> str:
    model: str = fields.get("model") or fields.get("name") or ""
    if not model:
        raise missing
    check_name(model)
    return model


def _refuse(model: str, exists: Exists) -> NoReturn:
    try:
        exists(model)
    except ModelNotFound:
        raise ModelNotFound(f"model {quote(model)} not found, try pulling it first") from None
    raise InvalidRequest(f"{quote(model)} does not support embeddings", should_retry=False)
