"""The pages and their files, as they lie in the package: read once, and served from memory.

A page is a file of its own in `static`; the header that they share is put where it says ``<!-- header -->``. Scripts
and styles are files too: no policy allows them within a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC = Path(__file__).parent / "static"
"""Where our own files lie."""

VENDOR = Path(__file__).parent / "vendor"
"""Where the files of others lie, each package in a folder."""

FILES = "/static/{name}"
"""Where they are served."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_OWN = "'self'"
_NONE = "'none'"

POLICY: Mapping[str, str] = {
    "default-src": _NONE,
    "script-src": _OWN,
    "style-src": _OWN,
    "img-src": _OWN,
    "connect-src": _OWN,
    "base-uri": _NONE,
    "form-action": _NONE,
    "frame-ancestors": _NONE,
    "require-trusted-types-for": "'script'",
}
"""What a page may do: load what this daemon serves, ask this daemon, and make no markup out of text."""

_VIEWER = {name: value for name, value in POLICY.items() if name != "require-trusted-types-for"} | {
    "img-src": "'self' data:"
}
_STYLING_VIEWER = _VIEWER | {"style-src": "'self' 'unsafe-inline'"}
# What the viewers of the API need besides, which show nothing but our own description: both make markup and have icons
# in their styles, Redoc writes its styles itself.

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Asked for each time, and sent when it has changed: with another version of the daemon all of it changes at once.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page at `path`, from a `file` of ours, within a content security `policy`."""

    path: str
    file: str
    policy: Mapping[str, str]


_CHAT = dict(POLICY) | {"img-src": "'self' blob:", "trusted-types": "rendered"}
# Pictures that are sent or were sent are shown, and one place may make markup: of what the daemon rendered.

PAGES: Sequence[Page] = (
    Page("/chat", "chat.html", _CHAT),
    Page("/dashboard", "dashboard.html", POLICY),
    Page("/docs", "docs.html", _VIEWER),
    Page("/redoc", "redoc.html", _STYLING_VIEWER),
)
"""Every page that there is."""


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes as they are served. `tag` is their ``ETag``."""

    body: bytes
    media_type: str
    tag: str
    headers: Mapping[str, str]

    def answer(self, request: Request) -> Response:
        """The answer to a request for it: nothing new, where the client has it."""
        headers = {**_HEADERS, **self.headers, "etag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type=self.media_type)


class PageRoutes:
    """Serves the pages, and their files."""

    def routes(self) -> list[Route]:
        """The route table."""
        return [*(Route(page.path, self.page) for page in PAGES), Route(FILES, self.file)]

    async def page(self, request: Request) -> Response:
        return pages()[request.url.path].answer(request)

    async def file(self, request: Request) -> Response:
        found = files().get(request.path_params["name"])
        if found is None:
            return Response(b'{"error":"there is no such file"}', 404, _HEADERS, "application/json")
        return found.answer(request)


@cache
def pages() -> Mapping[str, Document]:
    """The pages, by path."""
    header = (STATIC / "header.html").read_text(encoding="utf-8")
    return {page.path: _made(page, header) for page in PAGES}


@cache
def files() -> Mapping[str, Document]:
    """The files that pages load, by name."""
    found = (
        path for path in (*STATIC.iterdir(), *VENDOR.glob("*/*")) if path.suffix in _TYPES and path.suffix != ".html"
    )
    return {path.name: document(path.read_bytes(), _TYPES[path.suffix]) for path in found}


def document(body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Document:
    """What is served with these bytes."""
    return Document(body, media_type, f'"{sha256(body).hexdigest()[:16]}"', headers or {})


def _made(page: Page, header: str) -> Document:
    link = f'href="{page.path}"'
    shown = header.replace(link, f'{link} aria-current="page"')
    text = (STATIC / page.file).read_text(encoding="utf-8").replace("<!-- header -->", shown.strip())
    policy = "; ".join(f"{name} {value}" for name, value in page.policy.items())
    return document(text.encode(), _TYPES[".html"], {"content-security-policy": policy})
