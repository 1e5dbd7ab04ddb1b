"""`claude-ollama-server doctor`: what the CLI does, found out offline, with remedies."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack

from config import Settings
from proxy.app import find_cli, launch_limits, make_catalog, open_folders
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.probe import examine
from proxy.backends.claude_cli.probing.report import report
from proxy.backends.claude_cli.probing.store import ProbeStore


class CliUnfit(Exception):
    """The Claude CLI does not do what the daemon needs; the text names it."""


async def doctor(settings: Settings, environ: Mapping[str, str]) -> None:
    """Probe the Claude CLI, print what was found, and keep it for the daemon."""
    from proxy.simulator.server import serve_simulator  # most commands do without it

    cli_settings, cli = await find_cli(settings, environ, make_catalog(settings))
    width = max(60, min(120, shutil.get_terminal_size((110, 24)).columns))
    print(f"CLI      {cli.path}, {cli.origin}, version {cli.version}")
    print(f"login    {cli_settings.login.credential} ({cli_settings.login.mode})")
    with ExitStack() as stack:
        folders = ProcessFolders(settings.runtime_folder)
        open_folders(folders, settings)
        stack.callback(folders.close)
        async with serve_simulator() as recorder:
            findings = await examine(cli_settings, folders, launch_limits(settings), recorder)
    if findings.probed_as != findings.login:
        print(f"         probed as {findings.probed_as} in an empty home: your own login stays out of it")
    print(f"runtime  {settings.runtime_folder}, can be used")
    print(f"state    {settings.state_folder}, {_kept(findings, settings)}")
    print(f"\n{report(findings, width)}")
    if lacking := [check.name for check in findings.checks if check.needed and check.verdict != "ok"]:
        raise CliUnfit(f"the daemon cannot serve with this Claude CLI, for want of {', '.join(lacking)}")


def _kept(findings: Findings, settings: Settings) -> str:
    try:
        ProbeStore(settings.state_folder).keep(findings)
    except OSError as error:
        return f"cannot be used, so the findings are not kept: {error.strerror or error}"
    return "can be used"
