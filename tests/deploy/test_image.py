"""The image: what it copies builds and runs, as whom, with which settings, and how its health is asked."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings
from tests.support.running import Running

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "deploy/Dockerfile"
TIMEOUT = 120.0

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """The Dockerfile's, in order, without comments and with their lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines()) if name]


def values(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def copied() -> list[str]:
    """What comes from the repository."""
    return [source for rest in values("COPY") if not rest.startswith("--from") for source in shlex.split(rest)[:-1]]


def environment() -> dict[str, str]:
    (given,) = values("ENV")
    return dict(pair.split("=", 1) for pair in shlex.split(given))


def test_the_last_stage_has_neither_sources_nor_pip_and_runs_as_nobody_in_particular() -> None:
    stages = [index for index, (name, _) in enumerate(instructions()) if name == "FROM"]
    last = instructions()[stages[-1] :]
    assert len(stages) == 2
    assert all("slim" in value for value in values("FROM"))
    assert [rest.split()[0] for name, rest in last if name == "COPY"] == ["--from=build"]
    (user,) = values("USER")
    assert user not in ("root", "0")
    order = [name for name, _ in last]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert any(
        f"useradd --system --uid 11434 --home-dir /var/lib/claude-ollama-server --create-home {user}" in rest
        for name, rest in last
        if name == "RUN"
    )


def test_what_is_copied_is_what_the_build_may_see() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied()) == sorted(allowed)
    assert all((ROOT / source).exists() for source in copied())


def test_what_is_copied_builds_and_runs(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for name in copied():
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=TIMEOUT)
    program = target / "bin" / values("ENTRYPOINT")[0].strip('[]"')
    done = subprocess.run(
        [sys.executable, "-P", str(program), "serve", "--help"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": os.defpath},
    )
    assert "--open-to-network" in done.stdout
    assert (target / "proxy/commands/systemd").is_dir()


def test_every_variable_of_the_image_is_a_setting() -> None:
    names = [name.removeprefix("CLAUDE_OLLAMA_").lower() for name in environment() if name.startswith("CLAUDE_OLLAMA_")]
    assert names
    assert set(names) <= set(Settings.model_fields)
    (volume,) = values("VOLUME")
    assert environment()["CLAUDE_OLLAMA_STATE_FOLDER"] == volume


def test_its_health_is_asked_of_the_daemon(fake: Running) -> None:
    (check,) = values("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    port = fake.url.rsplit(":", 1)[1]
    asked = [
        sys.executable,
        *(word.replace(f":{Settings.model_fields['port'].default}", f":{port}") for word in command[1:]),
    ]
    assert asked[-1] != command[-1]
    assert subprocess.run(asked, timeout=TIMEOUT, check=False).returncode == 0
    nobody = [word.replace(f":{port}", ":9") for word in asked]
    assert subprocess.run(nobody, timeout=TIMEOUT, check=False, stderr=subprocess.DEVNULL).returncode != 0


@pytest.mark.parametrize("name", ["WORKDIR", "EXPOSE", "STOPSIGNAL"])
def test_the_image_says_what_a_reader_looks_for(name: str) -> None:
    assert values(name)
