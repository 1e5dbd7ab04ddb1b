"""The Claude CLI itself as a client: one drives the daemon, the daemon drives another; both are the real one."""

import json
import subprocess
from pathlib import Path

import pytest

from proxy.backends.claude_cli.locate import bundled_program
from tests.conftest import MakeDaemon
from tests.support.chatting import process_of
from tests.support.running import WAIT, clean_environment
from tests.support.tools import results

PROMPT = '[simulate: tool Bash {"command": "echo $((40+2))"} text="Let me see."]'
KEPT_BY_THE_CLI = ("Agent", "ToolSearch")


@pytest.mark.parametrize("flags", [["--bare"], []], ids=["bare", "usual"])
def test_the_cli_runs_its_tool_and_goes_on_live(make_daemon: MakeDaemon, tmp_path: Path, flags: list[str]) -> None:
    running = make_daemon(settings={"spares": "2"})
    running.run(running.daemon.discovered.wait())
    home = tmp_path / "client"
    home.mkdir()
    environment = clean_environment(home, running.url) | {"CLAUDE_CONFIG_DIR": str(home / "claude")}
    command = [str(bundled_program()), "-p", PROMPT, "--allowedTools", "Bash", "--model", "sonnet"]
    done = subprocess.run(
        [*command, "--output-format", "json", *flags],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert (answer["subtype"], answer["is_error"], answer["num_turns"]) == ("success", False, 2)
    assert '"42"' in answer["result"]

    first, second = (request.body for request in running.sent() if "Bash" in names_in(request.body))
    assert results(second) == [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}]
    assert process_of(first) == process_of(second)
    assert first["tools"] == second["tools"]
    assert {"Bash", "Edit", "Read"} <= set(names_in(first))
    assert not set(KEPT_BY_THE_CLI) & set(names_in(first))
    if not flags:
        assert all(any(name.startswith(f"{kept}_") for name in names_in(first)) for kept in KEPT_BY_THE_CLI)
    assert not running.daemon.engine.unsupported


def names_in(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [tool["name"] for tool in body.get("tools", ())]
