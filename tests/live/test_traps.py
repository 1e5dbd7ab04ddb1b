"""What the CLI would do with a prompt if nobody kept it from it. Each test fails without its guard."""

from pathlib import Path

import pytest

from proxy.backends.claude_cli import codec, command
from tests.conftest import MakeDaemon
from tests.support.children import children
from tests.support.running import Running

VERBATIM = (
    "/cost",
    "/clear",
    "/model opus",
    "/heapdump",
    "/compact now",
    "/help",
    "/init",
    "/code-review",
    "/mcp",
    "!ls",
    "#remember this",
    "  /cost  ",
)


def ask(running: Running, *contents: str) -> str:
    """The answer to the last of `contents`; those before it are the conversation so far, by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    with running.client() as client:
        answer = client.post("/api/chat", json={"model": "sonnet", "messages": messages, "stream": False})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"]["content"])


def said(running: Running) -> list[str]:
    """The texts of the last API request, in order."""
    texts = []
    for message in running.last()["messages"]:
        if message["role"] != "system":
            texts += [block["text"] for block in message["content"]]
    return texts


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("the launch code is 8472\n")
    return path


def test_a_mentioned_file_is_not_read(live: Running, secret: Path) -> None:
    prompt = f"see @{secret} and @{secret.parent}/ please"
    ask(live, prompt)
    assert said(live) == [prompt]
    assert "8472" not in live.sent()[-1].raw.decode()


def test_a_file_mentioned_earlier_in_the_conversation_is_not_read(live: Running, secret: Path) -> None:
    ask(live, f"see @{secret}", "I will.", "go on")
    assert "8472" not in live.sent()[-1].raw.decode()


@pytest.mark.line_by_line
def test_a_mentioned_file_is_read_without_the_guards(
    make_daemon: MakeDaemon, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards guard against something: without them the CLI does attach the file."""
    monkeypatch.setattr(codec, "_VERBATIM", {"type": "text", "text": f"see @{secret}"})
    off = {"CLAUDE_CODE_DISABLE_ATTACHMENTS", "CLAUDE_CODE_DISABLE_FILE_MENTIONS"}
    kept = {name: value for name, value in command._FIXED.items() if name not in off}
    monkeypatch.setattr(command, "_FIXED", kept)
    running = make_daemon(environ={"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-simulated"})
    ask(running, "hello")
    assert "8472" in running.sent()[-1].raw.decode()


@pytest.mark.parametrize("prompt", VERBATIM)
def test_a_slash_command_is_sent_and_not_run(live: Running, prompt: str) -> None:
    ask(live, prompt)
    assert said(live) == [prompt]


def test_a_slash_command_earlier_in_the_conversation_is_sent_and_not_run(live: Running) -> None:
    ask(live, "/clear", "Cleared what?", "/cost", "Nothing yet.", "What did I say before?")
    assert said(live) == ["/clear", "Cleared what?", "/cost", "Nothing yet.", "What did I say before?"]


def test_a_slash_command_is_run_without_the_guard(make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard guards against something: without it the CLI runs the command itself."""
    running = make_daemon()
    ask(running, "/clear")
    count = len(running.sent())
    monkeypatch.setattr(codec, "_VERBATIM", {"type": "text", "text": "/clear"})
    with running.client() as client:
        client.post(
            "/api/chat",
            json={"model": "sonnet", "messages": [{"role": "user", "content": "/clear"}], "stream": False},
        )
    assert len(running.sent()) == count


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_is_never_an_answer(live: Running, stream: bool) -> None:
    body = {
        "model": "sonnet",
        "stream": stream,
        "messages": [{"role": "user", "content": "[simulate: status=400 message=nope]"}],
    }
    with live.client() as client:
        answer = client.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "nope" in answer.json()["error"]


def test_no_prompt_is_in_argv_or_environment(live: Running) -> None:
    marker = "xyzzy-marker-of-this-test"
    messages = [{"role": "system", "content": marker}, {"role": "user", "content": marker}]
    with live.client() as client:
        client.post("/api/chat", json={"model": "sonnet", "messages": messages})
    live.until_idle()  # one that is just being ended has no command line any more
    processes = children(live.folder)
    assert processes
    for process in processes:
        assert marker not in " ".join(process.cmdline())
        assert marker not in " ".join(process.environ().values())
