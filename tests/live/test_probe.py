"""The real CLI passes the probe, in each mode of being logged in."""

import json
import os
from pathlib import Path

import pytest

from proxy.backends.claude_cli import codec, command, launcher, replay
from proxy.backends.claude_cli.codec import JsonObject
from proxy.backends.claude_cli.command import LoginMode
from proxy.backends.claude_cli.locate import bundled_program
from proxy.backends.claude_cli.strategies import Strategies
from tests.live.test_what_the_api_gets import store_login
from tests.support.probing import examined


@pytest.fixture
def bundled() -> Path:
    program = bundled_program()
    assert program
    return program


@pytest.mark.parametrize("mode", ["api-key", "oauth-token"])
async def test_on_the_bundled_cli_everything_works(tmp_path: Path, bundled: Path, mode: LoginMode) -> None:
    findings, simulator = await examined(bundled, tmp_path, mode=mode)
    assert [check for check in findings.checks if check.verdict != "ok"] == []
    assert findings.strategies == Strategies()
    assert findings.version == bundled.with_name("claude.version").read_text().split()[0]
    assert findings.probed_as == mode
    assert all("probe-made-up-credential" in str(request.headers) for request in simulator.requests)


@pytest.mark.skipif("TEST_CLI" not in os.environ, reason="TEST_CLI may name another Claude CLI, which is probed then")
@pytest.mark.parametrize("mode", ["api-key", "oauth-token"])
async def test_another_cli_does_what_is_needed(tmp_path: Path, mode: LoginMode) -> None:
    findings, _ = await examined(Path(os.environ["TEST_CLI"]), tmp_path, mode=mode)
    assert [check for check in findings.checks if check.needed and check.verdict != "ok"] == []
    assert findings.strategies.history == "structured"
    assert findings.strategies.options


async def test_a_stored_login_is_left_alone(tmp_path: Path, bundled: Path) -> None:
    home = tmp_path / "user"
    store_login(home)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    findings, simulator = await examined(bundled, tmp_path, mode="stored")
    assert [check for check in findings.checks if check.verdict != "ok"] == []
    assert findings.probed_as == "oauth-token"
    assert all("probe-made-up-credential" in str(request.headers) for request in simulator.requests)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    for request in simulator.requests:
        assert "stored" not in str(request.headers)
        assert "SECRET" not in request.raw.decode()


def without_guard(uuid: str, content: list[JsonObject], *, ask: bool) -> bytes:
    """A user message without the blank text that keeps the CLI from reading the others."""
    line = json.loads(codec.encode_user(uuid, content, ask=ask))
    line["message"]["content"].pop()
    return json.dumps(line).encode() + b"\n"


async def test_a_guard_that_is_left_out_is_missed(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks check something: on the real CLI each fails without what makes it pass."""
    off = {"CLAUDE_CODE_DISABLE_ATTACHMENTS", "CLAUDE_CODE_DISABLE_FILE_MENTIONS"}
    kept = {name: value for name, value in command._FIXED.items() if name not in off}
    monkeypatch.setattr(command, "_FIXED", kept)
    monkeypatch.setattr(replay, "encode_user", without_guard)
    argv = command.make_argv
    monkeypatch.setattr(launcher, "make_argv", lambda *given: [flag for flag in argv(*given) if flag != "--tools="])
    findings, _ = await examined(bundled, tmp_path, mode="oauth-token")
    failed = {check.name for check in findings.checks if check.verdict == "failed"}
    # No answer is taken from a CLI that offers tools of its own.
    assert failed == {"stream", "tools_off", "additions", "slash", "mentions"}
    assert not findings.passed
    assert set(findings.strategies.unfit) == {"stream", "slash", "mentions", "tools_off"}
