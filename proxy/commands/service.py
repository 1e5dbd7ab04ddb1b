"""`claude-ollama-server service`: the daemon as a service of systemd, installed, shown, removed."""

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import ConfigError, load
from proxy.api.health import READY
from proxy.commands.asking import ask
from proxy.commands.units import (
    APPLICATION,
    ENVIRONMENT,
    UNIT,
    Places,
    Scope,
    command_of,
    make_unit,
    own_program,
    places,
    read_environment,
    unreachable,
)

_PATIENCE = 120
# Seconds for one call of systemctl: a start waits until the daemon is ready, or fails to be.


class ServiceFault(Exception):
    """What was asked for cannot be done, or the service does not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class _Service:
    """The service that a command is about. `root` is "/" but for those who make an image of a system."""

    scope: Scope
    environ: Mapping[str, str]
    root: Path
    now: bool

    @property
    def places(self) -> Places:
        return places(self.scope, self.environ, self.root)

    def is_controlled(self) -> bool:
        """A systemd that can be reached runs what lies here."""
        if self.root != Path("/") or shutil.which("systemctl") is None:
            return False
        return _run(self, "is-system-running").stdout.strip() not in ("", "offline", "unknown")

    @property
    def systemctl(self) -> list[str]:
        return ["systemctl", *(["--user"] if self.scope == "user" else [])]


def add_service_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what can be done with a service, and with which one."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, text in (
        ("install", _install, "put the unit in place, for the program that is asked"),
        ("status", _status, "tell whether it is installed, enabled and active, and whether it answers"),
        ("uninstall", _uninstall, "remove the unit; settings, environment and state stay"),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.set_defaults(action=run, now=False)
        scope = action.add_mutually_exclusive_group()
        for value, whose in (
            ("user", "your own service, with your login"),
            ("system", "the system's, which needs root"),
        ):
            scope.add_argument(f"--{value}", dest="scope", action="store_const", const=value, help=whose)
        action.add_argument("--root", default="/", metavar="DIR", help="beneath this folder, as for an image")
        if name != "status":
            effect = "enable and start" if name == "install" else "stop and disable"
            action.add_argument("--now", action="store_true", help=f"{effect} it too, by systemctl")


async def service(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Do what was asked with the service. Raises `ServiceFault`."""
    arguments["action"](_meant(arguments, environ))


def _meant(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> _Service:
    scope: Scope = arguments["scope"] or ("system" if os.geteuid() == 0 else "user")
    return _Service(scope, environ, Path(arguments["root"]).absolute(), arguments["now"])


def refusal(scope: Scope, user: int, root: Path) -> str:
    """Why the user of a number may not change the service of `scope`, or nothing."""
    if scope == "system" and user != 0 and root == Path("/"):
        return f"a system service needs root: sudo {APPLICATION} service …, or --user for one of your own"
    return ""


def _install(meant: _Service) -> None:
    _check_allowed(meant)
    program = own_program()
    # What an image will have, nobody knows here.
    if meant.scope == "system" and meant.root == Path("/") and (part := unreachable(program)):
        raise ServiceFault(
            f"a system service runs under a user of its own, which cannot reach {part}: install the program elsewhere, "
            "such as in /opt (docs/service.md), or use --user"
        )
    at, unit = meant.places, make_unit(meant.scope, program)
    print(f"unit         {at.unit}, {_keep_unit(at.unit, unit)}")
    print(f"starts       {command_of(unit)}")
    print(f"environment  {at.environment}, {_keep_environment(at.environment)}")
    print(f"settings     {at.settings}, {'as it was' if at.settings.exists() else 'none yet, and none needed'}")
    if meant.now and meant.is_controlled():
        _call(meant, "daemon-reload")
        _call(meant, "enable", UNIT)
        # A service that runs already goes on with the new unit.
        _call(meant, "restart", UNIT)
        print(f"\nIt runs, and starts with {_occasion(meant)}. Its log: {_journal(meant)}")
        return
    if meant.now:
        print(f"\n{_uncontrolled(meant)}: nothing was started.")
    _print_next(meant)


def _print_next(meant: _Service) -> None:
    ctl = " ".join(meant.systemctl)
    print("\nNext:")
    credential = "a credential into the environment file" + (", or `claude` logged in" if meant.scope == "user" else "")
    print(f"  1. {credential}")
    print(f"  2. {ctl} daemon-reload && {ctl} enable --now {APPLICATION}")
    print(f"  3. {APPLICATION} service status --{meant.scope}")
    if meant.scope == "user":
        print("It starts with your first login; `loginctl enable-linger` has it start with the machine.")


def _uninstall(meant: _Service) -> None:
    _check_allowed(meant)
    at, ctl = meant.places, " ".join(meant.systemctl)
    if not at.unit.is_file():
        raise ServiceFault(f"there is no {at.unit}, so nothing was removed")
    acts = meant.now and meant.is_controlled()
    if acts:
        _call(meant, "disable", "--now", UNIT)
    for path in (at.link, at.unit):
        if path.is_symlink() or path.exists():
            path.unlink()
            print(f"removed  {path}")
    for path in (at.environment, at.settings):
        if path.exists():
            print(f"kept     {path}")
    if acts:
        _call(meant, "daemon-reload")
        print("\nIt was stopped.")
        return
    if meant.now:
        print(f"\n{_uncontrolled(meant)}: nothing was stopped.")
    print(f"\nNext, if it runs: {ctl} daemon-reload && {ctl} stop {APPLICATION}")


def _status(meant: _Service) -> None:
    at = meant.places
    installed = at.unit.is_file()
    print(f"installed  {at.unit if installed else f'no, there is no {at.unit}'}")
    if not installed:
        raise ServiceFault(f"the service is not installed: {APPLICATION} service install --{meant.scope}")
    print(f"starts     {command_of(at.unit.read_text(encoding='utf-8'))}")
    print(f"enabled    {f'yes, it starts with {_occasion(meant)}' if at.link.is_symlink() else 'no'}")
    print(f"active     {_asked(meant, 'is-active') if meant.is_controlled() else f'unknown: {_uncontrolled(meant)}'}")
    if meant.root != Path("/"):
        return
    url, problem = _readiness(meant)
    print(f"ready      {f'no, {problem}' if problem else f'yes, it answers on {url}'}")
    if problem:
        raise ServiceFault("the service does not answer")


def _readiness(meant: _Service) -> tuple[str, str]:
    """Where the service listens by its settings, and what keeps it from answering."""
    try:
        environment = read_environment(meant.places.environment.read_text(encoding="utf-8"))
    except OSError:  # not there, or root's
        environment = {}
    kept = {name: value for name, value in environment.items() if name.startswith(("CLAUDE_OLLAMA_", "OLLAMA_"))}
    own = {"CLAUDE_OLLAMA_CONFIG": str(meant.places.settings)} if meant.places.settings.exists() else {}
    try:
        settings = load({}, {"HOME": meant.environ.get("HOME", "/"), **own, **kept})
    except ConfigError as error:
        return "", f"its settings are wrong: {error}"
    tls = settings.tls_certificate is not None
    url = f"{'https' if tls else 'http'}://{settings.host}:{settings.port}"
    answer = ask(settings.host, settings.port, READY, tls=tls)
    if answer is None:
        return url, f"nothing answers on {url}"
    try:
        missing = dict(json.loads(answer.body)["missing"])
    except (ValueError, KeyError, TypeError):
        return url, f"{url} is answered by another program"
    return url, "; ".join(map(str, missing.values()))


def _keep_unit(path: Path, unit: str) -> str:
    """Put `unit` in place; returns what was done."""
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if before == unit:
        return "as it was"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(unit, encoding="utf-8")
    path.chmod(0o644)
    return "written" if before is None else "replaced"


def _keep_environment(path: Path) -> str:
    """Make the file of secrets, which no other user may read, where there is none; returns what was done."""
    if path.exists():
        open_to_others = path.stat().st_mode & 0o077
        return f"as it was, and other users can read it: chmod 600 {path}" if open_to_others else "as it was"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(ENVIRONMENT)
    return "made, for your credential"


def _check_allowed(meant: _Service) -> None:
    if why := refusal(meant.scope, os.geteuid(), meant.root):
        raise ServiceFault(why)


def _call(meant: _Service, *words: str) -> None:
    print(f"runs         {' '.join([*meant.systemctl, *words])}", flush=True)
    done = _run(meant, *words)
    if done.returncode != 0:
        said = done.stderr.strip().partition("\n")[0] or "it did not say why"
        raise ServiceFault(f"systemctl {words[0]} failed: {said}; see {_journal(meant)}")


def _asked(meant: _Service, question: str) -> str:
    return _run(meant, question, UNIT).stdout.strip() or "unknown: systemctl did not say"


def _run(meant: _Service, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [*meant.systemctl, *words], capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise ServiceFault(f"systemctl {words[0]} did not end within {_PATIENCE} s; see {_journal(meant)}") from None


def _uncontrolled(meant: _Service) -> str:
    if meant.root != Path("/"):
        return f"{meant.root} is not the system that runs"
    return "systemd does not run here" if meant.scope == "system" else "no systemd of yours runs here"


def _occasion(meant: _Service) -> str:
    return "the machine" if meant.scope == "system" else "your login"


def _journal(meant: _Service) -> str:
    return f"journalctl {'--user ' if meant.scope == 'user' else ''}-u {APPLICATION}"
