"""A response that takes a while to make, and is not made for a client that has gone away."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from proxy.api.departure import watch_departure
from proxy.api.record import record_of

Work = Callable[[], Awaitable[Response]]
"""What makes a response; it may be cancelled."""


class WorkReply:
    """An ASGI response: does the work while it watches the client, and sends what comes of it."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        made: Response | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_departure, receive, tasks, record_of(scope))
            made = await self._work()
            tasks.cancel_scope.cancel()
        if made is not None:
            await made(scope, receive, send)
