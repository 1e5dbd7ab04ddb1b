"""A simulator on a port of its own, and clients of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from anthropic import AsyncAnthropic

from proxy.simulator.app import Simulator
from proxy.simulator.server import serve_simulator

MODEL = "claude-sonnet-5-5"
HEADERS = {"x-api-key": "test-key", "anthropic-version": "2023-06-01"}

Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with serve_simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[AsyncAnthropic]:
    """The official client, without retries."""
    async with AsyncAnthropic(api_key="test-key", base_url=simulator.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP, with the headers that the API asks for."""
    async with httpx.AsyncClient(base_url=simulator.url, headers=HEADERS) as http:
        yield http


@pytest.fixture
def post(http: httpx.AsyncClient) -> Post:
    """Ask for a message that says `text`; fields of the body as keywords."""

    async def send(text: str = "hello", **fields: Any) -> httpx.Response:
        body = {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": text}], **fields}
        return await http.post("/v1/messages", json=body)

    return send
