"""What a backend is."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from proxy.core.events import Event
from proxy.core.request import ChatRequest


@dataclass(frozen=True, slots=True)
class Target:
    """The model a turn runs on, in the backend's own words: what the catalogue resolved a client's name to."""

    model: str


class Turn(Protocol):
    """One answer being made. Iterate it once: batches of events that arrived together, none of them empty.

    The first event is `Started`, the last `Finished`; then the iteration ends. Raises `ServerError`.
    """

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]: ...


class Backend(Protocol):
    """Something that answers. Leaving an opened turn, however that happens, ends its work and frees its slot."""

    def open(self, request: ChatRequest, target: Target) -> AbstractAsyncContextManager[Turn]:
        """Begin a turn. Entering waits for a process and sends the request; it raises `ServerError`."""
        ...
