"""The headers that a request needs."""

from collections.abc import Mapping

from proxy.simulator.errors import ApiError, invalid


def check_access(headers: Mapping[str, str]) -> None:
    """Refuse a request without a key or token, with one that says "invalid", or without the API's version."""
    key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    if not key.strip():
        raise ApiError(401, "x-api-key header is required")
    if "invalid" in key:
        bearer = "x-api-key" not in headers
        raise ApiError(401, "Invalid bearer token" if bearer else "invalid x-api-key")
    if "anthropic-version" not in headers:
        raise invalid("anthropic-version: header is required")
