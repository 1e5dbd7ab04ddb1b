"""The description of the API, in OpenAPI 3.1: made of the routes, `operations`, and the tables that parsers read by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.access import is_open
from proxy.api.body import ZSTD_PATHS
from proxy.api.desk import NDJSON, PLAIN_JSON, SSE, route
from proxy.api.ollama import API_VERSION
from proxy.api.operations import ANY, DESCRIPTION, HTML, OPERATIONS, TEXT, Dialect, Operation, operation
from proxy.wire.fields import Struct
from proxy.wire.jsontext import dump
from proxy.wire.shapes import Schema, body_schema

Table = Sequence[tuple[str, Sequence[str]]]
"""Paths, and the methods that each has."""

_ABOUT = (
    "Claude behind the APIs of Ollama, OpenAI and Anthropic. Bodies are read as JSON, whatever their Content-Type; "
    "names of fields match in any case, null is unset, unknown fields are ignored. Any request may get 403 without a "
    "body: the origin of its page, or the host that it names, is not allowed. An error after a stream has begun is its "
    "last event."
)
_BAD, _UNKNOWN, _REFUSED = 400, 401, 403
_OVERLOADED = 529
# A status of Anthropic's own.
_PARAMETER = re.compile(r"{(\w+)}")

_ANY_TEXT: Schema = {"type": "string"}
_ANY_OBJECT: Schema = {"type": "object"}
_CONTENTS: Mapping[str, Schema] = {
    PLAIN_JSON: _ANY_OBJECT,
    # Of no type: some take this for the shape of the whole stream, some for that of one event.
    NDJSON: {"description": "JSON objects, one a line."},
    SSE: {"description": "Server-sent events, whose data are JSON objects."},
    TEXT: _ANY_TEXT,
    HTML: _ANY_TEXT,
    ANY: {},
}


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


_SCHEMAS: Mapping[str, Schema] = {
    "OllamaError": _object(error=_ANY_TEXT),
    "ChatError": _object(error=_ANY_TEXT, success={"const": False}),
    "OpenAIError": _object(
        error=_object(message=_ANY_TEXT, type=_ANY_TEXT, param={"type": "null"}, code={"type": "null"})
    ),
    "AnthropicError": _object(
        type={"const": "error"},
        error={
            "type": "object",
            "properties": {"type": _ANY_TEXT, "message": _ANY_TEXT, "details": _ANY_OBJECT},
            "required": ["type", "message"],
        },
        request_id=_ANY_TEXT,
    ),
}
_KEYS: Mapping[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_ERRORS: Mapping[Dialect, str] = {
    "Ollama": "OllamaError",
    "OpenAI": "OpenAIError",
    "Anthropic": "AnthropicError",
    "Chat": "ChatError",
    "Server": "OllamaError",
}


class DescriptionRoutes:
    """The description of `routes`, and of its own."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._own = route("HEAD, GET", DESCRIPTION, self.describe)
        self._described = [*routes, self._own]

    def routes(self) -> list[Route]:
        """The route table."""
        return [self._own]

    async def describe(self, request: Request) -> Response:
        body = document_of(tuple((each.path, tuple(sorted(each.methods or ()))) for each in self._described))
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        headers = {"etag": tag, "cache-control": "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=PLAIN_JSON)


@cache
def document_of(table: Table) -> bytes:
    """The `description` as JSON; it is made once, however often the application is."""
    return dump(description(table))


def description(table: Table) -> dict[str, Any]:
    """The OpenAPI document of a `table` of routes; those that `OPERATIONS` does not have are left out."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "claude-ollama-server",
            "version": API_VERSION,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": _paths(table),
        "components": {"schemas": dict(_SCHEMAS), "securitySchemes": dict(_KEYS)},
        # Only where the operator has made keys; then in either way.
        "security": [{}, *({name: []} for name in _KEYS)],
    }


def _paths(table: Table) -> dict[str, dict[str, Any]]:
    described: dict[str, dict[str, Any]] = {path: {} for path, _ in table if path in OPERATIONS}
    for path, methods in table:
        if path in described:
            described[path] |= {method.lower(): _operation(path, method, operation(method, path)) for method in methods}
    return described


def _operation(path: str, method: str, operation: Operation) -> dict[str, Any]:
    words = re.findall(r"\w+", path)
    described: dict[str, Any] = {
        "operationId": "_".join((method.lower(), *words)),
        "summary": operation.summary,
        "tags": [operation.dialect],
        "responses": dict(sorted(_responses(path, method, operation))),
    }
    if parameters := list(_parameters(path, operation)):
        described["parameters"] = parameters
    if operation.body is not None and method != "HEAD":
        described["requestBody"] = _body(operation)
    return described


def _parameters(path: str, operation: Operation) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": _ANY_TEXT | {"pattern": "^[^/]+$"}}
    for each in operation.parameters:
        yield {"name": each.name, "in": each.place, "description": each.description, "schema": _ANY_TEXT}


def _body(operation: Operation) -> dict[str, Any]:
    body = operation.body
    if isinstance(body, Struct):
        return {"required": True, "content": {PLAIN_JSON: {"schema": body_schema(body)}}}
    return {"required": True, "content": {body: {}}}


def _responses(path: str, method: str, operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, types in operation.answers.items():
        yield _response(status, method, {media_type: {"schema": _CONTENTS[media_type]} for media_type in types})
    unknown = () if is_open(method, path) else (_UNKNOWN,)
    for status in {*operation.errors, _REFUSED, *unknown}:
        yield _response(status, method, {PLAIN_JSON: {"schema": _error(path, status, operation)}})


def _response(status: int, method: str, content: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
    phrase = "Overloaded" if status == _OVERLOADED else HTTPStatus(status).phrase
    return str(status), {"description": phrase, **({"content": content} if content and method != "HEAD" else {})}


def _error(path: str, status: int, operation: Operation) -> Schema:
    """The shape of an error. Every dialect tells of a cloud model, and of bad compression, in Ollama's."""
    dialects: list[Dialect | None] = [operation.dialect, operation.other]
    if status == _REFUSED or (status == _BAD and path in ZSTD_PATHS):
        dialects.append("Ollama")
    shapes = [{"$ref": f"#/components/schemas/{_ERRORS[name]}"} for name in dict.fromkeys(dialects) if name]
    return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
