"""The ASGI application: the routes, within what every request passes on its way to them."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from proxy.access.keyring import Keyring
from proxy.api.access import Access
from proxy.api.hosts import Hosts, is_loopback
from proxy.api.middleware import RequestLog
from proxy.api.origins import Origins, allowed_origins
from proxy.api.paths import Paths, Targets
from proxy.api.peers import Peers, networks
from proxy.api.refusals import REFUSALS
from proxy.observe.observer import Observer


def make_application(
    routes: Sequence[Route],
    keyring: Keyring,
    observer: Observer,
    *,
    host: str,
    origins: Sequence[str],
    trusted_proxies: Sequence[str],
    logged: Mapping[str, object],
) -> Starlette:
    """The application of a daemon that listens on `host`; web pages of `origins` may use it, beside those of this
    machine. Every request's line in the log has the fields `logged` as well."""
    application = Starlette(
        routes=routes,
        exception_handlers=REFUSALS,
        middleware=[
            Middleware(RequestLog, fields=logged, observer=observer),
            Middleware(Targets),
            Middleware(Peers, trusted=networks(trusted_proxies)),
            Middleware(Origins, allowed=allowed_origins(origins)),
            *([Middleware(Hosts)] if is_loopback(host) else []),
            Middleware(Paths, routes=routes),
            Middleware(Access, keyring=keyring),
        ],
    )
    application.router.redirect_slashes = False  # those lead to whatever the Host header names
    return application
