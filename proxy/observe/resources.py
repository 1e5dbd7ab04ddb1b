"""What this machine and a process on it use: read in threads, never on the event loop.

GPUs are NVIDIA's. That there is none, no driver or no library for it is normal: it is told, and nobody is warned.
"""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import anyio
import psutil
from anyio import to_thread

from proxy.core.errors import ServerError
from proxy.core.resources import Cpu, Gpu, Gpus, HostReading, ProcessReading, Ram

_AGE = 0.2
# Seconds that a reading of the machine is good for: requests that run side by side share one.

_PATIENCE = 1.0
# Seconds that a reading of the GPUs may take. A driver in trouble answers late, or never.

_SLOW = f"the GPUs could not be read within {_PATIENCE:g} s"


class Resources:
    """Reads what is used. `read_gpus` is called in a thread, one call at a time."""

    def __init__(
        self, read_gpus: Callable[[], Gpus] | None = None, *, age: float = _AGE, patience: float = _PATIENCE
    ) -> None:
        self._read_gpus = read_gpus or NvidiaGpus()
        self._age = age
        self._patience = patience
        self._turn = anyio.Lock()
        self._reading_gpus = False
        self._last: HostReading | None = None
        self._read_at = 0.0

    async def host(self) -> HostReading:
        """What the machine uses now, or a moment ago. Raises `ServerError` where that cannot be read."""
        async with self._turn:
            if self._last is None or time.monotonic() - self._read_at >= self._age:
                try:
                    ram, cpu = await to_thread.run_sync(_ram_and_cpu)
                except OSError as error:
                    raise ServerError(f"the memory in use cannot be read: {error.strerror}") from None
                self._last = HostReading(await self._gpus(), ram, cpu)
                self._read_at = time.monotonic()
            return self._last

    async def process(self, pid: int | None) -> ProcessReading | None:
        """What a process uses, None where there is none."""
        return None if pid is None else await to_thread.run_sync(_process, pid)

    async def processes(self, pids: Collection[int]) -> Mapping[int, ProcessReading]:
        """What those processes of `pids` use that are still there."""
        return await to_thread.run_sync(_processes, list(pids))

    async def _gpus(self) -> Gpus:
        if self._reading_gpus:
            # Threads that wait for a driver cannot be ended: one is enough.
            return Gpus(problem=_SLOW)
        with anyio.move_on_after(self._patience):
            return await to_thread.run_sync(self._gpus_in_thread, abandon_on_cancel=True)
        return Gpus(problem=_SLOW)

    def _gpus_in_thread(self) -> Gpus:
        self._reading_gpus = True
        try:
            return self._read_gpus()
        finally:
            self._reading_gpus = False


class NvidiaGpus:
    """Reads the GPUs by NVIDIA's own library, which is loaded once; `bindings` are those of ``nvidia-ml-py``."""

    def __init__(self, bindings: Any = None) -> None:
        self._nvml = bindings
        self._problem = ""
        self._ready = False

    def __call__(self) -> Gpus:
        """The GPUs now."""
        if not self._ready:
            try:
                self._problem = self._begin()
            except OSError as error:
                return Gpus(problem=f"no NVIDIA GPU can be read now: {error.strerror}")
            self._ready = True
        if self._problem:
            return Gpus(problem=self._problem)
        try:
            count = self._nvml.nvmlDeviceGetCount()
            gpus = tuple(map(self._gpu, range(count)))
        except self._nvml.NVMLError as error:
            return Gpus(problem=f"the GPUs cannot be read: {error}")
        return Gpus(gpus, "" if gpus else "there is no GPU")

    def _begin(self) -> str:
        """Load the driver's library; what is in the way of that, in words."""
        if self._nvml is None:
            try:
                import pynvml  # not everywhere
            except ImportError:
                return "nvidia-ml-py is not installed"
            self._nvml = pynvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            return f"no NVIDIA GPU can be read: {error}"
        return ""

    def _gpu(self, index: int) -> Gpu:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        name, memory = nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetMemoryInfo(handle)
        utilization = 0.0
        with suppress(nvml.NVMLError):
            # Not told by a GPU that is divided.
            utilization = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        shown = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        return Gpu(index, shown, int(memory.used), int(memory.total), utilization)


def _ram_and_cpu() -> tuple[Ram, Cpu]:
    memory, times = psutil.virtual_memory(), psutil.cpu_times()
    spent = times._asdict()
    # The kernel counts what guests do among the user's.
    total = sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))
    idle = times.idle + spent.get("iowait", 0.0)
    return Ram(memory.total, memory.used, memory.available, memory.percent), Cpu(total - idle, total)


def _process(pid: int) -> ProcessReading | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            age = max(0.0, time.time() - process.create_time())
            return ProcessReading(process.memory_info().rss, times.user + times.system, age)
    except (psutil.Error, OSError):
        return None


def _processes(pids: Collection[int]) -> Mapping[int, ProcessReading]:
    return {pid: reading for pid in pids if (reading := _process(pid)) is not None}
