"""`python -m bench`: measure, print one table, write one JSON file."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from bench.children import ROOT, Failed, interruptible
from bench.crowd import Crowd, measure_crowd
from bench.footprint import Footprint, measure_footprint
from bench.growth import Course, measure_growth
from bench.latency import Effort, measure_latency
from bench.prompts import measure_prompts
from bench.relaying import Load, measure_relaying
from bench.replaying import Replays, measure_replaying
from bench.report import Row, surroundings, table, write_json
from bench.stage import Stage, open_stage, read_version
from bench.webui import Visits, measure_webui
from proxy.backends.claude_cli.codec import CorruptLine
from proxy.backends.claude_cli.locate import bundled_program

DESCRIPTION = """\
Measure the daemon beside bare references, both in one run on this machine, and print one table.

  latency    time to the first token with the real Claude CLI and a simulated Messages API that does not wait;
             whatever the CLI and the simulator take is in both columns
  replaying  the same for a long conversation with tools that no process holds
  growth     the same as one conversation grows: over the daemon, which gets the whole history every time, beside the
             CLI driven turn by turn
  webui      the four calls of Open WebUI's first message
  crowd      conversations at once, each answered at 50 tokens a second
  relaying   how fast one long answer of a fake CLI goes through, and what that costs the daemon's CPU
  prompts    what the CLI adds to a request, and how much of a conversation the next request repeats
  footprint  memory, and the start

Look at the ratios: the times themselves are this machine's. Each number is a median, with the 95th percentile
in brackets. Nothing is asked of anyone's account, and nothing leaves loopback.
"""

EPILOG = """\
What the rows mean: docs/performance.md. Exit codes: 0 measured, 1 a measurement failed (no table then), 2 wrong
options, 3 measured, and with --strict a figure is not what it must be, 130 interrupted.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything is measured."""

    effort: Effort
    replays: Replays
    course: Course
    visits: Visits
    crowd: Crowd
    load: Load
    footprint: Footprint


QUICK = Plan(
    effort=Effort(rounds=1, warm=4, spawn_every=1),
    replays=Replays(turns=100, times=1),
    course=Course(conversations=1, points=(2, 10, 50, 200), width=2, jumps=True),
    visits=Visits(times=1),
    crowd=Crowd(turns={1: 4, 8: 2}, tokens=25, pause=0.5),
    load=Load(deltas=15_000, runs=3, alone=300, runs_alone=1),
    footprint=Footprint(conversations=20, starts=1),
)
FULL = Plan(
    effort=Effort(rounds=10, warm=4, spawn_every=2),
    replays=Replays(turns=100, times=5),
    course=Course(conversations=2, points=(2, 10, 50, 200), width=6),
    visits=Visits(times=5),
    crowd=Crowd(turns={1: 20, 2: 10, 4: 8, 8: 6, 16: 4}, tokens=50, pause=1.0),
    load=Load(deltas=30_000, runs=10, alone=1_000, runs_alone=2),
    footprint=Footprint(conversations=500, starts=3),
)

Measure = Callable[[Stage, Plan], Iterator[Row]]

PARTS: dict[str, Measure] = {
    "latency": lambda stage, plan: measure_latency(stage, plan.effort),
    "replaying": lambda stage, plan: measure_replaying(stage, plan.replays),
    "growth": lambda stage, plan: measure_growth(stage, plan.course),
    "webui": lambda stage, plan: measure_webui(stage, plan.visits),
    "crowd": lambda stage, plan: measure_crowd(stage, plan.crowd),
    "relaying": lambda stage, plan: measure_relaying(stage, plan.load),
    "prompts": lambda stage, _plan: measure_prompts(stage),
    "footprint": lambda stage, plan: measure_footprint(stage, plan.footprint),
}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m bench", None, DESCRIPTION, EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="less than a minute, for a first look; the figures are rough"
    )
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="measure this part alone, or these")
    parser.add_argument("--strict", action="store_true", help="end with 3 when a figure is not what it must be")
    parser.add_argument("--cli", metavar="PATH", type=Path, help="the claude program (default: the bundled one)")
    parser.add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        default=ROOT / "bench/results/latest.json",
        help="where the JSON file goes, with every sample (default: bench/results/latest.json)",
    )
    return parser.parse_args(arguments)


def measure(stage: Stage, plan: Plan, parts: Collection[str]) -> Iterator[Row]:
    """Every row of the `parts`."""
    for name, rows in PARTS.items():
        if name in parts:
            started = time.monotonic()
            yield from rows(stage, plan)
            print(f"bench: {name}, {time.monotonic() - started:.0f} s", file=sys.stderr)


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
            rows = list(measure(stage, QUICK if options.quick else FULL, options.only or PARTS))
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
    if missed := [row.what for row in rows if row.held is False]:
        print(f"not what they must be: {'; '.join(missed)}")
        if options.strict:
            sys.exit(3)


if __name__ == "__main__":
    main()
