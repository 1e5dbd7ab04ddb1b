"""Which models the server has: looked up in the background, and once more when an unknown one is asked for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import anyio
import structlog

from proxy.backends.ollama.client import Client
from proxy.backends.ollama.listings import Entry, Found, entries, found
from proxy.core.errors import ServerError

log = structlog.get_logger()

OnModels = Callable[[Sequence[Found]], None]
"""Hears which models the server has, whenever that has changed."""

_INTERVAL = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# Seconds between two looks, and after a first and after many failed ones, which double it.

_LOOK_TIMEOUT = 10.0
_PATIENCE = 3.0
# Seconds for one request, and for a client to wait for a look.

_LEAST_PAUSE = 2.0
# Seconds between two looks for the sake of clients, however many unknown names they ask for.

_AT_ONCE = 4
# Models that are asked about at the same time.


class Roster:
    """Keeps `on_models` told. What the server last had stays known while it is out of reach."""

    def __init__(self, client: Client, on_models: OnModels) -> None:
        self._client = client
        self._on_models = on_models
        self._known: dict[tuple[str, str, datetime], Found] = {}
        self._looking = anyio.Lock()
        self._looked_at = float("-inf")
        self._seen: bool | None = None

    async def run(self) -> None:
        """Look from time to time, until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            well = await self._look()
            await anyio.sleep(_INTERVAL if well else pause)
            pause = _FIRST_PAUSE if well else min(2 * pause, _LONGEST_PAUSE)

    async def look_again(self) -> bool:
        """Look now, unless somebody has just done so; whether there are other models than before."""
        before = list(self._known)
        with anyio.move_on_after(_PATIENCE):
            await self._look(unless_within=_LEAST_PAUSE)
        return list(self._known) != before

    async def _look(self, unless_within: float = 0.0) -> bool:
        """Have a look; False when the server is out of reach, or says nothing that makes sense."""
        async with self._looking:
            if anyio.current_time() - self._looked_at < unless_within:
                return bool(self._seen)
            try:
                listed = entries(await self._client.ask("GET", "/api/tags", _LOOK_TIMEOUT))
                known = await self._told_of(listed)
            except ServerError as error:
                self._note(error)
                return False
            finally:
                self._looked_at = anyio.current_time()
            self._note(None)
            if known != self._known:
                self._known = known
                self._on_models(list(known.values()))
            return True

    async def _told_of(self, listed: Sequence[Entry]) -> dict[tuple[str, str, datetime], Found]:
        """The models of the list: those that are not known yet are asked about."""
        known = {entry.mark: self._known[entry.mark] for entry in listed if entry.mark in self._known}
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def ask(entry: Entry) -> None:
            async with limiter:
                known[entry.mark] = found(entry, await self._shown(entry))

        async with anyio.create_task_group() as tasks:
            for entry in listed:
                if entry.mark not in known:
                    tasks.start_soon(ask, entry)
        return {entry.mark: known[entry.mark] for entry in listed}

    async def _shown(self, entry: Entry) -> Any:
        try:
            return await self._client.ask("POST", "/api/show", _LOOK_TIMEOUT, {"model": entry.name})
        except ServerError as error:
            log.warning("upstream_model_not_told", model=entry.name, error=error.message)
            return None

    def _note(self, error: ServerError | None) -> None:
        """Log that the server has come, or gone."""
        if error is not None and self._seen is not False:
            log.warning("upstream_lost", error=error.message)
        elif error is None and not self._seen:
            log.info("upstream_reached")
        self._seen = error is None
