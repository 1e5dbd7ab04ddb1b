"""`python -m bench`, as it is run: a part that takes no times, and what cannot be measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 120.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_what_the_api_gets_is_what_it_must_be(tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    done = bench("--only", "prompts", "--strict", "--output", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["what"]: row for row in json.loads(output.read_text())["rows"]}
    assert {name for name in rows if rows[name]["held"]} == {
        "added to a one-line chat",
        "messages repeated unchanged, live",
        "messages repeated unchanged, replayed",
    }
    assert all(name in done.stdout for name in rows)


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat"])
def test_a_cli_that_does_not_answer_is_an_error_and_no_number(tmp_path: Path, program: str) -> None:
    output = tmp_path / "found.json"
    done = bench("--only", "prompts", "--cli", program, "--output", str(output))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("bench: ")
    assert done.stdout == ""
    assert not output.exists()


def test_a_part_that_is_not_there_is_refused() -> None:
    done = bench("--only", "luck")
    assert done.returncode == 2
    assert "latency" in done.stderr
