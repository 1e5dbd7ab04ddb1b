"""`doctor`: the machine and the CLI as the daemon would find them, and a test turn where that is wanted."""

import re
import subprocess
from pathlib import Path

from anyio import to_thread

import claude_ollama_server as entry
from proxy.backends.claude_cli.probing.probe import QUESTIONS
from proxy.backends.claude_cli.probing.store import ProbeStore, identity
from proxy.simulator.server import serve_simulator
from tests.support.children import wait_until_none
from tests.support.probing import write_api_cli
from tests.support.program import run_program

KEY = "sk-ant-the-operators-own-key"


def doctor(folder: Path, cli: Path, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_program(folder, "doctor", "--cli", cli, "--port", "0", *arguments, **environ)


def test_the_doctor_finds_nothing_wrong_with_a_cli_that_works_and_keeps_that(tmp_path: Path) -> None:
    cli = write_api_cli(tmp_path)
    done = doctor(tmp_path, cli, ANTHROPIC_API_KEY=KEY)
    assert (done.returncode, done.stderr) == (0, "")
    heading, machine, table, ways = (part.splitlines() for part in done.stdout.split("\n\n"))
    assert heading == [f"CLI      {cli}, configured, version 9.9.9", "login    ANTHROPIC_API_KEY (api-key)"]
    looked_at = [line.split()[:2] for line in machine[1:] if line[0] != " "]
    assert looked_at[:4] == [["CHECK", "VERDICT"], ["state", "ok"], ["runtime", "ok"], ["port", "ok"]]
    assert [line.split()[1] for line in table[1:] if line[0] != " "] == ["VERDICT", *["ok"] * len(QUESTIONS)]
    assert ways[1] == "serve      yes"
    kept = ProbeStore(tmp_path / "user" / ".local" / "state" / "claude-ollama-server").find(identity(cli), "api-key")
    assert kept
    assert kept.passed
    assert KEY not in done.stdout
    assert not list(tmp_path.rglob("daemon-*")), "its folder is left"
    wait_until_none(tmp_path)


def test_the_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    done = doctor(tmp_path, write_api_cli(tmp_path, "slash"), COLUMNS="1000")
    assert done.returncode == entry.EXIT_FAILURE
    assert done.stderr == "claude-ollama-server: the daemon cannot serve here, for want of slash\n"
    assert re.search(r"^slash +failed +/cost in a chat is not sent", done.stdout, re.M)
    assert re.search(r"^slash \(needed\): nothing is served", done.stdout, re.M)
    assert "serve      no" in done.stdout


def test_the_doctor_lets_pass_what_can_be_done_without(tmp_path: Path) -> None:
    done = doctor(tmp_path, write_api_cli(tmp_path, "history"), "--login", "stored")
    assert (done.returncode, done.stderr) == (0, "")
    assert "history (can be done without)" in done.stdout
    assert "history    told in one message" in done.stdout
    assert "probed as oauth-token in an empty home: your own login stays out of it" in done.stdout


def test_the_doctor_names_a_state_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = doctor(
        tmp_path,
        write_api_cli(tmp_path),
        *("--state-folder", tmp_path / "file", "--runtime-folder", tmp_path / "run"),
        COLUMNS="200",
    )
    assert (done.returncode, done.stderr) == (0, "")
    # However the table had to break its lines.
    assert f"state failed {tmp_path}/file, cannot be used: File exists" in " ".join(done.stdout.split())
    assert "\nstate (advised): let this user write there, or give another one with --state-folder" in done.stdout
    assert "These findings could not be kept" in done.stdout


def test_the_doctor_names_a_runtime_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = doctor(tmp_path, write_api_cli(tmp_path), "--runtime-folder", tmp_path / "file")
    assert done.returncode == entry.EXIT_FAILURE
    assert f"the runtime folder {tmp_path}/file cannot be used: File exists" in done.stderr


async def test_the_doctor_asks_a_question_over_the_login_when_that_is_wanted(tmp_path: Path) -> None:
    async with serve_simulator() as simulator:
        upstream = {"ANTHROPIC_BASE_URL": simulator.url, "ANTHROPIC_API_KEY": KEY}
        cli = write_api_cli(tmp_path)
        done = await to_thread.run_sync(lambda: doctor(tmp_path, cli, "--live", **upstream))
        assert (done.returncode, done.stderr) == (0, "")
        asked, answered, took = done.stdout.split("A TEST TURN\n")[1].splitlines()
        assert len(simulator.recorder.requests) == 1
    assert "this costs tokens" in asked
    assert re.match(r"it answered '.+' after \d", answered)
    assert re.match(r"it took \d+ tokens of prompt and \d+ of answer", took)
    assert KEY not in done.stdout
