"""Samples, rows, the table and the JSON file."""

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.children import ROOT

Samples = list[float]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: the daemon's samples beside its reference's, in `unit`."""

    what: str
    unit: str
    daemon: Samples
    reference: str
    others: Samples
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """The daemon's median by the reference's."""
        return statistics.median(self.daemon) / statistics.median(self.others)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        daemon, others = map(self._shown, (self.daemon, self.others))
        return (self.what, daemon, self.reference, others, self.unit, f"{self.ratio:.2f} x")

    def _shown(self, samples: Samples) -> str:
        return f"{_number(statistics.median(samples))} ({_number(self._bad(samples))})"

    def _bad(self, samples: Samples) -> float:
        """What 95 of 100 runs reached."""
        ordered = sorted(samples, reverse=self.more_is_better)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def as_json(self) -> dict[str, Any]:
        """The row with all its samples."""
        return {
            "what": self.what,
            "unit": self.unit,
            "daemon": self._summary(self.daemon),
            "reference": {"what": self.reference, **self._summary(self.others)},
            "ratio": round(self.ratio, 4),
        }

    def _summary(self, samples: Samples) -> dict[str, Any]:
        return {
            "median": round(statistics.median(samples), 3),
            "p95": round(self._bad(samples), 3),
            "runs": len(samples),
            "samples": [round(sample, 3) for sample in samples],
        }


HEADINGS = ("what", "daemon (p95)", "reference", "its (p95)", "unit", "ratio")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text; numbers to the right."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        aligned = [
            cell.ljust(width) if index in (0, 2, 4) else cell.rjust(width)
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
