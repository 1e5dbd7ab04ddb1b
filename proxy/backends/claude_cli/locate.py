"""Which `claude` program runs, and its version."""

import importlib.util
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

_VERSION_TIMEOUT = 30
# Seconds. The program is a few hundred megabytes, and the first read of it may come from a slow disk.


class CliMissing(Exception):
    """No `claude` program; the text says where it was looked for."""


class CliNotExecutable(Exception):
    """The `claude` program cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Cli:
    """A `claude` program. `origin` says how it was found; `version` is as it reports it."""

    path: Path
    origin: str
    version: str


def find_program(configured: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """The program to run and how it was found: the configured one, else on PATH, else the bundled one.

    Raises `CliMissing` and `CliNotExecutable`.
    """
    if configured is not None:
        path, origin = configured.expanduser(), "configured"
        if not path.exists():
            raise CliMissing(f"there is no Claude CLI at {path}")
    elif found := shutil.which("claude", path=environ.get("PATH", os.defpath)):
        path, origin = Path(found), "PATH"
    elif bundled := bundled_program():
        path, origin = bundled, "bundled with claude-agent-sdk"
    else:
        raise CliMissing(
            "there is no Claude CLI: none is on PATH, and claude-agent-sdk, which carries one, is not installed; "
            "install it (pip install 'claude-ollama-server[cli]') or give its path with --cli"
        )
    if not path.is_file() or not os.access(path, os.X_OK):
        raise CliNotExecutable(f"the Claude CLI at {path} is not an executable file")
    return path.absolute(), origin


def bundled_program() -> Path | None:
    """The program that the package claude-agent-sdk carries, when it is installed."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "_bundled" / "claude"
        if path.is_file():
            return path
    return None


async def read_version(path: Path, environment: Mapping[str, str]) -> str:
    """The version that the program at `path` reports. Raises `CliNotExecutable` when it does not run."""
    try:
        with anyio.fail_after(_VERSION_TIMEOUT):
            done = await anyio.run_process([str(path), "--version"], env=dict(environment), check=False)
    except TimeoutError:
        raise CliNotExecutable(f"{path} --version did not answer within {_VERSION_TIMEOUT} s") from None
    except OSError as error:
        raise CliNotExecutable(f"{path} cannot be run: {error.strerror or error}") from error
    match = re.match(rb"\s*(\d+(?:\.\d+)+)", done.stdout)
    if done.returncode != 0 or match is None:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().partition("\n")[0]
        raise CliNotExecutable(f"{path} --version failed with code {done.returncode}: {said or 'it said nothing'}")
    return match[1].decode()
