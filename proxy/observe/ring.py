"""The newest of many things, numbered, so that whoever looks again knows what is new. Any thread may add."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Ring(Generic[Value]):
    """The last `size` values that were added; each has a number, counted from 1."""

    def __init__(self, size: int) -> None:
        self._values: deque[Value] = deque(maxlen=size)
        self._added = 0
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """The number of the newest value, 0 for none."""
        return self._added

    def add(self, value: Value) -> None:
        """Add a value; the oldest one goes, where there is no more room."""
        with self._lock:
            self._values.append(value)
            self._added += 1

    def after(self, number: int) -> tuple[Sequence[Value], int]:
        """What was added after that number and is still here, oldest first; and the number of the last."""
        with self._lock:
            gone = self._added - len(self._values)
            return list(islice(self._values, max(0, number - gone), None)), self._added

    def newest(self, count: int) -> Sequence[Value]:
        """At most `count` of the values, newest first."""
        with self._lock:
            return list(islice(reversed(self._values), count))
