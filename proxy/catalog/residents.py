"""Which models each caller has loaded, and until when: nobody sees or ends what another one keeps. Pure."""

import math
from collections.abc import Iterator, Mapping

from proxy.catalog.residency import Residency
from proxy.core.request import Caller


class Residents:
    """A `Residency` for each caller that has something loaded; `default` is theirs, in seconds."""

    def __init__(self, default: float) -> None:
        self._default = default
        self._callers: dict[Caller, Residency] = {}

    def adopt(self, default: float) -> None:
        """From now on models stay so long, when they are loaded next."""
        self._default = default
        for residency in self._callers.values():
            residency.default = default

    def enter(self, caller: Caller, model: str, keep_alive: float | None) -> None:
        """A request begins."""
        self._callers.setdefault(caller, Residency(self._default)).enter(model, keep_alive)

    def leave(self, caller: Caller, model: str, now: float) -> None:
        """A request has ended."""
        self._callers[caller].leave(model, now)

    def unload(self, caller: Caller | None, model: str, now: float) -> None:
        """The model has to go, as soon as none of the caller's requests runs; with None that of every caller."""
        for residency in self._of(caller):
            residency.unload(model, now)

    def expire(self, now: float) -> list[tuple[Caller, str]]:
        """The models whose stay has ended; they are loaded no more."""
        ended = [(caller, model) for caller, residency in self._callers.items() for model in residency.expire(now)]
        self._callers = {caller: residency for caller, residency in self._callers.items() if not residency.empty}
        return ended

    def next_end(self) -> float:
        """When the next stay ends, infinite when none does."""
        return min((residency.next_end() for residency in self._callers.values()), default=math.inf)

    def loaded(self, caller: Caller | None, now: float) -> Mapping[str, float]:
        """The models that a caller, or with None any, has loaded, with the seconds that they stay on."""
        stays: dict[str, float] = {}
        for residency in self._of(caller):
            for model, seconds in residency.loaded(now).items():
                stays[model] = max(seconds, stays.get(model, seconds))
        return stays

    def _of(self, caller: Caller | None) -> Iterator[Residency]:
        yield from (residency for each, residency in self._callers.items() if caller in (None, each))
