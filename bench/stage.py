"""What every measurement runs on: the simulated Messages API, a clean environment, a folder that is removed."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.children import Failed, limit, python, running, tail

_START_TIMEOUT = 30.0
# Seconds that a program gets to start.


@dataclass(frozen=True, slots=True)
class Stage:
    """`cli` is the program under measurement, `environ` what the daemon and, through it, the CLI may see."""

    folder: Path
    cli: Path
    environ: Mapping[str, str]

    @property
    def state(self) -> Path:
        """The state folder of all daemons: what one has found out about the CLI, the next one knows."""
        return self.folder / "state"

    def make_folder(self, name: str) -> Path:
        """A new, empty folder for one process."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


@contextmanager
def open_stage(cli: Path) -> Iterator[Stage]:
    """The simulator as a process of its own, without any delay of its making."""
    with tempfile.TemporaryDirectory(prefix="claude-ollama-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        log = folder / "simulator.log"
        environ = clean_environment(folder / "home")
        with running(python("-m", "proxy.simulator"), environment=environ, log=log) as simulator:
            assert simulator.stdout is not None
            with limit(_START_TIMEOUT, "starting the simulator"):
                url = simulator.stdout.readline().decode().strip()
            if not url:
                raise Failed(f"the simulator did not start: {tail(log)}")
            yield Stage(folder, cli, {**environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"})


def clean_environment(home: Path) -> dict[str, str]:
    """Nothing of the user's logins and settings, and no way out of loopback."""
    home.mkdir(mode=0o700)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }


def read_version(stage: Stage) -> str:
    """The version that the CLI reports."""
    environ = {**stage.environ, "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    argv = [str(stage.cli), "--version"]
    done = subprocess.run(argv, env=environ, capture_output=True, timeout=_START_TIMEOUT, check=False)
    match = re.match(rb"\s*(\d+(?:\.\d+)+)", done.stdout)
    if match is None:
        raise Failed(f"{stage.cli} --version said {(done.stdout or done.stderr)!r:.200}")
    return match[1].decode()
