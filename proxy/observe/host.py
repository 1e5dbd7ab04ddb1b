"""How the machine stands: memory, processors, and GPUs where something reads them. Never read on the event loop."""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import psutil
from anyio import to_thread

Read = Callable[[], Mapping[str, Any]]
"""Reads ``ram``, ``cpu`` and ``gpu`` of the machine, in a thread."""

_FRESH = 1.0
# Seconds for which a reading is shown again: however many look, the machine is read once.

_GIB = 1 << 30
_MIB = 1 << 20


def read_host() -> Mapping[str, Any]:
    """Memory and processors. Of GPUs it knows nothing."""
    memory = psutil.virtual_memory()
    return {
        "ram": {
            "total_gb": round(memory.total / _GIB, 2),
            "used_gb": round(memory.used / _GIB, 2),
            "available_gb": round(memory.available / _GIB, 2),
            "percent_used": memory.percent,
        },
        "cpu": {"count": psutil.cpu_count() or 1, "percent": psutil.cpu_percent()},
        "gpu": {"gpus": [], "available": False, "error": "no GPU is read"},
    }


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process takes up: resident memory in MiB, and for how many seconds it has been there."""

    memory_mb: float
    age: float


class Host:
    """The machine, as `read` tells of it, and the footprints of processes on it."""

    def __init__(self, read: Read = read_host) -> None:
        self._read = read
        self._told: Mapping[str, Any] = {}
        self._fresh_until = 0.0
        self._reading = anyio.Lock()

    async def readings(self) -> Mapping[str, Any]:
        """How it stands."""
        async with self._reading:
            if time.monotonic() >= self._fresh_until:
                self._told = await to_thread.run_sync(self._read)
                self._fresh_until = time.monotonic() + _FRESH
            return self._told

    async def levels(self) -> Mapping[str, float]:
        """The same as plain numbers, for a chart: percent of memory, processors and each GPU."""
        told = await self.readings()
        levels = {"ram_percent": told["ram"]["percent_used"], "cpu_percent": told["cpu"]["percent"]}
        for gpu in told["gpu"]["gpus"]:
            levels[f"gpu{gpu['index']}_percent"] = gpu["utilization_percent"]
            levels[f"gpu{gpu['index']}_memory_percent"] = 100 * gpu["memory_used_mb"] / max(1, gpu["memory_total_mb"])
        return levels

    async def footprints(self, pids: Collection[int]) -> Mapping[int, Footprint]:
        """Those processes of `pids` that are still there."""
        return await to_thread.run_sync(_footprints, list(pids))


def _footprints(pids: Collection[int]) -> Mapping[int, Footprint]:
    found, now = {}, time.time()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            memory = round(process.memory_info().rss / _MIB, 1)
            found[pid] = Footprint(memory, max(0.0, now - process.create_time()))
    return found
