"""Work on large requests, done beside the event loop, where it would hold up every stream."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import to_thread

_LARGE = 256 << 10
# Characters. Fewer are digested and encoded in about a millisecond, less than going to a thread and back may take.

Given = ParamSpec("Given")
Value = TypeVar("Value")


async def off_loop(size: int, work: Callable[Given, Value], *args: Given.args, **fields: Given.kwargs) -> Value:
    """What `work` returns; in a thread when it is on so many characters that the loop would feel it."""
    if size < _LARGE:
        return work(*args, **fields)
    return await to_thread.run_sync(partial(work, *args, **fields))
