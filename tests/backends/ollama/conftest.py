"""Fixtures: an Ollama server, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from proxy.backends.ollama.client import Client
from tests.support.fake_ollama import FakeOllama


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama().run() as running:
        yield running


@pytest.fixture
async def client(fake: FakeOllama) -> AsyncIterator[Client]:
    async with Client(fake.url) as opened:
        yield opened
