"""Who a request comes from, and from where: what the middleware found out, for the handlers."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from proxy.access.keys import Identity

_IDENTITY = "claude_ollama.identity"
_PEER = "claude_ollama.peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection: the client's `address`, as far as it is known, empty if not at all.

    `at_hand`: somebody on this machine, by no proxy, and no web page but this server's own.
    """

    address: str = ""
    at_hand: bool = False


def identify(scope: MutableMapping[str, Any], identity: Identity) -> None:
    """Note who the request comes from."""
    scope[_IDENTITY] = identity


def identity_of(scope: MutableMapping[str, Any]) -> Identity:
    """Who the request comes from; anyone where nobody looked."""
    identity = scope.get(_IDENTITY, Identity())
    assert isinstance(identity, Identity)
    return identity


def locate(scope: MutableMapping[str, Any], peer: Peer) -> None:
    """Note where the request comes from."""
    scope[_PEER] = peer


def is_at_hand(request: Request) -> bool:
    """Whether somebody on this machine asks: see `Peer`."""
    peer = request.scope.get(_PEER, Peer())
    assert isinstance(peer, Peer)
    return peer.at_hand
