"""Right after the start: a model that only the CLI knows of is waited for, whatever is asked of it."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from proxy.access.admission import Admission
from proxy.access.keyring import Keyring
from proxy.access.keys import Identity
from proxy.api.desk import Options
from proxy.api.identity import identify
from proxy.api.record import open_record
from proxy.api.routes import make_routes
from proxy.catalog.models import Catalog, Model
from proxy.core.contracts import Abilities, Target, Turn
from proxy.core.request import Caller, ChatRequest
from proxy.engine import Engine
from tests.support.keys import keep, make_key
from tests.support.running import WAIT


class Able:
    """A backend that does everything, and is asked nothing."""

    abilities = Abilities()

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        raise NotImplementedError

    def open(self, request: ChatRequest, target: Target) -> AbstractAsyncContextManager[Turn]:
        raise NotImplementedError

    async def load(self, model: str, keep_alive: float | None) -> None:
        """At hand already."""

    def release(self, caller: Caller, model: str) -> None:
        raise NotImplementedError


SAGA = Model("saga-1m", "saga[1m]", "Saga 9", aliases=("claude-saga-9",))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/show", {"model": "claude-saga-9"}, 200),
        ("GET", "/v1/models/claude-saga-9", None, 200),
        ("POST", "/api/pull", {"model": "claude-saga-9", "stream": False}, 200),
        ("POST", "/api/create", {"model": "mine", "from": "claude-saga-9", "stream": False}, 200),
        ("POST", "/api/copy", {"source": "claude-saga-9", "destination": "mine"}, 200),
        ("POST", "/api/push", {"model": "claude-saga-9", "stream": False}, 403),
        ("DELETE", "/api/delete", {"model": "claude-saga-9"}, 403),
        ("POST", "/api/embed", {"model": "claude-saga-9", "input": "x"}, 400),
        ("POST", "/api/generate", {"model": "claude-saga-9"}, 200),
    ],
)
async def test_a_model_that_the_cli_is_about_to_report_is_found(
    method: str, path: str, body: Mapping[str, Any] | None, status: int
) -> None:
    assert await asked_too_early(Admission(), Identity(), method, path, body) == status


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/api/generate", "/api/embed", "/api/show"])
async def test_a_key_may_not_use_a_model_because_it_asked_early(tmp_path: Path, path: str) -> None:
    ann = make_key("ann", models=("sonnet",))
    keyring = Keyring(keep(tmp_path, [ann]))
    keyring.load()
    body = {"model": "claude-saga-9", "input": "x", "messages": [{"role": "user", "content": "hello"}]}
    assert await asked_too_early(Admission(keyring), Identity(ann), "POST", path, body) == 403


async def asked_too_early(
    admission: Admission, identity: Identity, method: str, path: str, body: Mapping[str, Any] | None
) -> int:
    """The status of the answer to a request that came before the CLI had reported its model."""
    catalog = Catalog([], datetime.now(UTC))
    discovered = anyio.Event()
    engine = Engine(catalog, Able(), admission=admission)
    routed = Starlette(
        routes=make_routes(engine, Options(1 << 20, WAIT), cast(Any, None), discovered, chats=cast(Any, None))
    )

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        open_record(scope, uuid4().hex)
        identify(scope, identity)
        await routed(scope, receive, send)

    statuses: list[int] = []
    transport = httpx.ASGITransport(recorded)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", trust_env=False) as client:
        with anyio.fail_after(WAIT):
            async with anyio.create_task_group() as tasks:

                async def ask() -> None:
                    statuses.append((await client.request(method, path, json=body)).status_code)

                tasks.start_soon(ask)
                while not discovered.statistics().tasks_waiting:
                    await anyio.lowlevel.checkpoint()
                catalog.discover([SAGA])
                discovered.set()
    return statuses[0]
