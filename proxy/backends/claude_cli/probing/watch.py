"""Knows what the installed CLI does, and notices when another one takes its place."""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import structlog

from proxy.backends.claude_cli.command import LoginMode
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.opening import BOOTS
from proxy.backends.claude_cli.probing.store import ProbeStore, identity

log = structlog.get_logger()

_LOOK = 2.0
# Seconds between two looks at the program: it may be updated under a running daemon.

_AGAIN = 60.0
# Seconds after which a CLI that seems not to do what is needed is probed again: it may have been the machine's fault.

Examine = Callable[[], Awaitable[Findings]]
OnFindings = Callable[[Findings, bool], None]


class CliWatch:
    """Watches the program at `program`, from its start.

    `examine` probes it; what was found is kept in `store`. `on_findings` hears it, and whether the program was another
    one before.
    """

    def __init__(
        self, program: Path, login: LoginMode, store: ProbeStore, examine: Examine, on_findings: OnFindings
    ) -> None:
        self._program = program
        self._login = login
        self._store = store
        self._examine = examine
        self._on_findings = on_findings

    async def run(self) -> None:
        """Watch until cancelled."""
        known = ""
        again = 0.0
        while True:
            # For a moment during an update there is no program.
            with contextlib.suppress(OSError):
                program = identity(self._program)
                if program != known or anyio.current_time() >= again:
                    findings = await self._findings(program, changed=bool(known) and program != known)
                    known = findings.identity
                    again = float("inf") if findings.passed else anyio.current_time() + _AGAIN
            await anyio.sleep(_LOOK)

    async def _findings(self, program: str, *, changed: bool) -> Findings:
        kept = self._store.find(program, self._login)
        if kept is not None:
            self._on_findings(kept, changed)
            if all(check.verdict == "ok" for check in kept.checks):
                return kept
        # What did not work may have been the machine's fault, when it was found: nobody waits for this.
        findings = await self._examine()
        if kept is None or findings.checks != kept.checks:
            self._on_findings(findings, changed and kept is None)
            self._keep(findings)
        return findings

    def _keep(self, findings: Findings) -> None:
        booted = any(check.name == BOOTS.name and check.verdict == "ok" for check in findings.checks)
        if not booted:
            return
        try:
            self._store.keep(findings)
        except OSError as error:
            log.warning("probe_not_kept", error=str(error))
