"""Times as answers have them: UTC, RFC 3339, six fractional digits."""

from collections.abc import Callable
from datetime import UTC, datetime

# Nanoseconds since the epoch: `time.time_ns`.
Now = Callable[[], int]

_SECOND = 1_000_000_000


def stamp(at: datetime) -> str:
    """A time, such as ``2026-11-21T00:09:55.689758Z``."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class Stamps:
    """Reads `now` and writes it down; a second is formatted once."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._second = -1
        self._prefix = ""

    def next(self) -> str:
        """The time now, such as ``2026-11-21T00:09:55.689758Z``."""
        second, rest = divmod(self._now(), _SECOND)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{rest // 1000:06d}Z"
