"""Where a request comes from: the other end of the connection, or whom a trusted proxy names.

What a proxy says is believed only of those that the operator trusts: anyone can write such headers.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.api.hosts import address_in, names_loopback
from proxy.api.identity import Peer, locate
from proxy.api.record import record_of

Networks = Sequence[IPv4Network | IPv6Network]

_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
# Headers that say that a request came by a proxy.


def networks(texts: Iterable[str]) -> Networks:
    """The networks that are written, single addresses too. Raises ValueError."""
    return [ip_network(text, strict=False) for text in texts]


def client_of(peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """The address of the client behind `peer`, which is that itself unless it is a trusted proxy.

    `forwarded` are the values of ``X-Forwarded-For``. Each proxy adds whom it heard from at the end: so the last one
    that is not trusted is the client, and what stands before it anyone may have written.
    """
    client = peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while hops and _is_in(client, trusted):
        hop = address_in(hops.pop().removeprefix("[").partition("]")[0])
        if hop is None:
            break
        client = str(hop)
    return client


class Peers:
    """Notes where requests come from. Proxies of the networks `trusted` are believed."""

    def __init__(self, app: ASGIApp, trusted: Networks) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        connected = scope["client"][0] if scope.get("client") else ""
        client = client_of(connected, headers.getlist("x-forwarded-for"), self._trusted)
        if _is_in(connected, self._trusted) and headers.get("x-forwarded-proto", "").strip().lower() == "https":
            scope["scheme"] = "https"
        locate(scope, Peer(client, self._at_hand(connected, headers)))
        record_of(scope).note(client=client)
        await self._app(scope, receive, send)

    def _at_hand(self, connected: str, headers: Headers) -> bool:
        """Somebody on this machine asks, by no proxy, and no page but our own: others name their origin, or the site
        that they are, or, where a name of theirs leads here, that name."""
        address = address_in(connected)
        return (
            address is not None
            and address.is_loopback
            and not _is_in(connected, self._trusted)
            and not any(name in headers for name in _OF_PROXIES)
            and "origin" not in headers
            and headers.get("sec-fetch-site", "none") in ("none", "same-origin")
            and names_loopback(headers.get("host", ""))
        )


def _is_in(text: str, among: Networks) -> bool:
    address = address_in(text)
    return address is not None and any(address in network for network in among)
