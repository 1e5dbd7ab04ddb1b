"""The documents name what there is: routes, commands, exit codes; and nothing of the machine they were written on."""

import re
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

import claude_ollama_server as entry
from config import Settings
from proxy.api.desk import Options
from proxy.api.routes import make_routes
from proxy.parts import RELOADED
from proxy.web.pages import PageRoutes

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))

EXIT_CODES = {
    0: "(signal|stop)",
    entry.EXIT_FAILURE: "fail",
    entry.EXIT_SETTINGS: "setting",
    entry.EXIT_PORT_TAKEN: "port",
    entry.EXIT_CLI_MISSING: "CLI",
    entry.EXIT_CLI_NOT_EXECUTABLE: "CLI",
}

REGISTRIES = [
    f"{name}.{end}"
    for end, names in {"org": ["pypi", "pythonhosted", "npmjs"], "com": ["npmjs", "yarnpkg"]}.items()
    for name in names
]
OUR_OWN_FOLDERS = [f"/{name}/" for name in ("work", "root")]


def tracked() -> list[Path]:
    """The files under version control."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_every_route_is_documented() -> None:
    nothing = cast(Any, None)
    routes = make_routes(nothing, Options(1, 1), nothing, nothing, chats=nothing, pages=PageRoutes().routes())
    text = README + (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for route in routes:
        assert re.search(rf"(?<![\w/]){re.escape(route.path)}(?![\w/])", text), f"{route.path} is not documented"


def test_what_needs_a_restart_is_documented_by_name() -> None:
    text = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    named = re.search(r"What needs a restart.*?Credentials", text, re.S)
    assert named
    assert set(re.findall(r"`([a-z_]+)`", named[0])) - {"restart_needed"} == set(Settings.model_fields) - RELOADED


def test_every_target_of_the_makefile_is_in_the_readme() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert {"install", "demo", "run", "test", "check", "bench"} <= set(targets)
    assert [target for target in targets if not re.search(rf"\bmake {target}\b", README)] == []


def test_every_command_of_the_program_is_in_the_readme() -> None:
    assert [
        name
        for name in ("serve", "demo", "models", "doctor", "keys", "chats", "service")
        if f"claude-ollama-server {name}" not in README
    ] == []


def test_the_readme_is_read_to_its_end() -> None:
    assert 100 <= len(README.splitlines()) <= 190


def test_every_exit_code_is_documented() -> None:
    text = "\n".join([README, *(page.read_text(encoding="utf-8") for page in PAGES)])
    for code, word in EXIT_CODES.items():
        assert re.search(rf"(?is)exit\s+codes?.*?\b{code}\b[^0-9]*{word}", text), f"exit code {code} is not documented"


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_unit_starts_again_only_where_that_may_help() -> None:
    unit = (ROOT / "systemd" / "claude-ollama-server.service").read_text(encoding="utf-8")
    prevented = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.M)
    assert prevented
    assert set(map(int, prevented[1].split())) == {
        entry.EXIT_SETTINGS,
        entry.EXIT_CLI_MISSING,
        entry.EXIT_CLI_NOT_EXECUTABLE,
    }


@pytest.mark.parametrize("words", [REGISTRIES, OUR_OWN_FOLDERS], ids=["registries", "folders"])
def test_no_file_names_a_place_that_only_one_machine_knows(words: list[str]) -> None:
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        for word in words:
            assert word not in text, f"{path.relative_to(ROOT)} has {word}"
