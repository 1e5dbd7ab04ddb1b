"""Clients of the daemon that ask at the same time, on one event loop: a connection each, kept open."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from bench.children import Failed

Value = TypeVar("Value")

_ANSWER_TIMEOUT = 60.0
# Seconds that an answer may take.


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: seconds from the request to the first piece of text, how many pieces there were, and the whole."""

    first_token: float
    pieces: int
    text: str


class Client:
    """Asks one thing after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, body: bytes) -> Told:
        """The answer to a request of /api/chat. Raises `Failed`."""
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                return await self._ask(body)
        except TimeoutError:
            raise Failed(f"no answer within {_ANSWER_TIMEOUT:g} s") from None
        except asyncio.IncompleteReadError as error:
            raise Failed("the daemon closed the connection in the middle of an answer") from error

    async def _ask(self, body: bytes) -> Told:
        head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        status = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if " 200 " not in status.partition("\r\n")[0]:
            raise Failed(f"the daemon answers {status.partition(chr(13))[0]!r}")
        first_token = 0.0
        texts: list[str] = []
        message: dict[str, Any] = {}
        async for line in self._lines(status.lower()):
            message = orjson.loads(line)
            if text := message.get("message", {}).get("content", ""):
                texts.append(text)
                first_token = first_token or time.perf_counter() - started
        if message.get("done") is not True or not first_token:
            raise Failed(f"the daemon did not answer: {message}")
        return Told(first_token, len(texts), "".join(texts))

    async def _lines(self, head: str) -> AsyncIterator[bytes]:
        if "chunked" not in head:
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            yield await self._reader.readexactly(length)
            return
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            for line in (await self._reader.readexactly(size + 2)).splitlines():
                if line:
                    yield line
        await self._reader.readexactly(2)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client of the daemon at `port`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def together(*works: Coroutine[Any, Any, Value]) -> list[Value]:
    """What they all come to. Raises the first `Failed`."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except* Failed as errors:
        raise Failed(str(errors.exceptions[0])) from None
    return [task.result() for task in tasks]
