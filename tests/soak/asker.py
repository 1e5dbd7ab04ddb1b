"""Sends planned requests, a bounded number at once, and says how each ended."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httpx

from tests.soak.plans import ANSWER, ERROR, LEFT, Plan
from tests.support.asking import PATHS, outcome, question

PATIENCE = 120.0
"""Seconds after which a request counts as lost."""


async def ask_all(url: str, plans: Iterable[Plan], at_once: int) -> list[tuple[Plan, str]]:
    """Each plan with how it ended: as its `ends`, or in words."""
    left = iter(plans)
    ended: list[tuple[Plan, str]] = []
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(
        base_url=url, timeout=PATIENCE, trust_env=False, verify=False, limits=limits
    ) as client:
        await asyncio.gather(*(_work(client, url, left, ended) for _ in range(at_once)))
    return ended


async def _work(client: httpx.AsyncClient, url: str, left: Iterator[Plan], ended: list[tuple[Plan, str]]) -> None:
    for plan in left:
        try:
            how = await (_ask(client, plan) if plan.leaves is None else _leave(url, plan))
        except (httpx.HTTPError, OSError, ValueError) as error:
            how = f"{type(error).__name__}: {error}"
        ended.append((plan, how))


async def _ask(client: httpx.AsyncClient, plan: Plan) -> str:
    body = question(plan.dialect, plan.prompt, stream=plan.stream)
    answer = await client.post(PATHS[plan.dialect], json=body)
    got = outcome(plan.dialect, answer.status_code, answer.content)
    if got.status != 200:
        return str(got.status) if got.error else f"{got.status} without words"
    if got.error:
        return ERROR
    return ANSWER if got.complete and got.text else "an answer without an end"


async def _leave(url: str, plan: Plan) -> str:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps(question(plan.dialect, plan.prompt, stream=plan.stream)).encode()
    head = f"POST {PATHS[plan.dialect]} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    sent = {"connected": b"", "head": head[:30], "body": head + body[:20]}.get(plan.leaves or "", head + body)
    writer.write(sent)
    await writer.drain()
    if plan.leaves == "first bytes":
        await asyncio.wait_for(reader.read(1), PATIENCE)
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return LEFT
