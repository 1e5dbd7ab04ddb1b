"""The deadlines of a turn."""

from dataclasses import dataclass

from proxy.core.errors import TimedOut


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `first_event`: from the asking to the acceptance, however often it is retried. `idle`: one wait for what
    answers, so that a slow client does not count. `total`: the whole turn."""

    first_event: float
    idle: float
    total: float


def passed(name: str, seconds: float) -> TimedOut:
    """The error for the deadline of that name, and of so many seconds."""
    return TimedOut(f"the {name} deadline of {seconds:g} s has passed", should_retry=False)
