"""The one place of policy: resolve the model, open a turn, drain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from proxy.catalog.models import Catalog, Model
from proxy.core.contracts import Backend, Target, Turn
from proxy.core.errors import Busy
from proxy.core.request import ChatRequest


class Engine:
    """Runs the turns of every dialect."""

    def __init__(self, catalog: Catalog, backend: Backend) -> None:
        self.catalog = catalog
        self._backend = backend
        self._running: set[anyio.CancelScope] = set()
        self._draining = False
        self._idle = anyio.Event()

    @property
    def running(self) -> int:
        """Turns that are open now."""
        return len(self._running)

    def find(self, name: str) -> Model:
        """The model that a client means by `name`. Raises `InvalidRequest` and `ModelNotFound`."""
        return self.catalog.find(name)

    @asynccontextmanager
    async def open(self, request: ChatRequest) -> AsyncIterator[Turn]:
        """A turn of `request`. Raises `ServerError`, on leaving too: `Busy` when a drain cut the turn."""
        model = self.find(request.model)
        if self._draining:
            raise Busy("the server is shutting down")
        scope = anyio.CancelScope()
        self._running.add(scope)
        try:
            with scope:
                async with self._backend.open(request, Target(model.cli_model)) as turn:
                    yield turn
        finally:
            self._left(scope)
        if scope.cancelled_caught:
            raise Busy("the server is shutting down, the answer is not complete", should_retry=False)

    def _left(self, scope: anyio.CancelScope) -> None:
        self._running.discard(scope)
        if self._draining and not self._running:
            self._idle.set()

    async def drain(self, patience: float) -> int:
        """Refuse new turns, let running ones finish for `patience` seconds, then cut them; returns how many."""
        self._draining = True
        cut = 0
        try:
            if self._running:
                with anyio.move_on_after(patience):
                    await self._idle.wait()
        finally:
            # Also when the patience is cut short.
            for scope in self._running:
                scope.cancel()
                cut += 1
        return cut
