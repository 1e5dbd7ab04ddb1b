"""What is told of each route in the description of the API. A route without an entry here fails the tests.

Paths and methods come from the routes, fields of bodies from the tables that the parsers read by.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from proxy.api.access import METRICS
from proxy.api.desk import NDJSON, PLAIN_JSON, SSE
from proxy.api.health import ALIVE, HEALTH, READY
from proxy.wire import embeddings
from proxy.wire.anthropic import requests as anthropic
from proxy.wire.chat import requests as chat
from proxy.wire.fields import Struct
from proxy.wire.ollama import creation
from proxy.wire.ollama import requests as ollama
from proxy.wire.openai import completions
from proxy.wire.openai import requests as openai
from proxy.wire.responses import requests as responses

DESCRIPTION = "/openapi.json"
"""Where the description is served."""

Dialect = Literal["Ollama", "OpenAI", "Anthropic", "Chat", "Server"]
"""In whose shape the errors are; `Server` is what only this one has, with errors in Ollama's."""

BINARY = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"
ANY = "*/*"
_JSON = (PLAIN_JSON,)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a route reads beside its path and its body."""

    name: str
    place: Literal["header", "query"]
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What is told of a route, the same for all of its methods.

    `answers` are the media types by status, none for an empty body; `errors` the statuses that have the error body of
    the `dialect` (403 may come everywhere, 401 where keys are needed). `body` is the table of its fields, or the media
    type of any other. Clients of the `other` dialect get errors in that one's shape.
    """

    summary: str
    dialect: Dialect = "Ollama"
    answers: Mapping[int, Sequence[str]] = field(default_factory=lambda: {200: _JSON})
    errors: Collection[int] = ()
    body: Struct | str | None = None
    parameters: Sequence[Parameter] = ()
    other: Dialect | None = None


_LINES = {200: (PLAIN_JSON, NDJSON)}
_PAGE: Mapping[int, Sequence[str]] = {200: (HTML,), 304: ()}
_EVENTS = {200: (PLAIN_JSON, SSE)}
_STREAM = {200: (SSE,)}

_BODY = (400, 408, 413)
# Of a body that makes no sense, does not come, or is too large.
_LOOKED_UP = (*_BODY, 404)
# Of a body that names a model.
_KEPT = (*_LOOKED_UP, 500)
# Of a change that is written down.
_ASKED = (*_LOOKED_UP, 401, 402, 429, 500, 502, 503, 504, 529)
# Of a body that a model is to answer.

_VERSION = Parameter("anthropic-version", "header", "Any value: the answer has Anthropic's shape.")
_BETA = Parameter("beta", "query", "Any value: it changes nothing.")
_ETAG = Parameter("If-None-Match", "header", "The `ETag` of what the client has.")

_SEARCH = Parameter("search", "query", "Only those with this text in a message, whatever its case.")

_SERIES = (
    Parameter("range", "query", "`hour`, in steps of ten seconds, or `day`, in steps of five minutes."),
    Parameter("model", "query", "Only what asked for this model."),
    Parameter("dialect", "query", "Only what came in this dialect."),
)
_LIMIT = Parameter("limit", "query", "How many at most, up to 500.")
_CURSORS = (
    Parameter("requests", "query", "Begin after this number: the `last` of `/admin/requests`."),
    Parameter("lines", "query", "Begin after this number: the `last` of `/admin/log`."),
)

OPERATIONS: Mapping[str, Operation] = {
    "/": Operation(
        "Say that the server runs; to `Accept: application/json` also what it serves; browsers get a page",
        "Server",
        {200: (TEXT, HTML, PLAIN_JSON)},
    ),
    ALIVE: Operation("Say that the server is alive", "Server"),
    HEALTH: Operation("Say that the server is alive", "Server"),
    READY: Operation("Say whether it can answer, and what is missing", "Server", {200: _JSON, 503: _JSON}),
    DESCRIPTION: Operation("This description", "Server", {200: _JSON, 304: ()}, parameters=(_ETAG,)),
    "/dashboard": Operation("The page that shows what runs here", "Server", _PAGE, parameters=(_ETAG,)),
    "/docs": Operation("This description, to read and to try out", "Server", _PAGE, parameters=(_ETAG,)),
    "/redoc": Operation("This description, to read", "Server", _PAGE, parameters=(_ETAG,)),
    "/static/{name}": Operation("A file of a page", "Server", {200: (ANY,), 304: ()}, (404,), parameters=(_ETAG,)),
    "/api/version": Operation("The version of Ollama whose API this is"),
    "/api/tags": Operation("The models"),
    "/api/ps": Operation("The models whose conversations are kept, and until when"),
    "/api/show": Operation("One model", "Ollama", {200: _JSON}, _LOOKED_UP, ollama.SHOW),
    "/api/chat": Operation("Answer a conversation", "Ollama", _LINES, _ASKED, ollama.CHAT),
    "/api/generate": Operation("Answer a prompt", "Ollama", _LINES, _ASKED, ollama.GENERATE),
    "/api/create": Operation("Make a model", "Ollama", _LINES, _KEPT, creation.CREATE),
    "/api/copy": Operation("Copy a model", "Ollama", {200: ()}, _KEPT, creation.COPY),
    "/api/delete": Operation("Delete a model", "Ollama", {200: ()}, _KEPT, creation.DELETE),
    "/api/pull": Operation("Tell that a model is here", "Ollama", _LINES, (*_BODY, 500), creation.PULL),
    "/api/push": Operation("Refuse: there is no registry", "Ollama", _LINES, _LOOKED_UP, creation.PUSH),
    "/api/blobs/{digest}": Operation("Refuse a file: none becomes a model", "Ollama", {404: ()}, (400,), BINARY),
    "/api/me": Operation("Refuse: there is no account", "Ollama", {}, (401,)),
    "/api/signout": Operation("Refuse: there is no account", "Ollama", {}, (401,)),
    "/api/user/keys/{key}": Operation("Refuse: there is no account", "Ollama", {}, (401,)),
    "/api/status": Operation("Say that the cloud is off"),
    "/api/experimental/model-recommendations": Operation("The models that this server has of itself"),
    "/api/experimental/web_search": Operation("Refuse: there is no cloud", "Ollama", {}, _BODY, PLAIN_JSON),
    "/api/experimental/web_fetch": Operation("Refuse: there is no cloud", "Ollama", {}, _BODY, PLAIN_JSON),
    "/api/embed": Operation("Make embeddings of texts", "Ollama", {200: _JSON}, _ASKED, embeddings.EMBED),
    "/api/embeddings": Operation("Make an embedding of a text", "Ollama", {200: _JSON}, _ASKED, embeddings.EMBEDDING),
    "/v1/embeddings": Operation("Make embeddings of texts", "OpenAI", {200: _JSON}, _ASKED, embeddings.V1_EMBEDDINGS),
    "/v1/chat/completions": Operation("Answer a conversation", "OpenAI", _EVENTS, _ASKED, openai.REQUEST),
    "/v1/completions": Operation("Answer a prompt", "OpenAI", _EVENTS, _ASKED, completions.REQUEST),
    "/v1/responses": Operation("Answer a conversation of items", "OpenAI", _EVENTS, _ASKED, responses.REQUEST),
    "/v1/models": Operation("The models", "OpenAI", parameters=(_VERSION,)),
    "/v1/models/{model}": Operation("One model", "OpenAI", errors=(404,), parameters=(_VERSION,), other="Anthropic"),
    "/v1/messages": Operation("Answer a conversation", "Anthropic", _EVENTS, _ASKED, anthropic.REQUEST, (_BETA,)),
    "/chat": Operation("Answer a message in a kept chat, or a flat prompt", "Chat", _EVENTS, _ASKED, chat.CHAT),
    "/chat/stream": Operation("Answer a message in a kept chat, as events", "Chat", _STREAM, _ASKED, chat.STREAM),
    "/chat/simple": Operation("Answer a message; nothing is kept", "Chat", {200: _JSON}, _ASKED, chat.SIMPLE),
    "/chat/history": Operation("The kept chats", "Chat", errors=(400, 500), parameters=(_SEARCH,)),
    "/chat/history/{id}": Operation("One kept chat", "Chat", errors=(400, 404, 500)),
    "/chat/delete/{id}": Operation("Forget a kept chat", "Chat", errors=(400, 404, 500, 503, 504)),
    "/chat/render": Operation("Markdown as HTML that is harmless", "Chat", {200: _JSON}, _BODY, chat.RENDER),
    "/admin/keys": Operation("The keys, without their secrets; for admins", "Server"),
    "/admin/status": Operation("The daemon, its processes and its host; for admins", "Server"),
    "/admin/metrics": Operation(
        "What was counted, over an hour or a day; for admins", "Server", {200: _JSON}, (400,), parameters=_SERIES
    ),
    "/admin/requests": Operation("The last requests; for admins", "Server", {200: _JSON}, (400,), parameters=(_LIMIT,)),
    "/admin/requests/{id}": Operation("One of the last requests; for admins", "Server", {200: _JSON}, (404,)),
    "/admin/log": Operation(
        "The last lines of the log; for admins", "Server", {200: _JSON}, (400,), parameters=(_LIMIT,)
    ),
    "/admin/events": Operation(
        "What happens from now on; for admins", "Server", {200: (SSE,)}, (400, 503), parameters=_CURSORS
    ),
    METRICS: Operation("What was counted, for Prometheus; for admins", "Server", {200: (TEXT,)}),
    "/admin/usage": Operation("What was used today; for admins", "Server"),
    "/v1/messages/count_tokens": Operation(
        "Estimate the tokens of a conversation", "Anthropic", {200: _JSON}, _LOOKED_UP, anthropic.COUNT, (_BETA,)
    ),
}

_BESIDE: Mapping[str, Operation] = {
    "/chat": Operation("The page to chat on", "Server", _PAGE, parameters=(_ETAG,)),
}
# Pages at the path of something else.


def operation(method: str, path: str) -> Operation:
    """What is told of a method of a route that `OPERATIONS` has."""
    page = _BESIDE.get(path) if method in ("GET", "HEAD") else None
    return page or OPERATIONS[path]


def endpoints(table: Iterable[tuple[str, Iterable[str]]]) -> list[dict[str, str]]:
    """What a `table` of paths and their methods has, in short."""
    return [
        {"path": path, "description": operation(method, path).summary, "method": method}
        for path, methods in table
        if path in OPERATIONS
        for method in methods
        if method != "HEAD"
    ]
