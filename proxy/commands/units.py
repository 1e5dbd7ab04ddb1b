"""The unit files of the service, and where what belongs to it lies. Pure but for reading the two files.

They are those of the folder `systemd`, which an installed package carries beside this module.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Scope = Literal["system", "user"]

APPLICATION = "claude-ollama-server"
UNIT = f"{APPLICATION}.service"

_SOURCES: Mapping[Scope, str] = {"system": UNIT, "user": f"{APPLICATION}-user.service"}
_WANTED_BY: Mapping[Scope, str] = {"system": "multi-user.target", "user": "default.target"}

_UNREACHABLE = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - names of folders, none is used
# What the system unit keeps from the daemon: ProtectHome=, PrivateTmp=.

ENVIRONMENT = """\
# Credentials and settings of the service, one NAME=value a line; none is needed but a login.
#
# ANTHROPIC_API_KEY=
# CLAUDE_CODE_OAUTH_TOKEN=      from `claude setup-token`
# CLAUDE_OLLAMA_PORT=11434
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a service lies: its unit, the link that enables that, its environment's file, and its settings'."""

    unit: Path
    link: Path
    environment: Path
    settings: Path


def places(scope: Scope, environ: Mapping[str, str], root: Path = Path("/")) -> Places:
    """Where the service of `scope` lies beneath `root`, for the user whose environment is `environ`."""
    if scope == "system":
        units, own = Path("/etc/systemd/system"), Path("/etc") / APPLICATION
    else:
        home = environ.get("XDG_CONFIG_HOME", "")
        config = Path(home) if Path(home).is_absolute() else Path(environ.get("HOME", "/")) / ".config"
        units, own = config / "systemd" / "user", config / APPLICATION
    link = units / f"{_WANTED_BY[scope]}.wants" / UNIT
    found = (units / UNIT, link, own / "environment", own / "config.toml")
    return Places(*(root / path.relative_to("/") for path in found))


def own_program() -> list[str]:
    """The command line of this installation, without a command."""
    script = Path(sys.executable).parent / APPLICATION
    if script.is_file():
        return [str(script)]
    return [sys.executable, str(Path(__file__).parents[2] / "claude_ollama_server.py")]


def unreachable(program: Sequence[str]) -> str:
    """The first part of a command line that the system service could not read, or nothing."""
    homes = [Path(folder) for folder in _UNREACHABLE]
    return next((part for part in program if any(Path(part).is_relative_to(home) for home in homes)), "")


def make_unit(scope: Scope, program: Sequence[str]) -> str:
    """The unit of `scope` that starts `program`."""
    packaged = Path(__file__).parent / "systemd"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "systemd"
    lines = (folder / _SOURCES[scope]).read_text(encoding="utf-8").splitlines()
    command = f"ExecStart={' '.join(map(_quoted, (*program, 'serve')))}"
    return "\n".join(command if line.startswith("ExecStart=") else line for line in lines) + "\n"


def command_of(unit: str) -> str:
    """The command line that a unit starts."""
    return next((line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart=")), "")


def read_environment(text: str) -> dict[str, str]:
    """The variables in the file of a service's environment; what is no assignment counts as none."""
    pairs = (line.strip().partition("=") for line in text.splitlines() if not line.lstrip().startswith(("#", ";")))
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}


def _quoted(word: str) -> str:
    """A word of a command line as systemd reads it: ``%`` and ``$`` stand for themselves."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if any(character.isspace() or character in "\"'\\" for character in word) else plain
