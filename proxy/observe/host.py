"""How the machine stands, for those who look from time to time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from proxy.core.resources import HostReading
from proxy.observe.resources import Resources

_FRESH = 1.0
# Seconds for which a look is shown again: however many look, it is one look, and processors are busy between two.


@dataclass(frozen=True, slots=True)
class Look:
    """A reading, and how busy the processors have been since the look before it, in percent."""

    reading: HostReading
    cpu_percent: float


class Host:
    """The machine, as `resources` read it."""

    def __init__(self, resources: Resources | None = None) -> None:
        self.resources = resources or Resources()
        self._last: Look | None = None
        self._fresh_until = 0.0
        self._looking = anyio.Lock()

    async def look(self) -> Look:
        """How it stands."""
        async with self._looking:
            if self._last is None or time.monotonic() >= self._fresh_until:
                reading = await self.resources.host()
                busy = reading.cpu.percent_since(self._last.reading.cpu) if self._last else 0.0
                self._last = Look(reading, busy)
                self._fresh_until = time.monotonic() + _FRESH
            return self._last

    async def levels(self) -> Mapping[str, float]:
        """The same as plain numbers, for a chart: percent of memory, processors and each GPU."""
        look = await self.look()
        levels = {"ram_percent": look.reading.ram.percent, "cpu_percent": look.cpu_percent}
        for gpu in look.reading.gpus.gpus:
            levels[f"gpu{gpu.index}_percent"] = gpu.utilization
            levels[f"gpu{gpu.index}_memory_percent"] = 100 * gpu.memory_used / max(1, gpu.memory_total)
        return levels
