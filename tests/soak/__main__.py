"""`python -m tests.soak`: send the requests, compare what the daemon holds before and after, print one table."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.backends.claude_cli.locate import bundled_program
from proxy.simulator.server import serve_simulator
from tests.soak.asker import ask_all
from tests.soak.plans import FAKE_FAULTS, FAKE_GOOD, REAL_FAULTS, REAL_GOOD, Fault, Plan, make_plans
from tests.support.running import write_fake_cli

SEED = 20261128
MEMORY = 1.10
"""How much more memory there may be at the end than after the warm-up."""

DESCRIPTION = """\
Send the daemon thousands of requests in every dialect, a third of them with a fault of the CLI, the API or the client,
from a fixed seed. Every request has to end as it should, and the daemon with the processes, descriptors and tasks that
it had before, and within a tenth of its memory after the first ones.
"""
EPILOG = "Exit codes: 0 all is as it was, 1 it is not, 2 wrong options."

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Phase:
    """`warm` requests, then `count` that are measured, over one CLI."""

    name: str
    count: int
    warm: int
    at_once: int
    good: Sequence[str]
    faults: Sequence[Fault]
    first_event: str


class Subject:
    """The daemon's process, which tells what it holds."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def heard(self) -> dict[str, Any]:
        """What it says next."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 120)
        said: dict[str, Any] = json.loads(line)
        return said

    async def held(self) -> dict[str, Any]:
        """What it holds at rest."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return await self.heard()


@asynccontextmanager
async def subject(*arguments: str) -> AsyncIterator[Subject]:
    """The daemon in a process of its own; it has to end well."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak.subject", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Subject(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 60) == 0, "the daemon did not end well"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run(phase: Phase, cli: str, folder: Path) -> bool:
    """Whether all is as it should be; prints what was found."""
    plans = make_plans(phase.warm + phase.count, SEED, phase.good, phase.faults)
    async with (
        serve_simulator() as simulator,
        subject(str(folder), cli, simulator.url, phase.first_event) as daemon,
    ):
        url = (await daemon.heard())["url"]
        start = await daemon.held()
        warm = await ask_all(url, plans[: phase.warm], phase.at_once)
        before = await daemon.held()
        began = time.monotonic()
        ended = await ask_all(url, plans[phase.warm :], phase.at_once)
        took = time.monotonic() - began
        after = await daemon.held()
    wrong = [(plan, how) for plan, how in (*warm, *ended) if how != plan.ends]
    show(phase, start, before, after, ended, wrong, took)
    same = all(start[name] == after[name] for name in ("processes", "descriptors", "tasks"))
    accounted = len(warm) + len(ended) == len(plans) and not wrong
    return accounted and same and bool(after["rest"]) and after["memory"] <= before["memory"] * MEMORY


def show(
    phase: Phase,
    start: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    ended: list[tuple[Plan, str]],
    wrong: list[tuple[Plan, str]],
    took: float,
) -> None:
    """Print the phase's part of the table."""
    print(f"\n{phase.name}: {len(ended)} requests, {phase.at_once} at once, in {took:.0f} s")
    counts = Counter(how for _, how in ended)
    print(f"  {'ended':12} " + ", ".join(f"{count} {how}" for how, count in counts.most_common(20)))
    for name in ("processes", "descriptors", "tasks"):
        print(f"  {name:12} {start[name]} at the start, {after[name]} at the end")
    growth = after["memory"] / before["memory"] - 1
    print(
        f"  {'memory':12} {before['memory'] >> 20} MB when warm, {after['memory'] >> 20} MB at the end ({growth:+.1%})"
    )
    if not after["rest"]:
        print(f"  never at rest: {after['state']}")
    for plan, how in wrong[:20]:
        print(f"  WRONG: {how}, and not {plan.ends}: {plan}")


async def soak(*, quick: bool, seconds: float) -> bool:
    """Both phases."""
    scale = 20 if quick else 1
    fake = Phase("fake CLI", 10_000 // scale, 1000 // scale, 16, FAKE_GOOD, FAKE_FAULTS, "3s")
    real = Phase("real CLI", 300 // scale, 60 // scale, 6, REAL_GOOD, REAL_FAULTS, "12s")
    async with asyncio.timeout(seconds):
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            good = await run(fake, str(write_fake_cli(Path(folder))), Path(folder, "fake"))
            return await run(real, str(bundled_program()), Path(folder, "real")) and good


def main() -> None:
    """Run the program and exit."""
    parser = argparse.ArgumentParser("python -m tests.soak", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the requests")
    parser.add_argument("--seconds", type=float, default=3600, help="give up after so long (default: %(default)s)")
    given = parser.parse_args()
    try:
        good = asyncio.run(soak(quick=given.quick, seconds=given.seconds))
    except TimeoutError:
        good = False
        print("it took too long")
    print("\nAll is as it was." if good else "\nNOT as it should be.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
