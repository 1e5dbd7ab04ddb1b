"""A program that writes chats, and says after each write that it is done: to be killed, or run beside another one.

    python -m tests.support.chat_writer STORE FOLDER PLAN FIRST COUNT

prints ``open``, then the number of each step that is kept.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from proxy.core.chats import ChatStore
from proxy.store.on_demand import chats_on_demand
from tests.support.chats import ANN, SYSTEM, answered, asked, make_chat

IMAGE = "iVBORw0KGgo" * 60_000
"""So large that writing it takes a while."""

Plan = Callable[[ChatStore, int], Awaitable[object]]


async def mixed(store: ChatStore, number: int) -> None:
    """A step of every kind of change, to a few chats of one owner."""
    chat_id = f"chat-{number % 3}"
    said = [asked(f"question {number}", number, IMAGE), answered(f"answer {number}", number)]
    match number % 8:
        case 5:
            await store.extend(ANN, chat_id, said, system=SYSTEM, keep=1)
        case 6:
            await store.restore(make_chat(ANN, chat_id, *said, *said))
        case 7:
            await store.delete(ANN, chat_id)
        case _:
            await store.extend(ANN, chat_id, said, system=SYSTEM)


def shared_as(name: str) -> Plan:
    """Steps that append to one chat what says whose they are."""

    async def append(store: ChatStore, number: int) -> None:
        await store.extend("both", "shared", [asked(f"{name} {number}"), answered(f"to {name} {number}")], system=name)
        await store.extend(name, f"chat-{number}", [asked(f"{number}")], system=name)

    return append


PLANS: dict[str, Plan] = {"mixed": mixed, "one": shared_as("one"), "other": shared_as("other")}


async def write(place: str, folder: Path, plan: Plan, numbers: range) -> None:
    """Take the steps of those numbers."""
    async with aclosing(chats_on_demand(place, folder)) as store:
        await store.summaries(ANN)
        _say("open")
        for number in numbers:
            await plan(store, number)
            _say(str(number))


def _say(word: str) -> None:
    os.write(sys.stdout.fileno(), f"{word}\n".encode())


if __name__ == "__main__":
    place, folder, name, first, count = sys.argv[1:]
    asyncio.run(write(place, Path(folder), PLANS[name], range(int(first), int(first) + int(count))))
