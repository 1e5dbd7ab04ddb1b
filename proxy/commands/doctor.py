"""`claude-ollama-server doctor`: what the daemon would find, the machine and the CLI, with remedies."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack

from config import Settings
from proxy.app import make_catalog
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.probe import examine
from proxy.backends.claude_cli.probing.report import report, table
from proxy.backends.claude_cli.probing.store import ProbeStore
from proxy.cli import find_cli, open_folders
from proxy.commands.live import ask_once
from proxy.commands.machine import examine_machine
from proxy.parts import launch_limits


class Unfit(Exception):
    """The daemon could not serve here; the text names what it is for want of."""


async def doctor(settings: Settings, environ: Mapping[str, str], *, live: bool = False) -> None:
    """Examine the machine and the Claude CLI, print what was found, and keep what concerns the CLI for the daemon.

    With `live` one question is asked over the operator's own login. Raises `Unfit`.
    """
    from proxy.simulator.server import serve_simulator  # most commands do without it

    cli_settings, cli = await find_cli(settings, environ, make_catalog(settings))
    width = max(60, min(120, shutil.get_terminal_size((110, 24)).columns))
    print(f"CLI      {cli.path}, {cli.origin}, version {cli.version}")
    print(f"login    {cli_settings.login.credential} ({cli_settings.login.mode})")
    machine = examine_machine(settings)
    print(f"\nTHIS MACHINE\n{table(machine, width, 'advised')}", flush=True)
    with ExitStack() as stack:
        folders = ProcessFolders(settings.runtime_folder)
        open_folders(folders, settings)
        stack.callback(folders.close)
        async with serve_simulator() as recorder:
            findings = await examine(cli_settings, folders, launch_limits(settings), recorder)
    print("\nTHE CLI")
    if findings.probed_as != findings.login:
        print(f"probed as {findings.probed_as} in an empty home: your own login stays out of it")
    print(report(findings, width), flush=True)
    if not _kept(findings, settings):
        print("\nThese findings could not be kept: the daemon finds them out again.")
    checks = [*machine, *findings.checks]
    if lacking := [check.name for check in checks if check.needed and check.verdict != "ok"]:
        raise Unfit(f"the daemon cannot serve here, for want of {', '.join(lacking)}")
    if live and (fault := await ask_once(settings, environ)):
        raise Unfit(f"the test turn failed: {fault}")


def _kept(findings: Findings, settings: Settings) -> bool:
    try:
        ProbeStore(settings.state_folder).keep(findings)
    except OSError:
        return False
    return True
