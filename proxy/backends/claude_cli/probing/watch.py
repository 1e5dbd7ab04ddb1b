"""Knows what the installed CLI does, and notices when another one takes its place."""

import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import structlog

from proxy.backends.claude_cli.command import LoginMode
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.store import ProbeStore, identity

log = structlog.get_logger()

_LOOK = 2.0
# Seconds between two looks at the program: it may be updated under a running daemon.

_AGAIN, _AGAIN_AT_MOST = 60.0, 3600.0
# Seconds after which a CLI is probed again, if not everything could be found out: the machine may have been busy.

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
        self._told = ""

    async def run(self) -> None:
        """Watch until cancelled."""
        seen = ""
        again, pause = 0.0, _AGAIN
        while True:
            program = self._look()
            if program and (program != seen or anyio.current_time() >= again):
                pause = min(2 * pause, _AGAIN_AT_MOST) if program == seen else _AGAIN
                seen = program
                again = math.inf if await self._learn(program) else anyio.current_time() + pause
            await anyio.sleep(_LOOK)

    def _look(self) -> str:
        """The identity of the program; empty while there is none, as for a moment during an update."""
        try:
            return identity(self._program)
        except OSError:
            return ""

    async def _learn(self, program: str) -> bool:
        """Find out what the program does; False when that has to be tried again."""
        findings = self._store.find(program, self._login)
        if findings is None:
            try:
                findings = await self._examine()
            except Exception as error:
                # Requests are served all the same, in the ways of a CLI on which everything works.
                log.error("probe_failed", error=f"{type(error).__name__}: {error}")
                return False
            if findings.established:
                self._keep(findings)
        self._on_findings(findings, self._told not in ("", program))
        self._told = program
        return findings.established

    def _keep(self, findings: Findings) -> None:
        try:
            self._store.keep(findings)
        except OSError as error:
            log.warning("probe_not_kept", error=str(error))
