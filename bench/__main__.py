"""`python -m bench`: measure, print one table, write one JSON file."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from bench.children import ROOT, Failed, interruptible
from bench.growth import Course, measure_growth
from bench.latency import Effort, measure_latency
from bench.relaying import Load, measure_relaying
from bench.report import Row, surroundings, table, write_json
from bench.stage import Stage, open_stage, read_version
from proxy.backends.claude_cli.codec import CorruptLine
from proxy.backends.claude_cli.locate import bundled_program

DESCRIPTION = """\
Measure the daemon beside bare references, both in one run on this machine, and print one table.

  latency    time to the first token with the real Claude CLI and a simulated Messages API that does not wait;
             whatever the CLI and the simulator take is in both columns
  growth     the same as one conversation grows: over the daemon, which gets the whole history every time, beside the
             CLI driven turn by turn
  relaying   how fast one long answer of a fake CLI goes through, and what that costs the daemon's CPU

Look at the ratios: the times themselves are this machine's. Each number is a median, with the 95th percentile
in brackets. Nothing is asked of anyone's account, and nothing leaves loopback.
"""

EPILOG = """\
What the rows mean and what a good ratio is: docs/benchmark.md. Exit codes: 0 measured, 1 a measurement failed
(no table then), 2 wrong options, 130 interrupted.
"""

QUICK = (
    Effort(rounds=2, warm=5, spawn_every=1),
    Course(conversations=2, points=(2, 10, 28), width=3, replayed=30, replays=2),
    Load(deltas=20_000, runs=1, alone=500),
)
FULL = (
    Effort(rounds=12, warm=6, spawn_every=2),
    Course(conversations=2, points=(2, 10, 50, 196), width=5, replayed=50, replays=6),
    Load(deltas=50_000, runs=4, alone=2_000),
)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m bench", None, DESCRIPTION, EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="about 30 s, for a first look; the figures are rougher")
    parser.add_argument("--only", choices=("latency", "growth", "relaying"), help="measure one part alone")
    parser.add_argument("--cli", metavar="PATH", type=Path, help="the claude program (default: the bundled one)")
    parser.add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        default=ROOT / "bench/results/latest.json",
        help="where the JSON file goes, with every sample (default: bench/results/latest.json)",
    )
    return parser.parse_args(arguments)


def measure(stage: Stage, *, quick: bool, only: str | None) -> Iterator[Row]:
    """Every row that was asked for."""
    effort, course, load = QUICK if quick else FULL
    if only in (None, "latency"):
        yield from measure_latency(stage, effort)
    if only in (None, "growth"):
        yield from measure_growth(stage, course)
    if only in (None, "relaying"):
        yield from measure_relaying(stage, load)


def _warn_when_busy() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(
            f"bench: the machine is busy (load {load:.1f} on {cores} cores), the figures will be rough", file=sys.stderr
        )


def main() -> None:
    """The entry point."""
    options = parse_arguments(sys.argv[1:])
    cli = options.cli or bundled_program()
    if cli is None or not cli.is_file():
        sys.exit(f"bench: there is no Claude CLI at {cli}" if cli else "bench: there is no bundled Claude CLI: --cli")
    started = time.monotonic()
    _warn_when_busy()
    try:
        with interruptible(), open_stage(cli.absolute()) as stage:
            facts = surroundings(read_version(stage))
            rows = list(measure(stage, quick=options.quick, only=options.only))
    except (Failed, OSError, HTTPException, CorruptLine) as error:
        sys.exit(f"bench: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    facts |= {"quick": options.quick, "seconds": round(time.monotonic() - started, 1)}
    print(table(rows))
    machine = facts["machine"]
    print(
        f"\nClaude CLI {facts['cli']}, commit {facts['commit']}, {machine['cores']} cores, Python {machine['python']}, "
        f"{machine['os']}; {facts['seconds']} s"
    )
    write_json(options.output, facts, rows)
    print(f"every sample: {options.output}")


if __name__ == "__main__":
    main()
