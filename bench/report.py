"""Samples, rows, the table and the JSON file."""

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.children import ROOT, Failed

Samples = list[float]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure has to reach: `of` the ratio, or the daemon's own median or 95th percentile."""

    limit: float
    of: Literal["ratio", "median", "p95"] = "ratio"
    least: bool = False

    def held(self, value: float) -> bool:
        """Whether `value` is on the right side."""
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        sign = "\N{GREATER-THAN OR EQUAL TO}" if self.least else "\N{LESS-THAN OR EQUAL TO}"
        shown = f"{sign} {self.limit:.3g}"
        return f"{shown} x" if self.of == "ratio" else shown


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: the daemon's samples beside its reference's, in `unit`; without others it stands alone.

    `paired`: each sample was measured beside the reference's of the same place, and the ratio is the median of theirs,
    so that a machine that is slow for a while is slow for both. `worst`: the 95th percentiles are compared.
    """

    what: str
    unit: str
    daemon: Samples
    reference: str = ""
    others: Samples = field(default_factory=list)
    bound: Bound | None = None
    more_is_better: bool = False
    _: KW_ONLY
    paired: bool = False
    worst: bool = False

    def __post_init__(self) -> None:
        if not self.daemon or (self.reference and not self.others):
            raise Failed(f"{self.what}: nothing was measured")
        if not all(math.isfinite(sample) and sample >= 0 for sample in (*self.daemon, *self.others)):
            raise Failed(f"{self.what}: not every sample is a number: {self.daemon} {self.others}")
        if self.paired and len(self.daemon) != len(self.others):
            raise Failed(f"{self.what}: {len(self.daemon)} samples stand beside {len(self.others)}")
        if self.others and min(self.others) <= 0:
            raise Failed(f"{self.what}: its reference is nothing")

    @property
    def ratio(self) -> float | None:
        """The daemon by the reference, None without one."""
        if not self.others:
            return None
        if self.paired:
            return statistics.median(mine / other for mine, other in zip(self.daemon, self.others, strict=True))
        if self.worst:
            return self._bad(self.daemon) / self._bad(self.others)
        return statistics.median(self.daemon) / statistics.median(self.others)

    @property
    def held(self) -> bool | None:
        """Whether the figure is what it has to be, None where nothing is asked of it."""
        if self.bound is None:
            return None
        measured = {"median": statistics.median(self.daemon), "p95": self._bad(self.daemon), "ratio": self.ratio}
        value = measured[self.bound.of]
        assert value is not None
        return self.bound.held(value)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        others = self._shown(self.others) if self.others else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} x"
        bound = str(self.bound or "")
        held = {None: "", True: "yes", False: "NO"}[self.held]
        return (self.what, self._shown(self.daemon), self.reference, others, self.unit, ratio, bound, held)

    def _shown(self, samples: Samples) -> str:
        middle = _number(statistics.median(samples))
        return f"{middle} ({_number(self._bad(samples))})" if len(samples) > 1 else middle

    def _bad(self, samples: Samples) -> float:
        """What 95 of 100 runs reached."""
        ordered = sorted(samples, reverse=self.more_is_better)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def as_json(self) -> dict[str, Any]:
        """The row with all its samples."""
        reference = {"what": self.reference, **self._summary(self.others)} if self.others else None
        return {
            "what": self.what,
            "unit": self.unit,
            "daemon": self._summary(self.daemon),
            "reference": reference,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "bound": str(self.bound) if self.bound else None,
            "held": self.held,
        }

    def _summary(self, samples: Samples) -> dict[str, Any]:
        return {
            "median": round(statistics.median(samples), 3),
            "p95": round(self._bad(samples), 3),
            "runs": len(samples),
            "samples": [round(sample, 3) for sample in samples],
        }


HEADINGS = ("what", "daemon (p95)", "reference", "its (p95)", "unit", "ratio", "must", "held")


_WORDS = (0, 2, 4, 7)
# The columns of words, which begin at the left.


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text; numbers to the right."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        aligned = [
            cell.ljust(width) if index in _WORDS else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def surroundings(cli_version: str) -> dict[str, Any]:
    """What the numbers depend on: the machine, the versions, the commit."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 2),
            "os": platform.platform(),
            "python": platform.python_version(),
        },
        "cli": cli_version,
        "commit": _commit(),
    }


def _commit() -> str:
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip()


def write_json(path: Path, facts: dict[str, Any], rows: Sequence[Row]) -> None:
    """Everything that was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**facts, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(document, indent=1) + "\n")
