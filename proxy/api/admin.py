"""The routes that tell an operator of keys and their use: to an admin key, or to somebody on this machine."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.access.keys import Key
from proxy.access.usage import Use
from proxy.api.desk import JSON, NDJSON, UNSTORED, Desk, Manners
from proxy.api.identity import identity_of, is_at_hand
from proxy.core.errors import InvalidRequest, NotLoggedIn
from proxy.core.request import Caller
from proxy.wire import ollama
from proxy.wire.jsontext import dump

_MANNERS = Manners(ollama.error_body, JSON, NDJSON, {})


class AdminRoutes:
    """Tells of keys, never of their secrets, and of what was used today."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        return self._desk.routes(_MANNERS, [("GET", "/admin/keys", self.keys), ("GET", "/admin/usage", self.usage)])

    async def keys(self, request: Request) -> Response:
        check_admin(request)
        now = datetime.now(UTC)
        keys = [_shown(key, now) for key in self._desk.engine.admission.keyring.keys]
        return Response(dump({"keys": keys}), headers=UNSTORED, media_type=JSON)

    async def usage(self, request: Request) -> Response:
        check_admin(request)
        admission = self._desk.engine.admission
        ledger, keys = admission.ledger, admission.keyring.keys
        now = ledger.now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        used = {key.id: ledger.of(key.id) for key in keys} | dict(ledger.callers())
        names = {key.id: key.name for key in keys}
        told = {
            "day": today.date().isoformat(),
            "ends_at": (today + timedelta(days=1)).isoformat(),
            "total": _used(ledger.total()) | {"max_dollars": admission.max_dollars},
            "callers": [
                {"key": id, "name": names.get(id, ""), "running": admission.running(Caller(id)), **_used(use)}
                for id, use in used.items()
            ],
        }
        return Response(dump(told), headers=UNSTORED, media_type=JSON)


def check_admin(request: Request) -> None:
    """Raise for who is neither an admin nor at hand: `NotLoggedIn` without a key, `InvalidRequest` (403) with one."""
    identity = identity_of(request.scope)
    if identity.key is not None:
        if not identity.key.admin:
            raise InvalidRequest("this API key is not an admin's", status=403, should_retry=False)
    elif not is_at_hand(request):
        text = "this is for an admin key, or for somebody on the server's own machine"
        if identity.free:
            raise InvalidRequest(text, status=403, should_retry=False)
        raise NotLoggedIn(text, fault="client", should_retry=False)


def _shown(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "expired": key.expired(now),
        "admin": key.admin,
        "models": list(key.models),
        "limits": asdict(key.limits),
    }


def _used(use: Use) -> dict[str, Any]:
    return {"requests": use.requests, "tokens": use.tokens, "dollars": round(max(0.0, use.dollars), 6)}
