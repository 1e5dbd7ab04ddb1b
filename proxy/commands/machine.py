"""What the daemon would find on this machine: folders, port, limits; each with a verdict and a remedy."""

import errno
import json
import os
import resource
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from config import Settings
from proxy.api.health import ALIVE, SERVER
from proxy.api.server import open_socket
from proxy.backends.claude_cli.probing.findings import Check
from proxy.commands.asking import ask

_LEAST_SPACE = 100 << 20
# Bytes. A process writes little, but a full disk costs whatever is kept.

_PROCESS_MEMORY = 250 << 20
# Bytes of a CLI process in the middle of a conversation, about.

_PROCESS_FILES = 6
# Descriptors that the daemon holds for a CLI process: its pipes, and what its start and end take.

_PROCESS_TASKS = 20
# Threads of a CLI process, at most, each of which counts as a process of the user: it has 8 when it is idle.

_OWN_FILES = 100
# Descriptors that the daemon needs for itself.


def examine_machine(settings: Settings) -> list[Check]:
    """Every check of the machine, as a daemon with `settings` would find it."""
    return [
        check_folder("state", settings.state_folder, needed=False),  # first: the other one may lie in it
        check_folder("runtime", settings.runtime_folder, needed=True),
        check_port(settings.host, settings.port),
        check_files(settings.max_processes, settings.max_queue, _allowed(resource.RLIMIT_NOFILE)),
        check_tasks(settings.max_processes, [_allowed(resource.RLIMIT_NPROC), *_of_group("pids.max")]),
        check_memory(settings.max_processes, min([psutil.virtual_memory().available, *_left_of_group()])),
    ]


def check_folder(name: str, folder: Path, *, needed: bool) -> Check:
    """Whether `folder` is ours alone, can be written to, and has room."""
    question = f"Can the {name} folder be used?"

    def found(detail: str, remedy: str = "") -> Check:
        return Check(name, question, "failed" if remedy else "ok", f"{folder}, {detail}", remedy, needed=needed)

    elsewhere = f"give another one with --{name}-folder"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
        status = folder.stat()
    except OSError as error:
        return found(f"cannot be used: {error.strerror or error}", f"let this user write there, or {elsewhere}")
    if status.st_uid != os.geteuid():
        return found("belongs to another user", elsewhere)
    if status.st_mode & 0o077:
        return found("can be entered by other users", f"chmod 700 {folder}")
    if free < _LEAST_SPACE:
        return found(f"only {_size(free)} free", f"make room there, or {elsewhere}")
    return found(f"can be used, {_size(free)} free")


def check_port(host: str, port: int) -> Check:
    """Whether the port can be listened on, and if not, by what it is taken."""
    place = f"{host} port {port}"

    def found(detail: str, remedy: str = "") -> Check:
        return Check("port", "Can the port be had?", "failed" if remedy else "ok", detail, remedy, needed=True)

    if port == 0:
        return found(f"{host}, any free port")
    try:
        open_socket(host, port).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            words = error.strerror or str(error)
            return found(f"{place} cannot be listened on: {words}", "choose another with --host and --port")
    else:
        return found(f"{place} is free")
    other = "choose another one with --port"
    answer = ask(host, port, ALIVE) or ask(host, port, ALIVE, tls=True)
    if answer and _is_ours(answer.body):
        return found(f"{place} is taken by a {SERVER} that runs")
    if answer and (home := ask(host, port, "/")) and b"Ollama is running" in home.body:
        return found(f"{place} is taken by an Ollama", f"stop it (systemctl stop ollama), or {other}")
    return found(f"{place} is taken by another program", f"see which (ss -ltnp), stop it, or {other}")


def _is_ours(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("server") == SERVER


def check_files(processes: int, queue: int, allowed: float) -> Check:
    """Whether so many descriptors suffice for `processes` and as many clients as may be served and wait."""
    wanted = _OWN_FILES + processes * (_PROCESS_FILES + 1) + queue
    remedy = "raise it (ulimit -n, LimitNOFILE= in a unit), or lower max_queue"
    detail = f"{_number(allowed)} allowed, up to {wanted} wanted"
    return _measured("files", "Are there descriptors enough?", detail, remedy, enough=allowed >= wanted)


def check_tasks(processes: int, allowed: Sequence[float]) -> Check:
    """Whether so many processes and threads suffice for `processes` of the CLI."""
    wanted = processes * _PROCESS_TASKS
    remedy = "raise it (ulimit -u, TasksMax= in a unit), or lower max_processes"
    detail = f"{_number(min(allowed))} allowed, up to {wanted} wanted by {processes} CLI processes"
    return _measured("tasks", "Are processes and threads enough?", detail, remedy, enough=min(allowed) >= wanted)


def check_memory(processes: int, available: float) -> Check:
    """Whether so many bytes of memory suffice for `processes` of the CLI."""
    wanted = processes * _PROCESS_MEMORY
    most = max(2, int(available // _PROCESS_MEMORY))
    remedy = f"lower max_processes, to {most} for what is available now"
    detail = f"{_size(available)} available, up to {_size(wanted)} wanted by {processes} CLI processes"
    return _measured("memory", "Is there memory enough?", detail, remedy, enough=available >= wanted)


def _measured(name: str, question: str, detail: str, remedy: str, *, enough: bool) -> Check:
    return Check(name, question, "ok" if enough else "failed", detail, "" if enough else remedy)


def _allowed(limit: int) -> float:
    soft = resource.getrlimit(limit)[0]
    return float("inf") if soft == resource.RLIM_INFINITY else soft


def _of_group(name: str) -> list[float]:
    """The number in a file of the control groups that hold this process, if they set one; those of Linux, version 2."""
    try:
        line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return []
    root = Path("/sys/fs/cgroup")
    group = root / line.removeprefix("0::").lstrip("/")
    found = []
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        try:
            found.append(float((folder / name).read_text()))
        except (OSError, ValueError):  # none there, or "max"
            continue
    return found


def _left_of_group() -> list[float]:
    limits, used = _of_group("memory.max"), _of_group("memory.current")
    return [max(0.0, min(limits) - used[0])] if limits and used else []


def _number(count: float) -> str:
    return "any number" if count == float("inf") else f"{count:.0f}"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
