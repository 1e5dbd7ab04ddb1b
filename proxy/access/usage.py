"""What each caller has used, day by day. Pure; the day is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

_DAYS = 3
# Days that are remembered: a clock that is put back finds what was counted before.


@dataclass(frozen=True, slots=True)
class Use:
    """So many requests, tokens of prompts and answers, and US dollars."""

    requests: int = 0
    tokens: int = 0
    dollars: float = 0.0

    def __add__(self, other: "Use") -> "Use":
        return Use(self.requests + other.requests, self.tokens + other.tokens, self.dollars + other.dollars)


NOTHING = Use()


class Usage:
    """Sums for each caller and day."""

    def __init__(self) -> None:
        self._days: dict[date, dict[str, Use]] = {}
        self._totals: dict[date, Use] = {}

    def add(self, day: date, caller: str, use: Use) -> None:
        """Count `use`; dollars may be negative, where too many were counted before."""
        if day not in self._days:
            self._days[day], self._totals[day] = {}, NOTHING
            for old in sorted(self._days)[:-_DAYS]:
                if old != day:
                    del self._days[old], self._totals[old]
        counts = self._days[day]
        counts[caller] = counts.get(caller, NOTHING) + use
        self._totals[day] += use

    def of(self, day: date, caller: str) -> Use:
        """What a caller has used."""
        return self._days.get(day, {}).get(caller, NOTHING)

    def total(self, day: date) -> Use:
        """What all have used."""
        return self._totals.get(day, NOTHING)

    def callers(self, day: date) -> Mapping[str, Use]:
        """All that used something."""
        return self._days.get(day, {})
