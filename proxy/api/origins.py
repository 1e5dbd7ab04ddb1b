"""Which web pages may use the API (CORS), as Ollama decides it.

A page of an allowed origin gets headers that let it read the answer, any other one 403 and an empty body. Requests
without an origin, or whose origin is this server's own, are no business of CORS.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.api.record import record_of

DEFAULT_ORIGINS = (
    *(
        f"{scheme}://{host}{port}"
        for host in ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104 - the name of an origin
        for scheme in ("http", "https")
        for port in ("", ":*")
    ),
    *("app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*"),
)
"""Pages that were opened on this machine, and those of desktop programs."""

_PREFLIGHT = {
    "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
    "access-control-allow-headers": "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,"
    + ",".join(
        f"X-Stainless-{name}"
        for name in (
            *("Arch", "Async", "Custom-Poll-Interval", "Helper-Method", "Lang", "Os", "Package-Version"),
            *("Poll-Helper", "Retry-Count", "Runtime", "Runtime-Version", "Timeout"),
        )
    ),
    "access-control-max-age": "43200",
}
_PREFLIGHT_VARY = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")

_SHOWN = 200
# Characters of a refused origin that the log line shows.


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """Origins that may use the API: `exact` ones, what begins and ends as one of `wildcards`, or `everyone`."""

    exact: frozenset[str]
    wildcards: tuple[tuple[str, str], ...]
    everyone: bool

    def allow(self, origin: str) -> bool:
        """Whether the page of an ``Origin`` header may use the API."""
        return (
            self.everyone
            or origin in self.exact
            or any(origin.startswith(start) and origin.endswith(end) for start, end in self.wildcards)
        )


def allowed_origins(extra: Iterable[str]) -> AllowedOrigins:
    """`extra` origins in front of the default ones. One ``*`` in an origin stands for anything, alone for all."""
    listed = [origin.lower() for origin in (*extra, *DEFAULT_ORIGINS)]
    return AllowedOrigins(
        exact=frozenset(origin for origin in listed if "*" not in origin),
        wildcards=tuple((start, end) for start, star, end in (origin.partition("*") for origin in listed) if star),
        everyone="*" in listed,
    )


class Origins:
    """Refuses the pages that `allowed` does not allow, answers preflights, and lets the others read their answers."""

    def __init__(self, app: ASGIApp, allowed: AllowedOrigins) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin, host = headers.get("origin", ""), headers.get("host", "")
        if not origin or origin in (f"http://{host}", f"https://{host}"):
            await self._app(scope, receive, send)
        elif not self._allowed.allow(origin):
            record_of(scope).note(refused_origin=origin[:_SHOWN])
            await Response(status_code=403)(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            response = Response(status_code=204, headers=_PREFLIGHT)
            self._name(response.headers, origin, _PREFLIGHT_VARY)
            await response(scope, receive, send)
        else:

            async def send_readable(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._name(MutableHeaders(scope=message), origin, ("Origin",))
                await send(message)

            await self._app(scope, receive, send_readable)

    def _name(self, headers: MutableHeaders, origin: str, vary: Iterable[str]) -> None:
        """Names who may read an answer, and the request's headers that it depends on."""
        if self._allowed.everyone:
            headers["access-control-allow-origin"] = "*"
            return
        headers["access-control-allow-origin"] = origin
        for name in vary:
            headers.append("vary", name)
