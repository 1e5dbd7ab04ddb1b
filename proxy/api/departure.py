"""When a client has gone away, and how one is sent away that takes nothing."""

from collections.abc import Callable

from anyio.abc import TaskGroup
from starlette.types import Receive, Scope

from proxy.api.record import Record

ABORT = "claude_ollama.abort"
"""The key in a request's scope of a function that drops its connection."""


async def watch_departure(
    receive: Receive, tasks: TaskGroup, record: Record, complete: Callable[[], bool] = lambda: False
) -> None:
    """Wait until the client of a request, whose body was read, has gone away, and cancel what works for it.

    The record tells of it unless the answer is `complete`: after its last byte a response is told of a disconnect too.
    """
    while (await receive())["type"] != "http.disconnect":
        pass
    if not complete():
        record.ended = "disconnected"
    tasks.cancel_scope.cancel()


def abort(scope: Scope) -> None:
    """Drop the connection of a request: one that is only closed waits until the client takes what is left."""
    scope.get(ABORT, _nothing)()


def _nothing() -> None: ...
