"""What was counted, over time: a bounded number of steps of equal length, for each model and dialect."""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0),
    *(1.5, 2.5, 4.0, 6.0, 10.0, 15.0, 25.0, 40.0, 60.0, 120.0, 300.0, 600.0),
)
"""Seconds: where the steps of a histogram end; a last one has no end."""

Label = tuple[str, str]
"""A model and a dialect."""

OTHER: Label = ("other", "other")
"""What stands for the labels that came when there was no more room."""

_LABELS = 32
# The most that there are: clients name models, in any spelling.


@dataclass(slots=True)
class Histogram:
    """How many durations were how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def merge(self, other: "Histogram") -> None:
        """Count what another one has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds

    def quantile(self, share: float) -> float | None:
        """The duration that such a share of all did not exceed, as near as the steps tell; None without any."""
        wanted = share * self.count
        if not wanted:
            return None
        sums = list(accumulate(self.counts))
        step = bisect_left(sums, wanted)
        if step >= len(BOUNDS):
            return BOUNDS[-1]
        below, start = (sums[step - 1], BOUNDS[step - 1]) if step else (0, 0.0)
        return start + (BOUNDS[step] - start) * (wanted - below) / self.counts[step]


@dataclass(slots=True)
class Tally:
    """What came to be counted under one label. `errors` are by kind."""

    requests: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    first_token: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)

    def merge(self, other: "Tally") -> None:
        """Count what another one has counted."""
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.output_tokens += other.output_tokens
        self.dollars += other.dollars
        self.errors.update(other.errors)
        self.first_token.merge(other.first_token)
        self.total.merge(other.total)


def merged(tallies: Iterable[Tally]) -> Tally:
    """All of them in one."""
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole


@dataclass(slots=True)
class Step:
    """What was counted from a Unix time `at` on, for the length of a step. `levels` are the highest that were seen."""

    at: int
    tallies: dict[Label, Tally] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)

    def tally(self, label: Label) -> Tally:
        """Where to count for a label."""
        if label not in self.tallies and len(self.tallies) >= _LABELS:
            label = OTHER
        return self.tallies.setdefault(label, Tally())


class Series:
    """The last `steps`, each of `seconds`. `clock` tells the Unix time."""

    def __init__(self, seconds: int, steps: int, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self.length = steps
        self._steps: deque[Step] = deque(maxlen=steps)
        self._clock = clock

    def now(self) -> Step:
        """The step that is counted in now."""
        at = int(self._clock()) // self.seconds * self.seconds
        # A clock that was put back counts on where it was.
        if not self._steps or self._steps[-1].at < at:
            self._steps.append(Step(at))
        return self._steps[-1]

    def raise_levels(self, levels: Mapping[str, float]) -> None:
        """Take in how high things stand."""
        seen = self.now().levels
        for name, level in levels.items():
            seen[name] = max(level, seen.get(name, level))

    def steps(self) -> Iterator[Step]:
        """The steps, oldest first, with empty ones where nothing was counted, up to now."""
        end = self.now().at
        known = {step.at: step for step in self._steps}
        start = end - (self.length - 1) * self.seconds
        for at in range(max(start, min(known)), end + 1, self.seconds):
            yield known.get(at) or Step(at)
