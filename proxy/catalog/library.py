"""The making and unmaking of personas: in the catalogue at once, and on disk."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import anyio
from anyio import to_thread

from proxy.catalog.models import CLAUDE, Catalog, Model
from proxy.catalog.persona_store import PersonaStore, encode
from proxy.catalog.personas import MOST_PERSONAS, Persona, inherit
from proxy.core.errors import InvalidRequest, ServerError
from proxy.core.names import Name, parse_name
from proxy.core.traits import Traits


class Library:
    """Changes the personas of `catalog`, one at a time. Without a `store` they last as long as the process."""

    def __init__(self, catalog: Catalog, store: PersonaStore | None = None) -> None:
        self.catalog = catalog
        self._store = store
        self._changing = anyio.Lock()

    async def load(self) -> None:
        """Put into the catalogue what is on disk."""
        if self._store is not None:
            for persona in await to_thread.run_sync(self._store.load):
                self.catalog.put(persona)

    async def create(self, name: Name, source: str, own: Traits) -> Persona:
        """Make the model `name` of the model `source`, with traits of its `own`; the next request finds it.

        Raises `ModelNotFound` for the source, `InvalidRequest` for too many models or one too large, and `ServerError`
        when it cannot be kept.
        """
        async with self._changing:
            model = self.catalog.find(source)
            return await self._keep(name, model, inherit(_traits(model), own))

    async def copy(self, source: str, name: Name) -> None:
        """Make the model `name`, as `source` is; a copy to itself is nothing. Raises as `create` does."""
        async with self._changing:
            model = self.catalog.find(source)
            if _parsed(model.name).key != name.key:
                await self._keep(name, model, _traits(model), copied=True)

    async def delete(self, name: str) -> Persona:
        """Do away with a persona. Raises `ModelNotFound`, `InvalidRequest` (403) for any other model, `ServerError`."""
        async with self._changing:
            persona = self.catalog.persona(name)
            if persona is None:
                model = self.catalog.find(name)
                owner = "this server" if model.backend == CLAUDE else f"the {model.backend} server behind this one"
                raise InvalidRequest(f"model '{model.name}' belongs to {owner} and cannot be deleted", status=403)
            if self._store is not None:
                await _on_disk(partial(self._store.remove, persona))
            self.catalog.drop(persona)
            return persona

    async def _keep(self, name: Name, model: Model, traits: Traits, *, copied: bool = False) -> Persona:
        """A persona of `model`, or `copied` from it; where there is one of that name, it keeps the old spelling."""
        old = self.catalog.persona(name.full)
        if old is None and len(self.catalog.personas) >= MOST_PERSONAS:
            raise InvalidRequest(f"there are {MOST_PERSONAS} models already: delete one first")
        before = model.persona
        persona = Persona(
            name=old.name if old else name.short,
            base=before.base if before else model.lasting_name,
            parent=before.parent if before and copied else _parsed(model.name).display,
            traits=traits,
            modified_at=datetime.now(UTC).astimezone(),
        )
        data = encode(persona)  # its limits hold without a store too
        if self._store is not None:
            await _on_disk(partial(self._store.write, persona, data))
        self.catalog.put(persona)
        return persona


def _traits(model: Model) -> Traits:
    return model.persona.traits if model.persona else Traits()


def _parsed(name: str) -> Name:
    parsed = parse_name(name)
    assert parsed is not None
    return parsed


async def _on_disk(work: Callable[[], None]) -> None:
    """Do `work` beside the event loop: a disk can be slow."""
    try:
        await to_thread.run_sync(work)
    except OSError as error:
        raise ServerError(f"the models cannot be kept: {error.strerror or error}", fault="operator") from error
