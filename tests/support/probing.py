"""A probe of a CLI program against the simulator, as tests run it."""

import sys
from pathlib import Path

from proxy.backends.claude_cli.command import CliSettings, Login, LoginMode
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.launcher import LaunchLimits
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.probe import PATIENCE, examine
from proxy.backends.claude_cli.process import StopTimes
from proxy.simulator.app import Simulator
from proxy.simulator.server import serve_simulator
from tests.support.children import wait_until_none
from tests.support.program import own_environment
from tests.support.running import WAIT

ROOT = Path(__file__).parents[2]


def write_api_cli(folder: Path, fault: str = "") -> Path:
    """The fake CLI that asks the API, as an executable file; `fault` is what it does wrong."""
    program = folder / "claude"
    environment = f'FAKE_FAULT="{fault}" PYTHONPATH="{ROOT}"'
    program.write_text(f'#!/bin/sh\n{environment} exec "{sys.executable}" -S -m tests.support.fake_api_cli "$@"\n')
    program.chmod(0o755)
    return program


async def examined(
    program: Path,
    folder: Path,
    *,
    mode: LoginMode = "api-key",
    patience: float = PATIENCE,
) -> tuple[Findings, Simulator]:
    """What is found out about `program`, and the simulator that it asked; no process is left."""
    settings = CliSettings(program, Login(mode, "ANTHROPIC_API_KEY"), own_environment(folder), "sonnet")
    folders = ProcessFolders(folder / "run")
    folders.open()
    try:
        async with serve_simulator() as simulator:
            limits = LaunchLimits(boot=WAIT, line=1 << 20, stop=StopTimes(0.5, 2, 2))
            findings = await examine(settings, folders, limits, simulator, patience)
    finally:
        folders.close()
    wait_until_none(folder)
    return findings, simulator
