"""Paths written another way: redirected to the one that there is, as Ollama redirects them."""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_WITH_HOST = re.compile(rb"https?://([^/]+)(/.*)?", re.IGNORECASE | re.DOTALL)

_KEPT = "/%:@!$&'()*+,;=~-._"
# Of a path as it was sent all but this is encoded: browsers take a backslash for a slash, and with it two for a host.


class Paths:
    """Redirects ``//api/tags`` and ``/api/../api/tags``, whatever is there, and ``/api/tags/`` where a route of
    `routes` takes the method at the path without the slash."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = scope["raw_path"].decode("latin-1")
        clean = clean_path(sent)
        if sent.startswith("/") and clean != sent:
            await _redirect(307, clean, scope, receive, send)
        elif sent.endswith("/") and not self._exists(scope) and self._exists({**scope, "path": scope["path"][:-1]}):
            await _redirect(301 if scope["method"] == "GET" else 307, sent[:-1], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _exists(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._routes)


class Targets:
    """Takes a target that names its host, as one sends it to a proxy, for what it is: a path, and the host in place of
    the header's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if found := _WITH_HOST.match(scope["raw_path"]):
            path = found[2] or b"/"
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            named = {
                "raw_path": path,
                "path": unquote(path.decode("latin-1")),
                "headers": [(b"host", found[1]), *headers],
            }
            scope = {**scope, **named}
        await self._app(scope, receive, send)


def clean_path(path: str) -> str:
    """`path` without empty, ``.`` and ``..`` segments; it begins with one slash, and ends with one if `path` does."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{end}"


async def _redirect(status: int, path: str, scope: Scope, receive: Receive, send: Send) -> None:
    # No host in it: it leads nowhere else.
    query = scope["query_string"].decode("latin-1")
    location = quote(path, safe=_KEPT, encoding="latin-1") + (f"?{query}" if query else "")
    await Response(status_code=status, headers={"location": location})(scope, receive, send)
