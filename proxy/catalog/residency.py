"""Which models are loaded, and until when: Ollama's `keep_alive`. Pure; the time is given, in seconds."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class _Stay:
    keep_alive: float
    running: int = 0
    ends_at: float = math.inf


class Residency:
    """A model is loaded by its first request, and stays `keep_alive` seconds after its last one has ended.

    A request's own `keep_alive` replaces what the model has, for good; `default` is for the first one without.
    """

    def __init__(self, default: float) -> None:
        self.default = default
        self._stays: dict[str, _Stay] = {}

    def enter(self, model: str, keep_alive: float | None) -> None:
        """A request begins."""
        stay = self._stays.setdefault(model, _Stay(self.default))
        if keep_alive is not None:
            stay.keep_alive = keep_alive
        stay.running += 1

    def leave(self, model: str, now: float) -> None:
        """A request has ended."""
        stay = self._stays[model]
        stay.running -= 1
        stay.ends_at = now + stay.keep_alive

    def unload(self, model: str, now: float) -> None:
        """The model has to go, as soon as none of its requests runs."""
        if stay := self._stays.get(model):
            stay.keep_alive, stay.ends_at = 0.0, now

    def expire(self, now: float) -> list[str]:
        """The models whose stay has ended; they are loaded no more."""
        ended = [model for model, stay in self._stays.items() if not stay.running and stay.ends_at <= now]
        for model in ended:
            del self._stays[model]
        return ended

    @property
    def empty(self) -> bool:
        """Nothing is loaded."""
        return not self._stays

    def next_end(self) -> float:
        """When the next stay ends, infinite when none does."""
        return min((stay.ends_at for stay in self._stays.values() if not stay.running), default=math.inf)

    def loaded(self, now: float) -> dict[str, float]:
        """The loaded models with the seconds that they stay on; infinite for ever."""
        return {
            model: stay.keep_alive if stay.running else stay.ends_at - now
            for model, stay in self._stays.items()
            if stay.running or stay.ends_at > now
        }
