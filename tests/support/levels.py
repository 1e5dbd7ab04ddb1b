"""What a daemon holds: there may be no more of it after any fault than there was before."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.support.children import children
from tests.support.running import Running


@dataclass(frozen=True)
class Levels:
    """Processes beneath the daemon's folder, open descriptors of this process, and tasks of the daemon's loop."""

    processes: int
    descriptors: int
    tasks: int


def measure(running: Running) -> Levels:
    """The levels now."""

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    return Levels(
        processes=len(children(running.folder)),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        tasks=running.run(tasks()),
    )
