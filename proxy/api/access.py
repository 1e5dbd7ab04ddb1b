"""Who may ask at all: the holders of keys, where there are keys. Pure ASGI.

A key comes as ``Authorization: Bearer`` or as ``x-api-key``. It is never logged, quoted or passed on: what goes on
from here is its id.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.access.keyring import Keyring
from proxy.access.keys import Identity
from proxy.api.desk import JSON, NDJSON, PLAIN_JSON, SSE, Manners, refusal
from proxy.api.identity import identify
from proxy.api.record import record_of
from proxy.core.errors import NotLoggedIn
from proxy.wire import anthropic, chat, ollama, openai

OPEN = frozenset({"/", "/api/version", "/health", "/healthz", "/readyz", "/openapi.json"})
"""Paths that need no key: they say that something runs here, and what it speaks."""

PAGES = frozenset({"/chat", "/dashboard", "/docs", "/redoc"})
"""Pages, which know nothing of themselves: a browser opens them without a key, and they ask with one."""

FILES = "/static/"
"""Where the files lie that pages are made of."""

ADMIN, METRICS = "/admin/", "/metrics"
"""Paths that have a rule of their own: where no key is given, their handlers decide."""

_NOBODY = Identity(free=False)

_SCHEME = "bearer "


def is_open(method: str, path: str) -> bool:
    """Whether anybody may ask for this, where there are keys as well."""
    return path in OPEN or (method in ("GET", "HEAD") and (path in PAGES or path.startswith(FILES)))


class Access:
    """Lets requests pass that have a key of the `keyring`, and every one while none is needed."""

    def __init__(self, app: ASGIApp, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._keyring.required:
            await self._app(scope, receive, send)
            return
        try:
            identity = self._identity(Headers(scope=scope), scope["method"], scope["path"])
        except NotLoggedIn as error:
            response = refusal(Request(scope), error, _manners(scope))
            response.headers["www-authenticate"] = "Bearer"
            await response(scope, receive, send)
            return
        identify(scope, identity)
        if identity.key is not None:
            record_of(scope).note(key=identity.key.id)
        await self._app(scope, receive, send)

    def _identity(self, headers: Headers, method: str, path: str) -> Identity:
        """Who asks. Raises `NotLoggedIn`."""
        secrets = given_secrets(headers)
        if is_open(method, path) or ((path.startswith(ADMIN) or path == METRICS) and not secrets):
            # A stale key must not make a daemon look dead.
            key = self._keyring.holder(secrets[0]) if len(secrets) == 1 else None
            return Identity(key) if key and not key.expired(datetime.now(UTC)) else _NOBODY
        if not secrets:
            raise _denied("an API key is needed: send it as Authorization: Bearer, or as x-api-key")
        if len(secrets) > 1:
            raise _denied("the request has more than one API key")
        key = self._keyring.holder(secrets[0])
        if key is None:
            raise _denied("the API key is not valid")
        if key.expired(datetime.now(UTC)):
            raise _denied("the API key has expired")
        return Identity(key)


def given_secrets(headers: Headers) -> Sequence[str]:
    """The different secrets that a request has; an empty one is none, nor is what has another scheme than Bearer."""
    schemes = (value.strip() for value in headers.getlist("authorization"))
    bearers = (value[len(_SCHEME) :] for value in schemes if value[: len(_SCHEME)].lower() == _SCHEME)
    given = (value.strip() for value in (*bearers, *headers.getlist("x-api-key")))
    return list(dict.fromkeys(secret for secret in given if secret))


def _manners(scope: Scope) -> Manners:
    """How the dialect of a path tells of errors."""
    path = scope["path"]
    if path == "/chat" or path.startswith("/chat/"):
        return Manners(chat.error_body, PLAIN_JSON, SSE, {})
    if not path.startswith("/v1/"):
        return Manners(ollama.error_body, JSON, NDJSON, {})
    if path.startswith("/v1/messages") or (
        path.startswith("/v1/models") and "anthropic-version" in Headers(scope=scope)
    ):
        return Manners(anthropic.error_body, PLAIN_JSON, SSE, {})
    return Manners(openai.error_body, PLAIN_JSON, SSE, {})


def _denied(text: str) -> NotLoggedIn:
    return NotLoggedIn(text, fault="client", should_retry=False)
