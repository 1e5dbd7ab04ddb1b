"""The CLI that there is, and the folders that its processes live in."""

import contextlib
from collections.abc import Mapping

from config import Settings
from proxy.backends.claude_cli.command import CliSettings, choose_login
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.locate import Cli, find_program, read_version
from proxy.catalog.models import Catalog


async def find_cli(settings: Settings, environ: Mapping[str, str], catalog: Catalog) -> tuple[CliSettings, Cli]:
    """The CLI that there is, and what its processes have in common: they boot with the default model of `catalog`.

    Raises `CliMissing`, `CliNotExecutable`, and `LoginMissing` for a login that is not there.
    """
    login = choose_login(settings.login, environ)
    program, origin = find_program(settings.cli, environ)
    cli_settings = CliSettings(
        program=program,
        login=login,
        environ=environ,
        model=catalog.find(settings.default_model).backend_model,
        retries=settings.cli_retries,
        stateless=settings.stateless_turns,
        pass_environment=settings.pass_environment,
    )
    return cli_settings, Cli(program, origin, await read_version(program, _bare_environment(environ)))


def open_folders(folders: ProcessFolders, settings: Settings) -> int:
    """Open the folders of the processes; returns how many processes were swept. Raises OSError in plain words."""
    with contextlib.suppress(OSError):
        # Before the other folder, which may lie in it, makes it as open as the umask leaves it.
        settings.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return folders.open()
    except OSError as error:
        words = f"the runtime folder {settings.runtime_folder} cannot be used: {error.strerror or error}"
        raise OSError(words) from error


def _bare_environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environ[name] for name in ("PATH", "HOME", "LANG") if name in environ}
    return kept | {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
