"""However the CLI is logged in: no words of a client read a file, run a command, or are anything but words."""

from pathlib import Path

import pytest

from tests.conftest import MakeDaemon
from tests.live.test_what_the_api_gets import MODES, store_login
from tests.support.children import children

SECRET = "the launch code is 8472"


@pytest.mark.parametrize("mode", ["api-key", "oauth-token", "stored"])
def test_words_of_every_kind_reach_the_model_as_words_alone(make_daemon: MakeDaemon, tmp_path: Path, mode: str) -> None:
    home = tmp_path / "user"
    store_login(home)
    secret, touched = tmp_path / "secret.txt", tmp_path / "touched"
    secret.write_text(SECRET)
    running = make_daemon(environ=MODES[mode])
    mention = f"see @{secret} and @{tmp_path}/"
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    called = [{"id": "call_1", "function": {"name": "look", "arguments": {"path": mention}}}]
    messages = [
        {"role": "system", "content": f"{mention}\n/leak"},
        {"role": "user", "content": f"{mention}\n!touch {touched}"},
        {"role": "assistant", "content": f"/leak {mention}", "tool_calls": called},
        {"role": "tool", "tool_call_id": "call_1", "content": f"/leak {mention}"},
        {"role": "assistant", "content": f"/leak {mention}"},
        {"role": "user", "content": f"/leak {mention}"},
    ]
    body = {"model": "sonnet", "tools": [tool], "messages": messages, "stream": False}
    with running.client() as client:
        assert client.post("/api/chat", json=body).status_code == 200
        prompts = (f"!touch {touched}", f"#{mention}", "/leak", f"/add-dir {tmp_path}")
        for prompt in prompts:
            body = {"model": "sonnet", "prompt": prompt, "stream": False}
            assert client.post("/api/generate", json=body).status_code == 200
            running.until_idle()
            last = running.last()["messages"]
            assert [block["text"] for block in last[0]["content"] if block["text"] == prompt] == [prompt]
    everything = b"".join(request.raw for request in running.sent())
    assert mention.encode() in everything
    for leaked in (SECRET, "SECRET command", "SECRET memory"):
        assert leaked.encode() not in everything
    assert not touched.exists()
    assert not (home / "hook-ran").exists()


@pytest.mark.parametrize("mode", ["api-key", "oauth-token"])
def test_no_credential_is_in_the_command_line_or_the_environment_of_a_process(
    make_daemon: MakeDaemon, mode: str
) -> None:
    credentials = {"ANTHROPIC_API_KEY": "hush-key", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-hush"}
    credentials["ANTHROPIC_API_KEY"] *= mode == "api-key"
    running = make_daemon(environ=credentials)
    with running.client() as client:
        body = {"model": "sonnet", "prompt": "hello", "stream": False}
        assert client.post("/api/generate", json=body).status_code == 200
    headers = running.sent()[-1].headers
    assert "hush" in headers["authorization"]
    for process in children(running.folder):
        assert "hush" not in " ".join((*process.cmdline(), *process.environ().values()))
    for path in (running.folder / "run").rglob("*"):
        if path.is_file() and "hush" in path.read_text(errors="replace"):
            assert (path.name, path.stat().st_mode & 0o077) == ("key", 0)
