"""What is answered where no route answers, in Ollama's words, whatever the dialect."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from proxy.api.body import BadCompression
from proxy.api.desk import JSON
from proxy.api.record import record_of
from proxy.core.errors import InvalidRequest
from proxy.wire import ollama


def _not_found(_request: Request, _error: Exception) -> Response:
    return Response("404 page not found", 404, {"content-type": "text/plain"})


def _not_allowed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    methods = (error.headers or {}).get("Allow", "").split(", ")
    allowed = ", ".join(sorted(methods, key=lambda method: (method != "HEAD", method)))
    return Response("405 method not allowed", 405, {"content-type": "text/plain", "allow": allowed})


def _bad_compression(request: Request, error: Exception) -> Response:
    fault = InvalidRequest(str(error))
    record_of(request.scope).failed(fault)
    return Response(ollama.error_body(fault), fault.status, media_type=JSON)


REFUSALS: Mapping[int | type[Exception], ExceptionHandler] = {
    404: _not_found,
    405: _not_allowed,
    BadCompression: _bad_compression,
}
"""By status, or by what a handler raises."""
