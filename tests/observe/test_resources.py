"""Readings of the machine and of a process: in threads, bounded, and quiet where there is no GPU."""

import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import psutil
import pytest

from proxy.core.errors import ServerError
from proxy.core.resources import Gpu, Gpus
from proxy.observe.resources import NvidiaGpus, Resources
from tests.support.running import WAIT

CARD = Gpu(0, "H100", 20 << 30, 80 << 30, 55.0)


class NvmlFault(Exception):
    """What the bindings raise."""


def bindings(
    init: Callable[[], None] = lambda: None, count: Callable[[], int] = lambda: 1, **changed: object
) -> object:
    """NVIDIA's bindings, as far as they are used, of a machine with one GPU."""
    known = {
        "NVMLError": NvmlFault,
        "nvmlInit": init,
        "nvmlDeviceGetCount": count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda _handle: b"H100",
        "nvmlDeviceGetMemoryInfo": lambda _handle: SimpleNamespace(used=20 << 30, total=80 << 30),
        "nvmlDeviceGetUtilizationRates": lambda _handle: SimpleNamespace(gpu=55),
    }
    return SimpleNamespace(**(known | changed))


def fail(*_args: object) -> int:
    raise NvmlFault("driver not loaded")


def fail_to_start() -> None:
    fail()


async def test_the_machine_is_read_and_soon_after_not_read_again() -> None:
    calls: list[int] = []

    def read() -> Gpus:
        calls.append(threading.get_ident())
        return Gpus((CARD,))

    resources = Resources(read, age=WAIT)
    first = await resources.host()
    assert await resources.host() is first
    assert first.gpus.gpus == (CARD,)
    assert 0 < first.ram.used < first.ram.total
    assert 0 < first.cpu.busy < first.cpu.total
    assert len(calls) == 1
    assert calls[0] != threading.get_ident()
    assert (await Resources(read, age=0).host()) is not first


async def test_a_process_is_read_and_one_that_is_not_there_is_none() -> None:
    resources = Resources(Gpus)
    own = await resources.process(os.getpid())
    assert own is not None
    assert own.memory > 1 << 20
    assert own.cpu > 0
    assert own.age > 0
    assert list(await resources.processes([os.getpid(), 2**22 + 1])) == [os.getpid()]
    assert await resources.process(None) is None
    assert await resources.process(2**22 + 1) is None


async def test_a_driver_that_does_not_answer_holds_up_nobody_for_long_and_one_thread_alone() -> None:
    go_on, calls = threading.Event(), list[int]()

    def read() -> Gpus:
        calls.append(1)
        go_on.wait(WAIT)
        return Gpus((CARD,))

    resources = Resources(read, age=0, patience=0.05)
    with anyio.fail_after(WAIT):
        assert "could not be read" in (await resources.host()).gpus.problem
        assert "could not be read" in (await resources.host()).gpus.problem
        assert len(calls) == 1
        go_on.set()
        while not (await resources.host()).gpus.gpus:
            pass


async def test_where_the_system_does_not_tell_it_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    with pytest.raises(ServerError, match="the memory in use cannot be read: No such file or directory"):
        await Resources(Gpus).host()
    assert await Resources(Gpus).process(1) is None


def test_gpus_are_read_by_nvidias_bindings() -> None:
    read = NvidiaGpus(bindings())
    assert read() == Gpus((CARD,))
    assert read() == Gpus((CARD,))


@pytest.mark.parametrize(
    ("nvml", "problem"),
    [
        (bindings(init=fail_to_start), "no NVIDIA GPU can be read: driver not loaded"),
        (bindings(count=lambda: 0), "there is no GPU"),
        (bindings(count=fail), "the GPUs cannot be read: driver not loaded"),
    ],
)
def test_where_there_is_no_gpu_the_reason_is_told(nvml: object, problem: str) -> None:
    read = NvidiaGpus(nvml)
    assert read() == Gpus(problem=problem)
    assert read() == Gpus(problem=problem)


def test_where_the_library_cannot_be_loaded_now_it_may_be_later() -> None:
    shortage = [OSError(errno.EMFILE, "Too many open files")]

    def begin() -> None:
        if shortage:
            raise shortage.pop()

    read = NvidiaGpus(bindings(init=begin))
    assert read() == Gpus(problem="no NVIDIA GPU can be read now: Too many open files")
    assert read() == Gpus((CARD,))


def test_a_gpu_that_does_not_tell_its_utilization_has_none() -> None:
    [gpu] = NvidiaGpus(bindings(nvmlDeviceGetUtilizationRates=fail, nvmlDeviceGetName=lambda _handle: "H100"))().gpus
    assert (gpu.name, gpu.utilization) == ("H100", 0.0)


def test_without_the_bindings_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert NvidiaGpus()().problem == "nvidia-ml-py is not installed"
