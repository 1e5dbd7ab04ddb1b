"""What a machine, and a process on it, has and uses: readings, taken by whoever can, told by whoever answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. Memory is in bytes, `utilization` in percent."""

    index: int
    name: str
    memory_used: int
    memory_total: int
    utilization: float


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs of a machine; where there is none that can be read, `problem` says why."""

    gpus: tuple[Gpu, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Ram:
    """The memory of a machine, in bytes; `percent` of it is in use."""

    total: int
    used: int
    available: int
    percent: float


@dataclass(frozen=True, slots=True)
class Cpu:
    """What the processors of a machine have done since it started, all together: seconds of work, and seconds."""

    busy: float
    total: float

    def percent_since(self, before: "Cpu") -> float:
        """How busy they were between two moments."""
        total = self.total - before.total
        return round(min(100.0, max(0.0, 100 * (self.busy - before.busy) / total)), 2) if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class HostReading:
    """What a machine uses at a moment."""

    gpus: Gpus
    ram: Ram
    cpu: Cpu


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """What a process uses at a moment: `memory` in bytes, `cpu` in seconds since it started, `age` seconds ago."""

    memory: int
    cpu: float
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """What was used while a request ran: of the whole machine `before` and `after`, of the process that answered
    `process_before` and `process_after`, None where there is no such process. `overlapping`: other requests ran too."""

    before: HostReading
    after: HostReading
    overlapping: bool
    process_before: ProcessReading | None = None
    process_after: ProcessReading | None = None
