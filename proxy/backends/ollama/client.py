"""Requests to the server: one connection pool, every wait bounded, foreign exceptions translated here.

httpx2 is the client that OpenAI's and Anthropic's own libraries use: it runs on anyio, as the rest of this daemon
does, so that to cancel a request is to close its connection, at which an Ollama server stops working.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import httpx2 as httpx
import orjson

from proxy.backends.ollama.faults import cut_off, misunderstood, out_of_reach, refused
from proxy.core.deadlines import passed
from proxy.core.errors import ServerError
from proxy.core.framing import LineFramer, LineTooLong

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection, and to write to it; a server that is there takes neither."""

_LONGEST_LINE = 8 << 20
_LONGEST_ERROR = 64 << 10
_LONGEST_DOCUMENT = 32 << 20


class Client:
    """Asks the server at `url`, with a `key` as a bearer token if there is one. Enter it to use it."""

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {"user-agent": "claude-ollama-server", "accept-encoding": "identity"}
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers | ({"authorization": f"Bearer {key}"} if key else {}),
            # Reads have deadlines of their own; how many requests run at once is for others to bound.
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT, write=CONNECT_TIMEOUT),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=False,
            # To load the certificates of all the world takes long.
            verify=url.startswith("https:"),
        )

    async def __aenter__(self) -> "Client":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, Any], within: float) -> AsyncIterator["Lines"]:
        """The lines of an answer, whose head comes `within` seconds. Leaving closes the connection unless the answer
        was read to its end. Raises `ServerError`."""
        request = self._http.build_request("POST", path, content=orjson.dumps(body), headers=_JSON)
        with deadline("first_event", within):
            response = await self._sent(request)
        try:
            if response.status_code != 200:
                with deadline("first_event", within):
                    raise await _refusal(response)
            yield Lines(response)
        finally:
            await response.aclose()

    async def ask(self, method: str, path: str, within: float, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that the server answers `within` seconds. Raises `ServerError`."""
        content = None if body is None else orjson.dumps(body)
        request = self._http.build_request(method, path, content=content, headers=_JSON)
        with deadline("first_event", within):
            response = await self._sent(request)
            try:
                if response.status_code != 200:
                    raise await _refusal(response)
                data = await _read(response, _LONGEST_DOCUMENT)
            finally:
                await response.aclose()
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            raise misunderstood() from None

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.WriteTimeout):
            raise out_of_reach() from None
        except httpx.HTTPError:
            raise cut_off() from None


class Lines:
    """The lines of an answer as they come in."""

    def __init__(self, response: httpx.Response) -> None:
        self._chunks = response.aiter_raw()
        self._framer = LineFramer(_LONGEST_LINE)

    async def next(self) -> list[bytes]:
        """The lines that came together, at least one. Raises `ServerError` when no more come."""
        try:
            while True:
                lines = self._framer.feed(await anext(self._chunks))
                if lines:
                    return lines
        except (httpx.HTTPError, StopAsyncIteration):
            raise cut_off() from None
        except LineTooLong:
            raise misunderstood() from None


@contextmanager
def deadline(name: str, seconds: float, left: float | None = None) -> Iterator[None]:
    """A block that has so many seconds, or what is `left` of them. Raises `TimedOut`, which names the deadline."""
    with anyio.move_on_after(seconds if left is None else left) as scope:
        yield
    if scope.cancelled_caught:
        raise passed(name, seconds)


_JSON = {"content-type": "application/json"}


async def _refusal(response: httpx.Response) -> ServerError:
    """What an answer that is none says, in Ollama's shape or any other."""
    try:
        data = await _read(response, _LONGEST_ERROR)
    except ServerError:
        data = b""
    try:
        text = orjson.loads(data)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = ""
    words = text if isinstance(text, str) else ""
    return refused(response.status_code, words, response.headers.get("retry-after", ""))


async def _read(response: httpx.Response, limit: int) -> bytes:
    data = bytearray()
    try:
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > limit:
                raise misunderstood()
    except httpx.HTTPError:
        raise cut_off() from None
    return bytes(data)
