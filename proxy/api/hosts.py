"""Which names this server answers to, as Ollama decides it.

A page can have its own name resolve to this machine (DNS rebinding), and the browser then takes the server for the
page's own: no CORS. Its ``Host`` header still has that name, and gets 403 and an empty body.
"""

import re
import socket
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

import psutil
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.api.record import record_of

Kind = Literal["address", "name"]

_HOST = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::[^:\[\]]*)?")
_PRIVATE = [ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
_LOCAL_ENDINGS = (".localhost", ".local", ".internal")
# No public name ends so.

_SHOWN = 200
# Characters of a refused host that the log line shows.


def allowed_host(header: str, machine: str, addresses: Callable[[], Collection[str]]) -> Kind | None:
    """What a ``Host`` header, empty if there is none, is allowed as; None if it is not.

    `machine` is this machine's name, `addresses` its IP addresses: asked for only where they matter.
    """
    host = _host_in(header)
    address = address_in(host)
    if address is not None and (_is_local(address) or str(address) in addresses()):
        return "address"
    name = host.lower()
    if name in ("", "localhost", machine.lower()) or name.endswith(_LOCAL_ENDINGS):
        return "name"
    return None


def names_loopback(header: str) -> bool:
    """Whether a ``Host`` header names this machine in a way that no page's name can."""
    host = _host_in(header)
    address = address_in(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def own_addresses() -> set[str]:
    """The IP addresses of this machine, without zones."""
    found = (entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries)
    return {str(address) for text in found if (address := address_in(text)) is not None}


def is_loopback(host: str) -> bool:
    """Whether what listens on `host`, an address or a name, is reached from this machine alone.

    A name is looked up as it is for listening; one that is not found counts as such, the safe side.
    """
    address = address_in(host)
    if address is None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError:
            return True
        address = address_in(str(found[0][4][0]))
    return address is not None and address.is_loopback


class Hosts:
    """Refuses requests to names that are none of this machine's; to be used where it listens on loopback alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._machine = socket.gethostname()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        header = Headers(scope=scope).get("host", "")
        kind = allowed_host(header, self._machine, own_addresses)
        if kind is None:
            record_of(scope).note(refused_host=header[:_SHOWN])
            await Response(status_code=403)(scope, receive, send)
        elif kind == "name" and scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host_in(header: str) -> str:
    match = _HOST.fullmatch(header)
    return (match[1] or match[2] or "") if match else header


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """The address that is written, an IPv4 one also where it is written as IPv6; None if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified or any(address in network for network in _PRIVATE)
