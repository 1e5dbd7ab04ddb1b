"""`service`: units beneath a folder of one's own, checked by systemd's own tool where it is there."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import claude_ollama_server as entry
from proxy.commands.service import refusal
from proxy.commands.units import Places, Scope, make_unit, places, read_environment, unreachable
from tests.support.program import ROOT
from tests.support.running import Running

SCOPES: tuple[Scope, ...] = ("system", "user")
ANALYZE = shutil.which("systemd-analyze")

MOST_EXPOSED: Mapping[str, float] = {"system": 1.5, "user": 6.5}
"""What `systemd-analyze security` may say at most."""

with_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")


@dataclass(frozen=True)
class Done:
    """What a command printed and said, and its exit code."""

    stdout: str
    stderr: str
    returncode: int


Service = Callable[..., Done]


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Service:
    """Run ``service`` for a user whose home is `tmp_path`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def run(*arguments: object) -> Done:
        code = 0
        try:
            entry.main(["service", *map(str, arguments)])
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Done(said.out, said.err, code)

    return run


@pytest.fixture
def service(at_home: Service, tmp_path: Path) -> Service:
    """Run ``service`` beneath a folder that is not the system that runs."""
    return lambda action, *arguments: at_home(action, "--root", tmp_path / "image", *arguments)


def places_in(folder: Path, scope: Scope) -> Places:
    return places(scope, {"HOME": str(folder)}, folder / "image")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_service_is_installed_shown_and_removed(service: Service, tmp_path: Path, scope: Scope) -> None:
    done = service("install", f"--{scope}")
    assert (done.returncode, done.stderr) == (0, "")
    at = places_in(tmp_path, scope)
    unit, environment, link = at.unit, at.environment, at.link
    assert f"unit         {unit}, written\n" in done.stdout
    assert f"environment  {environment}, made" in done.stdout
    assert "daemon-reload" in done.stdout.split("Next:")[1]
    assert environment.stat().st_mode & 0o777 == 0o600
    assert read_environment(environment.read_text()) == {}

    environment.write_text("ANTHROPIC_API_KEY=secret\n")
    again = service("install", f"--{scope}")
    assert f"unit         {unit}, as it was\n" in again.stdout
    assert environment.read_text() == "ANTHROPIC_API_KEY=secret\n"
    environment.chmod(0o644)
    assert f"other users can read it: chmod 600 {environment}" in service("install", f"--{scope}").stdout
    unit.write_text("[Service]\nExecStart=/old\n")
    assert f"unit         {unit}, replaced\n" in service("install", f"--{scope}").stdout

    shown = service("status", f"--{scope}")
    assert shown.returncode == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["installed", "starts", "enabled", "active"]

    link.parent.mkdir()
    link.symlink_to(unit)
    assert re.search(r"^enabled +yes", service("status", f"--{scope}").stdout, re.M)
    gone = service("uninstall", f"--{scope}")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert not unit.exists()
    assert not link.is_symlink()
    assert f"kept     {environment}" in gone.stdout
    assert environment.exists()


@pytest.mark.parametrize(("action", "words"), [("status", "is not installed"), ("uninstall", "nothing was removed")])
def test_what_is_not_there_is_neither_shown_nor_removed(service: Service, action: str, words: str) -> None:
    done = service(action, "--user")
    assert done.returncode == entry.EXIT_FAILURE
    assert words in done.stderr


def test_now_needs_a_systemd_that_runs_and_says_so(service: Service) -> None:
    done = service("install", "--user", "--now")
    assert done.returncode == 0
    assert "is not the system that runs: nothing was started." in done.stdout


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A program in the place of systemctl, and what it was asked; it fails where a file ``broken`` lies beside it."""
    program, asked = tmp_path / "bin" / "systemctl", tmp_path / "bin" / "asked"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> "{asked}"\n'
        'case "$*" in *is-system-running) echo running;; *is-active*) echo active;;\n'
        '*) if [ -e "$0.broken" ]; then echo the disk is on fire >&2; exit 1; fi;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return lambda: [line for line in asked.read_text().splitlines() if "running" not in line]


def test_now_has_systemd_start_and_stop_the_service(at_home: Service, systemctl: Callable[[], list[str]]) -> None:
    done = at_home("install", "--user", "--now")
    assert (done.returncode, done.stderr) == (0, "")
    unit = "claude-ollama-server.service"
    started = ["--user daemon-reload", f"--user enable {unit}", f"--user restart {unit}"]
    assert systemctl() == started
    assert [line.split(None, 2)[2] for line in done.stdout.splitlines() if line.startswith("runs ")] == started
    assert "It runs, and starts with your login." in done.stdout
    gone = at_home("uninstall", "--user", "--now")
    assert systemctl()[3:] == [f"--user disable --now {unit}", "--user daemon-reload"]
    assert "It was stopped." in gone.stdout


def test_what_systemd_cannot_do_is_told_in_its_words(
    at_home: Service, systemctl: Callable[[], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "systemctl.broken").touch()
    done = at_home("install", "--user", "--now")
    assert done.returncode == entry.EXIT_FAILURE
    assert "systemctl daemon-reload failed: the disk is on fire; see journalctl --user" in done.stderr
    assert systemctl() == ["--user daemon-reload"]


def test_the_status_asks_the_daemon_itself_by_the_settings_of_the_service(
    fake: Running, at_home: Service, tmp_path: Path
) -> None:
    at = places("user", {"HOME": str(tmp_path)})
    for path in (at.unit, at.environment):
        path.parent.mkdir(parents=True)
    at.unit.write_text(make_unit("user", ["/opt/program"]))
    at.environment.write_text(f'CLAUDE_OLLAMA_PORT="{fake.url.rpartition(":")[2]}"\n')
    done = at_home("status", "--user")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"^ready +yes, it answers on {fake.url}$", done.stdout, re.M)
    assert re.search(r"^starts +/opt/program serve$", done.stdout, re.M)
    at.settings.write_text("spares = true\n")
    done = at_home("status", "--user")
    assert done.returncode == entry.EXIT_FAILURE
    assert "its settings are wrong: spares" in done.stdout


def test_a_system_service_needs_root() -> None:
    assert "needs root" in refusal("system", 1000, Path("/"))
    assert refusal("system", 0, Path("/")) == ""
    assert refusal("system", 1000, Path("/image")) == ""
    assert refusal("user", 1000, Path("/")) == ""


def test_a_program_that_the_system_service_cannot_reach_is_named() -> None:
    assert unreachable(["/opt/x/bin/claude-ollama-server"]) == ""
    assert unreachable(["/usr/bin/python3", "/home/ada/x.py"]) == "/home/ada/x.py"
    assert unreachable(["/homes/x"]) == ""


# Units


@pytest.mark.parametrize("scope", SCOPES)
def test_a_unit_starts_this_program_whatever_its_path(scope: Scope) -> None:
    unit = make_unit(scope, ["/opt/100% my/$x", 'a"b'])
    assert 'ExecStart="/opt/100%% my/$$x" "a\\"b" serve\n' in unit
    assert unit.count("ExecStart=") == 1


@pytest.mark.parametrize("scope", SCOPES)
def test_a_unit_reloads_watches_and_starts_again_only_where_that_may_help(scope: Scope) -> None:
    unit = make_unit(scope, ["/bin/true"])
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "WatchdogSec=30", "UMask=0077"):
        assert f"\n{line}\n" in unit
    codes = (entry.EXIT_SETTINGS, entry.EXIT_CLI_MISSING, entry.EXIT_CLI_NOT_EXECUTABLE)
    assert f"\nRestartPreventExitStatus={' '.join(map(str, codes))}\n" in unit


@with_systemd
@pytest.mark.parametrize("scope", SCOPES)
def test_systemd_finds_nothing_wrong_with_a_unit_and_little_exposed(tmp_path: Path, scope: Scope) -> None:
    assert ANALYZE
    unit = tmp_path / "claude-ollama-server.service"
    unit.write_text(make_unit(scope, ["/bin/true"]))
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    verify = [ANALYZE, "verify", f"--{scope}", str(unit)]
    verified = subprocess.run(verify, env=environ, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True, check=False
    )
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure[1]) <= MOST_EXPOSED[scope]


def test_the_units_are_part_of_the_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        carried = {name for name in files.namelist() if name.startswith("proxy/commands/systemd/")}
    assert {name.rpartition("/")[2] for name in carried} == {path.name for path in (ROOT / "systemd").iterdir()}
