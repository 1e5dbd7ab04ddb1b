"""The API's errors: `{"type": "error", "error": {"type": ..., "message": ...}, "request_id": ...}`."""

from collections.abc import Mapping

import orjson

ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
ERROR_TEXTS: Mapping[str, str] = {
    "invalid_request_error": "Error",
    "authentication_error": "invalid x-api-key",
    "billing_error": "Your credit balance is too low to access the Anthropic API.",
    "permission_error": "Your API key does not have permission to use the specified resource.",
    "not_found_error": "Not found",
    "request_too_large": "Request exceeds the maximum size",
    "rate_limit_error": "This request would exceed your account's rate limit. Please try again later.",
    "api_error": "Internal server error",
    "timeout_error": "Request timed out",
    "overloaded_error": "Overloaded",
}
STATUS_OF_TYPE: Mapping[str, int] = {"api_error": 500} | {t: s for s, t in ERROR_TYPES.items() if t != "api_error"}


class ApiError(Exception):
    """The API's refusal of a request: `status`, the error's `kind`, its text, and headers beyond the usual."""

    def __init__(self, status: int, message: str, *, kind: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind or ERROR_TYPES[status]
        self.headers: Mapping[str, str] = headers or {}


def invalid(message: str) -> ApiError:
    """A 400 with the API's `invalid_request_error`."""
    return ApiError(400, message)


def error_body(kind: str, message: str, request_id: str | None) -> bytes:
    """The JSON of an error. A stream's error event carries no request id: pass None."""
    body: dict[str, object] = {"type": "error", "error": {"type": kind, "message": message}}
    if request_id is not None:
        body["request_id"] = request_id
    return orjson.dumps(body)
