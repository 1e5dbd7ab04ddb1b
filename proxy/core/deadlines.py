"""The deadlines of a turn."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `first_event`: from the asking to the acceptance, however often it is retried. `idle`: one wait for what
    answers, so that a slow client does not count. `total`: the whole turn."""

    first_event: float
    idle: float
    total: float
