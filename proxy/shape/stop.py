"""Ends an answer before the first stop string, however the deltas are cut."""

from collections import deque
from collections.abc import Sequence


class StopFilter:
    """Takes an answer in deltas and gives back what stands before the first occurrence of one of `stops`.

    The occurrence that starts first counts, also where another one is complete earlier: with the stops "bcd" and
    "abcde" nothing of "abcd" is sent until it is known whether an "e" follows. Only text that may be the beginning of
    a stop string is held back. The time does not depend on how many stops there are (Aho and Corasick, 1975).

    Raises ValueError for an empty stop string.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if "" in stops:
            raise ValueError("a stop string is not empty")
        self._all = tuple(stops)
        self._stops = _Automaton(stops)
        self._state = 0
        self._held = ""
        self._start: int | None = None
        """Where in the held text the first complete occurrence starts, while one that starts earlier may follow."""
        self.found: str | None = None
        """The stop string that the answer ended before."""

    @property
    def stopped(self) -> bool:
        """The answer ends before a stop string."""
        return self.found is not None

    def feed(self, text: str) -> tuple[str, bool]:
        """What may be sent now, and whether a stop string was met: then this was the last of the answer."""
        if self.stopped:
            return "", True
        seen = len(self._held)
        self._held += text
        for char in text:
            seen += 1
            self._state = self._stops.following(self._state, char)
            beginning = seen - self._stops.depth[self._state]
            if found := self._stops.longest[self._state]:
                self._start = seen - found if self._start is None else min(self._start, seen - found)
            if self._start is not None and self._start <= beginning:
                return self._cut(), True
        safe = len(self._held) - self._stops.depth[self._state]
        sent, self._held = self._held[:safe], self._held[safe:]
        if self._start is not None:
            self._start -= safe
        return sent, False

    def rest(self) -> str:
        """What was held back and is sent after all, when the answer ends here. `stopped` says if it ends in a stop."""
        if self._start is not None:
            return self._cut()
        rest, self._held, self._state = self._held, "", 0
        return rest

    def _cut(self) -> str:
        sent, stop, self._held, self._start = self._held[: self._start], self._held[self._start :], "", None
        self.found = max((each for each in self._all if stop.startswith(each)), key=len)
        return sent


class _Automaton:
    """Knows after each character which beginning of a stop string the text ends with: the state, 0 for none.

    By state: `depth` is the length of that beginning, `longest` the length of the longest stop string that is complete
    with this character, 0 for none.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.depth = [0]
        self.longest = [0]
        self._children: list[dict[str, int]] = [{}]
        self._shorter = [0]
        """By state: the next shorter beginning that the text ends with as well."""
        for stop in stops:
            self._add(stop)
        self._link()

    def following(self, state: int, char: str) -> int:
        """The state after one more character."""
        while state and char not in self._children[state]:
            state = self._shorter[state]
        return self._children[state].get(char, 0)

    def _add(self, stop: str) -> None:
        state = 0
        for char in stop:
            child = self._children[state].get(char)
            if child is None:
                child = self._children[state][char] = len(self.depth)
                self.depth.append(self.depth[state] + 1)
                self.longest.append(0)
                self._children.append({})
                self._shorter.append(0)
            state = child
        self.longest[state] = len(stop)

    def _link(self) -> None:
        """Breadth first, since a shorter beginning has to be known before a longer one."""
        states = deque(self._children[0].values())
        while states:
            state = states.popleft()
            for char, child in self._children[state].items():
                shorter = self.following(self._shorter[state], char)
                self._shorter[child] = shorter
                self.longest[child] = self.longest[child] or self.longest[shorter]
                states.append(child)
