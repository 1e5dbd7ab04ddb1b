"""What an answer took: tokens and durations of its own; memory, processors and GPUs of the whole machine."""

from collections.abc import Iterable
from typing import Any, Literal

from proxy.core.events import Finished
from proxy.core.resources import Gpu, Gpus, ProcessReading, Ram, Use
from proxy.wire.ollama.answers import DONE_REASONS

Bottleneck = Literal["vram", "gpu_compute", "ram", "upstream", "balanced"]

_NANOSECONDS = 1_000_000_000
_MB, _GB = 1 << 20, 1 << 30

_UNKNOWN = 1
# Nanoseconds: a duration that nobody measured.

_FULL = 90.0
# Percent from which on something is the bottleneck.

_WAITING = 0.5
# A process that has computed for less than this part of an answer has waited for somebody else's machine.


def metrics(finished: Finished, use: Use) -> dict[str, Any]:
    """Every metric of an answer, from `done` on."""
    timings, usage = finished.timings, finished.usage
    durations = {"load": timings.load, "prompt_eval": timings.prompt, "eval": timings.eval}
    return {
        "done": True,
        "done_reason": DONE_REASONS[finished.reason],
        "total_duration": timings.total,
        **{f"{name}_duration": duration for name, duration in durations.items()},
        "prompt_eval_count": usage.prompt_tokens,
        "eval_count": usage.output_tokens,
        "total_tokens": total_tokens(finished),
        "tokens_per_second": tokens_per_second(finished),
        "prompt_tokens_per_second": _rate(usage.prompt_tokens, timings.prompt),
        "total_time_seconds": seconds(timings.total),
        **{f"{name}_time_seconds": seconds(duration) for name, duration in durations.items()},
        "gpu_usage_before": gpus(use.before.gpus),
        "gpu_usage_after": gpus(use.after.gpus),
        "ram_usage_before": ram(use.before.ram),
        "ram_usage_after": ram(use.after.ram),
        "resource_delta": {
            "gpu": [_gpu_delta(before, after) for before, after in _pairs(use)],
            "ram": {
                "memory_delta_gb": _ram_delta(use),
                "percent_delta": _change(use.after.ram.percent - use.before.ram.percent),
            },
            "cpu": {"percent": use.after.cpu.percent_since(use.before.cpu)},
        },
        "overlapping": use.overlapping,
        "process": _process(use.process_before, use.process_after),
    }


def simple_metrics(finished: Finished, use: Use) -> dict[str, Any]:
    """The few metrics of /chat/simple."""
    pairs = list(_pairs(use))
    return {
        "tokens_per_second": tokens_per_second(finished),
        "total_tokens": total_tokens(finished),
        "total_time_seconds": seconds(finished.timings.total),
        "gpu_data": {
            "memory_delta_mb": _change(sum(after.memory_used - before.memory_used for before, after in pairs) / _MB),
            "utilization_delta_percent": _largest(after.utilization - before.utilization for before, after in pairs),
            "peak_memory_mb": round(sum(_peak_memory(*pair) for pair in pairs) / _MB, 2),
            "peak_utilization_percent": _largest(_peak_utilization(*pair) for pair in pairs),
        },
        "ram_data": {"memory_delta_gb": _ram_delta(use), "peak_usage_gb": round(_peak_ram(use) / _GB, 2)},
        "bottleneck_type": bottleneck(finished, use),
        "resource_efficiency": efficiency(finished, use),
        "overlapping": use.overlapping,
    }


def bottleneck(finished: Finished, use: Use) -> Bottleneck:
    """What an answer waited for most: the first of these that is so."""
    if max(use.before.ram.percent, use.after.ram.percent) >= _FULL:
        return "ram"
    pairs, computed = list(_pairs(use)), _computed(use)
    elsewhere = computed < _WAITING * finished.timings.total / _NANOSECONDS if use.process_after else not pairs
    if elsewhere:
        return "upstream"
    if any(_peak_memory(before, after) >= _FULL / 100 * after.memory_total for before, after in pairs):
        return "vram"
    if any(_peak_utilization(before, after) >= _FULL for before, after in pairs):
        return "gpu_compute"
    return "balanced"


def efficiency(finished: Finished, use: Use) -> float:
    """Tokens a second for each GB of the memory of what answered: its process, else this machine at its peak."""
    memory = use.process_after.memory if use.process_after else _peak_ram(use)
    return round(tokens_per_second(finished) * _GB / memory, 2) if memory else 0.0


def tokens_per_second(finished: Finished) -> float:
    """How fast the answer was written, 0 when that is not known."""
    return _rate(finished.usage.output_tokens, finished.timings.eval)


def total_tokens(finished: Finished) -> int:
    """Those of the prompt, and those of the answer."""
    return finished.usage.prompt_tokens + finished.usage.output_tokens


def seconds(duration: int) -> float:
    """Nanoseconds as seconds, with three decimals."""
    return round(duration / _NANOSECONDS, 3)


def gpus(read: Gpus) -> dict[str, Any]:
    """The GPUs of a machine, or why there is none."""
    if read.problem:
        return {"gpus": [], "available": False, "error": read.problem}
    told = [
        {
            "index": gpu.index,
            "name": gpu.name,
            "memory_used_mb": round(gpu.memory_used / _MB, 2),
            "memory_total_mb": round(gpu.memory_total / _MB, 2),
            "utilization_percent": gpu.utilization,
        }
        for gpu in read.gpus
    ]
    return {"gpus": told, "available": True}


def ram(read: Ram) -> dict[str, float]:
    """The memory of a machine."""
    return {
        "total_gb": round(read.total / _GB, 2),
        "used_gb": round(read.used / _GB, 2),
        "available_gb": round(read.available / _GB, 2),
        "percent_used": round(read.percent, 2),
    }


def _rate(tokens: int, duration: int) -> float:
    return round(tokens * _NANOSECONDS / duration, 2) if duration > _UNKNOWN else 0.0


def _pairs(use: Use) -> Iterable[tuple[Gpu, Gpu]]:
    """Each GPU that was there all the time, before and after."""
    before = {gpu.index: gpu for gpu in use.before.gpus.gpus}
    return ((before[gpu.index], gpu) for gpu in use.after.gpus.gpus if gpu.index in before)


def _gpu_delta(before: Gpu, after: Gpu) -> dict[str, Any]:
    return {
        "gpu_index": after.index,
        "memory_delta_mb": _change((after.memory_used - before.memory_used) / _MB),
        "utilization_delta_percent": _change(after.utilization - before.utilization),
    }


def _change(difference: float, decimals: int = 2) -> float:
    """A difference, rounded; one that comes to nothing is 0.0, not -0.0."""
    return round(difference, decimals) + 0.0


def _largest(values: Iterable[float]) -> float:
    return max((*map(_change, values), 0.0), key=abs)


def _ram_delta(use: Use) -> float:
    return _change((use.after.ram.used - use.before.ram.used) / _GB, 3)


def _peak_ram(use: Use) -> int:
    return max(use.before.ram.used, use.after.ram.used)


def _peak_memory(before: Gpu, after: Gpu) -> int:
    return max(before.memory_used, after.memory_used)


def _peak_utilization(before: Gpu, after: Gpu) -> float:
    return max(before.utilization, after.utilization)


def _computed(use: Use) -> float:
    """Seconds that the process of the answer has computed."""
    before, after = use.process_before, use.process_after
    return max(0.0, after.cpu - before.cpu) if before and after else 0.0


def _process(before: ProcessReading | None, after: ProcessReading | None) -> dict[str, float] | None:
    if before is None or after is None:
        return None
    return {
        "memory_mb": round(after.memory / _MB, 2),
        "memory_delta_mb": _change((after.memory - before.memory) / _MB),
        "cpu_seconds": round(max(0.0, after.cpu - before.cpu), 3),
    }
