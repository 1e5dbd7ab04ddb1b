"""When a client has gone away."""

from starlette.types import Receive


async def departure(receive: Receive) -> None:
    """Wait until the client of a request, whose body was read, has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
