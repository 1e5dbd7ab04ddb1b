"""Sends an answer to a client at its pace, and stops at once when the client goes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

import anyio
from starlette.types import Receive, Send

from proxy.simulator.pace import Pace
from proxy.simulator.stream import Frame

# Frames that are due together go out together, up to this size.
CHUNK_BYTES = 16 * 1024

EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"


async def send_json(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """A whole response."""
    sized = {"content-type": JSON, "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(sized)})
    await send({"type": "http.response.body", "body": body})


async def send_cut_json(send: Send, body: bytes, headers: Mapping[str, str]) -> None:
    """Half a response; returning makes the server close the connection."""
    sized = {"content-type": JSON, "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(sized)})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def until_disconnect(receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, but no longer than the client is there."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await work()
        group.cancel_scope.cancel()


async def play(send: Send, frames: Iterable[Frame], pace: Pace, headers: Mapping[str, str]) -> None:
    """Send the frames of a stream. Returning without the last chunk makes the server close the connection."""
    await anyio.sleep(pace.ttft)
    start = {"content-type": EVENT_STREAM, "cache-control": "no-cache", **headers}
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(start)})
    began = anyio.current_time()
    waiting: list[bytes] = []
    size = 0
    for frame in frames:
        due = began + pace.due(frame.tokens)
        if waiting and (size >= CHUNK_BYTES or frame.then or (pace.rate > 0 and due > anyio.current_time())):
            await _send_chunk(send, waiting)
            size = 0
        if pace.rate > 0:
            await anyio.sleep_until(due)
        if frame.then == "cut":
            return
        if frame.then == "hang":
            await anyio.sleep_forever()
        waiting.append(frame.data)
        size += len(frame.data)
    await send({"type": "http.response.body", "body": b"".join(waiting)})


async def _send_chunk(send: Send, waiting: list[bytes]) -> None:
    await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": True})
    waiting.clear()


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
