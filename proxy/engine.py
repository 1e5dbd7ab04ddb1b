"""The one place of policy: resolve the model, fit the request to it, admit it, open a turn, keep loaded, drain."""

import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

import anyio

from proxy.access.admission import Admission
from proxy.catalog.fit import Fitted, fit
from proxy.catalog.library import Library
from proxy.catalog.models import CLAUDE, Catalog, Model
from proxy.catalog.passing import pass_on
from proxy.catalog.personas import ReadParameters, dress
from proxy.catalog.residents import Residents
from proxy.catalog.window import estimate
from proxy.core.contracts import Backend, Embedder, OnSpent, Spent, Turn
from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.errors import Busy, InvalidRequest, PromptTooLong
from proxy.core.events import Usage
from proxy.core.request import Caller, ChatRequest, Options, Text, Think

Place = tuple[str, str]
"""A backend's name, and what it is asked for."""

_NONE: Mapping[str, Any] = MappingProxyType({})


LookAgain = Callable[[], Awaitable[bool]]
"""Has what other servers have looked up once more; whether there may be more models now."""


async def _nowhere() -> bool:
    return False


class Engine:
    """Runs the turns of every dialect, each on the backend of its model.

    `backend` answers as Claude's models, `others` are those that models of other servers name. `embedders` make
    embeddings, by the same names. `look_again` is for a name that no model has. `default_think` is how much Claude's
    models think when a request does not say, `keep_alive` how long models stay loaded, in seconds. `unsupported`
    counts, by the clients' names, what was asked for in vain. The `library` is where personas are made,
    `read_parameters` says what theirs mean. `admission` says who may ask for what, and when; `on_spent`, else the
    admission, hears what embeddings use.
    """

    def __init__(
        self,
        catalog: Catalog,
        backend: Backend,
        *,
        others: Mapping[str, Backend] = _NONE,
        embedders: Mapping[str, Embedder] = _NONE,
        look_again: LookAgain = _nowhere,
        default_think: Think = False,
        keep_alive: float = 300.0,
        library: Library | None = None,
        read_parameters: ReadParameters = lambda _parameters: Options(),
        admission: Admission | None = None,
        on_spent: OnSpent | None = None,
    ) -> None:
        self.catalog = catalog
        self.library = library or Library(catalog)
        self.admission = admission or Admission()
        self._on_spent = on_spent or self.admission.spent
        self.unsupported: Counter[str] = Counter()
        self.look_again = look_again
        self._backends: Mapping[str, Backend] = {CLAUDE: backend, **others}
        self._embedders = embedders
        self._default_think = default_think
        self._read_parameters = read_parameters
        self._residency = Residents(keep_alive)
        self._served_by: dict[tuple[Caller, str], Place] = {}  # where each model in the residency runs
        self._residency_changed = anyio.Event()
        self._running: set[anyio.CancelScope] = set()
        self._begun = 0
        self._draining = False
        self._idle = anyio.Event()

    @property
    def running(self) -> int:
        """What runs now: turns, embeddings, models that are being loaded."""
        return len(self._running)

    @property
    def begun(self) -> int:
        """What has run since the start, as `running` counts it."""
        return self._begun

    @property
    def draining(self) -> bool:
        """No turn begins any more."""
        return self._draining

    def adopt(self, *, default_think: Think, keep_alive: float) -> None:
        """From now on models think so much when a request does not say, and when loaded next stay so long."""
        self._default_think = default_think
        self._residency.adopt(keep_alive)

    def find(self, name: str) -> Model:
        """The model that a client means by `name`. Raises `InvalidRequest` and `ModelNotFound`."""
        return self.catalog.find(name)

    def permitted(self, name: str, caller: Caller) -> Model:
        """As `find`, for a caller. Raises `InvalidRequest` (403) too, for a model that is not for them."""
        model = self.find(name)
        self.admission.permit(caller, model.name)
        return model

    def fit(self, request: ChatRequest) -> Fitted:
        """What becomes of `request` on its model. Raises `ServerError` for what the model cannot do at all."""
        model = self.permitted(request.model, request.caller)
        if "completion" not in model.capabilities:
            raise InvalidRequest(f'"{request.model}" does not support chat', should_retry=False)
        request, backend = self.dressed(request), self._backends[model.backend]
        if model.as_asked:
            return pass_on(request, model)
        return fit(
            request,
            model,
            self._default_think,
            backend.abilities,
            partial(backend.recalls, request),
        )

    def dressed(self, request: ChatRequest) -> ChatRequest:
        """`request` with what its model adds to it, if that is a persona. Raises `ServerError`."""
        persona = self.find(request.model).persona
        if persona is None:
            return request
        traits = persona.traits
        return dress(request, traits, self._read_parameters(traits.parameters))

    @asynccontextmanager
    async def open(self, fitted: Fitted) -> AsyncIterator[Turn]:
        """A turn of a fitted request. Raises `ServerError`: `LimitReached` for what the caller has used up; on leaving
        too, `Busy` when a drain cut the turn."""
        if self._draining:
            raise Busy("the server is shutting down")
        request, caller = fitted.request, fitted.request.caller
        model = self.permitted(request.model, caller)
        with self.admission.admitted(caller, lambda: fitted.tokens):
            async with self._admitted(fitted, model) as turn:
                yield turn

    @asynccontextmanager
    async def _admitted(self, fitted: Fitted, model: Model) -> AsyncIterator[Turn]:
        request = fitted.request
        try:
            with self._working(request.caller, model, request.keep_alive):
                async with self._backends[model.backend].open(request, fitted.target) as turn:
                    yield turn
        except PromptTooLong as error:
            raise PromptTooLong(_with_numbers(error.message, fitted.tokens, model), should_retry=False) from None

    @contextmanager
    def _working(self, caller: Caller, model: Model, keep_alive: float | None) -> Iterator[None]:
        """A request runs, the model is loaded, and a drain may cut it: then `Busy` is raised on leaving."""
        scope = anyio.CancelScope()
        self._running.add(scope)
        self._begun += 1
        self._enter(caller, model, keep_alive)
        try:
            with scope:
                yield
        finally:
            self._left(scope)
            self._residency.leave(caller, model.name, time.monotonic())
            self._unload_expired()
        if scope.cancelled_caught:
            raise Busy("the server is shutting down, the answer is not complete", should_retry=False)

    async def embed(self, request: EmbedRequest) -> Embedded:
        """The vectors of a request. Raises `ServerError`: `InvalidRequest` for a model that makes none."""
        if self._draining:
            raise Busy("the server is shutting down")
        model, caller = self.permitted(request.model, request.caller), request.caller
        embedder = self._embedders.get(model.backend)
        if embedder is None or "embedding" not in model.capabilities:
            raise InvalidRequest(f'"{request.model}" does not support embeddings', should_retry=False)
        if not request.inputs:
            return Embedded(())
        with (
            self.admission.admitted(caller, lambda: sum(map(estimate, map(Text, request.inputs)))),
            self._working(caller, model, request.keep_alive),
        ):
            embedded = await embedder.embed(request, model.backend_model)
            self._on_spent(caller, Spent(Usage(input_tokens=embedded.tokens)))
        return embedded

    async def load(
        self,
        name: str,
        keep_alive: float | None,
        caller: Caller = Caller(),  # noqa: B008 - frozen
    ) -> None:
        """Keep a model loaded as if it had just answered a caller. Raises as `permitted` and `Backend.load` do."""
        model = self.permitted(name, caller)
        with self._working(caller, model, keep_alive):
            if "completion" in model.capabilities:
                await self._backends[model.backend].load(model.backend_model, keep_alive)

    async def unload(self, name: str, caller: Caller | None = None) -> None:
        """Let go of a model and its conversations, once none of its requests runs: of a caller's, or of all.

        Raises `ModelNotFound`, and as `Backend.load` does.
        """
        model = self.find(name)
        self._residency.unload(caller, model.name, time.monotonic())
        self._unload_expired()
        wanted = self._place(model) in self._served_by.values()
        if not wanted and "completion" in model.capabilities:
            await self._backends[model.backend].load(model.backend_model, 0.0)

    def loaded(self, caller: Caller | None = None) -> Mapping[str, float]:
        """The names of the models that a caller, or anyone, has loaded, with the seconds that they stay on; infinite
        for ever."""
        known = {model.name for model in self.catalog.models}
        stays = self._residency.loaded(caller, time.monotonic())
        return {name: seconds for name, seconds in stays.items() if name in known}

    async def delete(self, name: str) -> None:
        """Do away with a persona, which is then loaded no more. Raises as `Library.delete` does."""
        persona = await self.library.delete(name)
        self._residency.unload(None, persona.name, time.monotonic())
        self._unload_expired()

    async def keep_time(self) -> None:
        """Unload models when their time has come, until cancelled."""
        while True:
            self._residency_changed = anyio.Event()
            pause = self._residency.next_end() - time.monotonic()
            with anyio.move_on_after(None if math.isinf(pause) else max(0.0, pause)):
                await self._residency_changed.wait()
            self._unload_expired()

    def _enter(self, caller: Caller, model: Model, keep_alive: float | None) -> None:
        self._residency.enter(caller, model.name, keep_alive)
        self._served_by[caller, model.name] = self._place(model)

    def _place(self, model: Model) -> Place:
        return model.backend, model.backend_model

    def _unload_expired(self) -> None:
        # The models' names are not looked up: a persona may be deleted while it is loaded.
        expired = {(place[0], self._served_by.pop(place)) for place in self._residency.expire(time.monotonic())}
        # Conversations belong to what the backend runs, and another name may stand for the same.
        for caller, (backend, model) in expired.difference(
            (caller, place) for (caller, _), place in self._served_by.items()
        ):
            if backend in self._backends:
                self._backends[backend].release(caller, model)
        self._residency_changed.set()

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


def _with_numbers(text: str, tokens: int, model: Model) -> str:
    """The words for a conversation that is too long, with how long it is, and how much fits where that is known."""
    if any(character.isdigit() for character in text):
        return text
    fits = f", {model.context_length} fit" if tokens > model.context_length else ""
    return f"{text} (about {tokens} tokens{fits})"
