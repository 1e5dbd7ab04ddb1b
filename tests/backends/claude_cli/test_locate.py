"""Which program is found, with little shell scripts for programs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.backends.claude_cli import locate
from proxy.backends.claude_cli.locate import (
    CliMissing,
    CliNotExecutable,
    bundled_program,
    find_program,
    read_version,
)

MakeProgram = Callable[..., Path]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Write a shell script that runs as a program."""

    def write(name: str, script: str = "exit 0", *, mode: int = 0o755) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def bundled(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries a program, found before the one that may be installed."""
    path = program("site/claude_agent_sdk/_bundled/claude")
    (path.parents[1] / "__init__.py").touch()
    monkeypatch.syspath_prepend(path.parents[2])
    return path


@pytest.fixture
def nothing_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that carries no program."""
    package = tmp_path / "site" / "claude_agent_sdk"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")


# Where it is


def test_the_configured_program_comes_first(program: MakeProgram, bundled: Path) -> None:
    configured, on_path = program("mine/my-claude"), program("bin/claude")
    assert bundled.exists()
    assert find_program(configured, {"PATH": str(on_path.parent)}) == (configured, "configured")


def test_a_program_on_the_path_comes_before_the_bundled_one(program: MakeProgram, bundled: Path) -> None:
    on_path = program("bin/claude")
    assert bundled.exists()
    assert find_program(None, {"PATH": str(on_path.parent)}) == (on_path, "PATH")


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_the_bundled_program_comes_last(bundled: Path, path: str) -> None:
    assert find_program(None, {"PATH": path}) == (bundled, "bundled with claude-agent-sdk")


def test_the_path_is_that_of_the_environment_given(
    program: MakeProgram, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program("elsewhere/claude").parent))
    assert find_program(None, {"PATH": "/nonexistent"})[0] == bundled


def test_what_cannot_be_run_is_not_found_on_the_path(program: MakeProgram, bundled: Path) -> None:
    plain = program("bin/claude", mode=0o644)
    assert find_program(None, {"PATH": str(plain.parent)})[0] == bundled


def test_a_configured_home_is_expanded(program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = program("home/claude")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_program(Path("~/claude"), {})[0] == configured


def test_the_program_found_is_named_in_full(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = program("mine/claude")
    monkeypatch.chdir(configured.parent)
    assert find_program(Path("claude"), {})[0] == configured


def test_a_link_to_a_program_that_goes_by_its_name_is_run_by_that_name(program: MakeProgram, tmp_path: Path) -> None:
    manager = program("manager/volta-shim")
    shim = tmp_path / "claude"
    shim.symlink_to(manager)
    assert find_program(None, {"PATH": str(tmp_path)})[0] == shim


@pytest.mark.usefixtures("nothing_bundled")
def test_without_any_program_the_error_says_what_to_do() -> None:
    with pytest.raises(CliMissing, match=r"none is on PATH.*install it.*--cli"):
        find_program(None, {"PATH": "/nonexistent"})


def test_a_configured_program_that_is_not_there_is_no_reason_to_take_another(bundled: Path) -> None:
    missing = bundled.with_name("other")
    with pytest.raises(CliMissing, match=str(missing)):
        find_program(missing, {})


def test_a_configured_file_that_is_no_program_is_an_error(program: MakeProgram) -> None:
    plain = program("claude", mode=0o644)
    with pytest.raises(CliNotExecutable, match="not an executable file"):
        find_program(plain, {})


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(CliNotExecutable, match="not an executable file"):
        find_program(tmp_path, {})


def test_the_bundled_program_is_a_file_in_its_package(bundled: Path) -> None:
    assert bundled_program() == bundled


@pytest.mark.usefixtures("nothing_bundled")
def test_a_package_may_carry_no_program() -> None:
    assert bundled_program() is None


# Its version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("2.1.329 (Claude Code)", "2.1.329"),
        ("2.1", "2.1"),
        ("  10.20.30.40-beta+1", "10.20.30.40"),
        ("2.1.3\nsomething else", "2.1.3"),
    ],
)
async def test_the_version_is_the_number_that_the_program_reports(
    program: MakeProgram, said: str, version: str
) -> None:
    path = program("claude", f'[ "$1" = --version ] && echo "{said}"')
    assert await read_version(path, ENVIRONMENT) == version


async def test_a_program_runs_in_the_environment_given(program: MakeProgram) -> None:
    path = program("claude", 'echo "1.$NUMBER"')
    assert await read_version(path, {**ENVIRONMENT, "NUMBER": "7"}) == "1.7"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo broken >&2; exit 3", "failed with code 3: broken$"),
        ("echo 2.1.3; exit 1", "failed with code 1: 2.1.3$"),
        ("echo hello", "failed with code 0: hello$"),
        ("printf 'first\\nsecond\\n' >&2; exit 1", "failed with code 1: first$"),
        ("exit 1", "failed with code 1: it said nothing$"),
        ("echo 2", "failed with code 0: 2$"),
    ],
)
async def test_a_program_that_reports_no_version_cannot_be_used(program: MakeProgram, script: str, said: str) -> None:
    with pytest.raises(CliNotExecutable, match=said):
        await read_version(program("claude", script), ENVIRONMENT)


async def test_a_program_in_no_known_format_cannot_be_run(tmp_path: Path) -> None:
    path = tmp_path / "claude"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    with pytest.raises(CliNotExecutable, match="cannot be run: Exec format error"):
        await read_version(path, ENVIRONMENT)


async def test_a_program_that_does_not_answer_is_given_up(
    program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate, "_VERSION_TIMEOUT", 0.1)
    with pytest.raises(CliNotExecutable, match=r"did not answer within 0\.1 s"):
        await read_version(program("claude", "exec sleep 600"), ENVIRONMENT)
