"""Brings a process to life and to its end: folders, environment, the sign that it has booted, the stop ladder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from proxy.backends.claude_cli.command import (
    TOKEN_DESCRIPTOR,
    CliSettings,
    Folders,
    key_of,
    make_argv,
    make_environment,
    token_of,
)
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.process import CliProcess, StopTimes
from proxy.backends.claude_cli.session import Session
from proxy.core.errors import BackendFailed


@dataclass(frozen=True, slots=True)
class LaunchLimits:
    """`boot` in seconds, `line` in bytes, and how patient stopping is."""

    boot: float
    line: int
    stop: StopTimes


@dataclass(slots=True)
class Launcher:
    """Launches and retires the processes of one daemon."""

    settings: CliSettings
    folders: ProcessFolders
    limits: LaunchLimits
    _places: dict[int, Path] = field(default_factory=dict)

    async def launch(self, builtin: Sequence[str] = ()) -> Session:
        """A booted process that has not been told anything, and may use the `builtin` tools of the CLI.

        Raises `BackendFailed`.
        """
        process: CliProcess | None = None
        place: Path | None = None
        booted = False
        try:
            place, folders = self.folders.make(own_work=bool(builtin))
            write_key(self.settings, folders)
            process = await CliProcess.spawn(
                make_argv(self.settings, folders, builtin),
                environment=make_environment(self.settings, folders),
                folder=folders.work,
                max_line=self.limits.line,
                secret=(TOKEN_DESCRIPTOR, token_of(self.settings)),
            )
            self._places[process.pid] = place
            self.folders.record(place, process.pid)
            session = Session(process)
            with anyio.fail_after(self.limits.boot):
                # The CLI says nothing by itself; the answer to a question that needs nothing shows that it has booted.
                await session.call("get_binary_version")
            booted = True
        except TimeoutError:
            raise BackendFailed(f"the Claude CLI did not boot within {self.limits.boot:g} s") from None
        except OSError as error:
            raise BackendFailed(f"the folders of a Claude CLI process cannot be made: {error}") from error
        finally:
            if not booted:
                if process is not None:
                    await self.kill(process)
                elif place is not None:
                    self.folders.remove(place)
        return session

    async def retire(self, process: CliProcess, *, idle: bool) -> None:
        """End `process` by the stop ladder and remove its folders."""
        await process.stop(self.limits.stop, idle=idle)
        self._forget(process)

    async def kill(self, process: CliProcess) -> None:
        """End `process` at once and remove its folders."""
        await process.kill(self.limits.stop)
        self._forget(process)

    def _forget(self, process: CliProcess) -> None:
        place = self._places.pop(process.pid, None)
        if place is not None:
            self.folders.remove(place)


def write_key(settings: CliSettings, folders: Folders) -> None:
    """Put the key, where that is the login, into the file that the process reads it from. Raises OSError."""
    if key := key_of(settings):
        folders.key.touch(mode=0o600)
        folders.key.write_text(key)
