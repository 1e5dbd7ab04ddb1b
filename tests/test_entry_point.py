"""The program as its operator meets it: help, exit codes, the demo, the login, the log."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

import claude_ollama_server as entry
from config import Settings
from proxy.api.hosts import is_loopback
from proxy.api.server import open_socket
from proxy.backends.claude_cli.faults import LOGIN_REMEDY
from proxy.observe.log import configure_log
from tests.support.children import children, wait_until_none
from tests.support.program import ROOT, Program, Start, own_environment, programs, run_program
from tests.support.running import WAIT, write_fake_cli

KEY = "sk-ant-the-operators-own-key"
PROMPT, SYSTEM, ANSWER = "marmalade-in-the-prompt", "saffron-in-the-system-prompt", "tamarind-in-the-answer"


def body(prompt: str, *, stream: bool = True, system: str = "", **fields: object) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    return {
        "model": "sonnet",
        "stream": stream,
        "messages": [*messages, {"role": "user", "content": prompt}],
        **fields,
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs of one's own."""
    with programs(tmp_path) as begin:
        yield begin


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Path]]:
    """A demo of somebody who has a key and a token, and proxies, and logs everything; and the folder it writes to."""
    folder = tmp_path_factory.mktemp("demo")
    own = {"ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_OAUTH_TOKEN": KEY, "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    own |= {"CLAUDE_CODE_USE_BEDROCK": "1", "http_proxy": "http://127.0.0.1:9", "no_proxy": "intranet.example"}
    own |= {"CLAUDE_OLLAMA_PROBE": "on"}
    settings = ("--port", "0", "--spares", "1", "--simulated-ttft", "0", "--simulated-rate", "10000")
    with programs(folder, environ=own) as begin:
        yield begin("demo", *settings, "--cli-retries", "0", "--login", "stored", "--log-level", "debug"), folder


# Help


HELP = {"": [], "serve": ["serve"], "demo": ["demo"], "models": ["models"]}


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the program prints on a terminal of 80 columns, and ends well."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            entry.main(arguments)
        assert ended.value.code == 0
        return capsys.readouterr().out

    return run


def test_the_help_names_every_command_and_every_exit_code(printed: Callable[..., str]) -> None:
    text = printed("--help")
    commands = ("serve", "demo", "models", "doctor", "keys", "chats", "service")
    assert all(re.search(rf"^ +{command} +\w", text, re.M) for command in commands)
    codes = [value for name, value in vars(entry).items() if name.startswith("EXIT_")]
    assert sorted(codes) == [1, 2, 3, 4, 5]
    assert re.findall(r"^ +(\d)  ", text, re.M) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("command", ["serve", "demo", "models", "doctor"])
def test_the_help_of_a_command_names_every_setting(printed: Callable[..., str], command: str) -> None:
    text = printed(command, "--help")
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields if name != "models"}
    assert flags <= set(re.findall(r"^  (--[a-z-]+)", text, re.M))
    assert "CLAUDE_OLLAMA_PORT" in text
    assert "docs/settings.md" in text


@pytest.mark.parametrize("arguments", [[], ["serve"], ["demo"], ["models"], ["doctor"], ["chats"], ["service"]])
def test_the_help_fits_a_terminal_and_begins_with_one_line_of_usage(
    printed: Callable[..., str], arguments: list[str]
) -> None:
    usage, blank, *lines = printed(*arguments, "--help").splitlines()
    assert usage.startswith(f"usage: {' '.join(['claude-ollama-server', *arguments])} ")
    assert blank == ""
    assert max(map(len, lines)) <= 80
    assert not any(line.rstrip().endswith("-") for line in lines), "a name was broken"


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    done = run_program(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"claude-ollama-server \d+\.\d+\.\d+\n", done.stdout)


def test_models_are_listed_without_a_login(tmp_path: Path) -> None:
    done = run_program(tmp_path, "models")
    assert (done.returncode, done.stderr) == (0, "")
    heading, *rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    assert heading == ["NAME", "IS ASKED FOR AS", "MODEL", "CONTEXT"]
    assert [row[0] for row in rows][:3] == ["opus", "sonnet", "haiku"]
    assert all(len(row) == len(heading) for row in rows)
    assert not list(tmp_path.rglob("daemon-*")), "its folder is left"


# The doctor


def test_the_doctor_names_a_cli_that_is_not_there(tmp_path: Path) -> None:
    check_refused(tmp_path, entry.EXIT_CLI_MISSING, "there is no Claude CLI at", "doctor", "--cli", tmp_path / "none")


# Exit codes


def check_refused(
    folder: Path, code: int, words: str, *arguments: object, environ: Mapping[str, str] | None = None
) -> None:
    """The program ends with `code`, and says why in one line."""
    done = run_program(folder, *arguments, **(environ or {}))
    assert done.returncode == code, done.stderr
    assert re.fullmatch(rf"claude-ollama-server: [^\n]*{re.escape(words)}[^\n]*\n", done.stderr), done.stderr
    assert done.stdout == ""


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_refused(tmp_path, entry.EXIT_PORT_TAKEN, f"port {port} on 127.0.0.1 is taken", "serve", "--port", port)


def test_a_port_is_taken_before_it_is_served() -> None:
    with open_socket("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        open_socket("127.0.0.1", first.getsockname()[1])


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    words = "cannot listen on 192.0.2.1 port 11434: "
    check_refused(tmp_path, entry.EXIT_FAILURE, words, "serve", "--host", "192.0.2.1", "--open-to-network")


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    arguments = ("serve", "--port", "0", "--cli", write_fake_cli(tmp_path), "--runtime-folder", file)
    words = f"the runtime folder {file} cannot be used: File exists"
    assert words in (done := run_program(tmp_path, *arguments, "--log-level", "error")).stderr
    assert (done.returncode, len(done.stderr.splitlines())) == (entry.EXIT_FAILURE, 1)


def test_a_cli_that_is_not_there_is_named(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    words = f"there is no Claude CLI at {cli}"
    check_refused(tmp_path, entry.EXIT_CLI_MISSING, words, "serve", "--port", "0", "--cli", cli)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (None, 0o755, "is not an executable file"),
        ("#!/bin/sh\necho 9.9.9\n", 0o644, "is not an executable file"),
        ("#!/bin/sh\necho the moon is full >&2\nexit 1\n", 0o755, "--version failed with code 1: the moon is full"),
        ("#!/nowhere/sh\n", 0o755, "cannot be run: No such file or directory"),
    ],
    ids=["folder", "not executable", "fails", "no interpreter"],
)
def test_a_cli_that_cannot_be_run_is_named(tmp_path: Path, text: str | None, mode: int, words: str) -> None:
    cli = tmp_path / "claude"
    if text is None:
        cli.mkdir()
    else:
        cli.write_text(text)
    cli.chmod(mode)
    check_refused(tmp_path, entry.EXIT_CLI_NOT_EXECUTABLE, words, "serve", "--port", "0", "--cli", cli)


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["--port", "70000"], {}, "port from flag --port: '70000' is not allowed; allowed: "),
        ([], {"CLAUDE_OLLAMA_SPARES": "many"}, "environment variable CLAUDE_OLLAMA_SPARES: 'many' is not allowed; "),
        ([], {"CLAUDE_OLLAMA_SPAERS": "1"}, "is not a setting; did you mean CLAUDE_OLLAMA_SPARES?"),
        (["--login", "api-key"], {}, "login api-key needs one of ANTHROPIC_API_KEY, "),
    ],
    ids=["flag", "environment", "unknown variable", "login"],
)
def test_wrong_settings_are_named(tmp_path: Path, arguments: list[str], environ: dict[str, str], words: str) -> None:
    settings = arguments if "--port" in arguments else ["--port", "0", *arguments]
    check_refused(tmp_path, entry.EXIT_SETTINGS, words, "serve", *settings, environ=environ)


def test_an_unknown_flag_is_named(tmp_path: Path) -> None:
    done = run_program(tmp_path, "serve", "--prot", "1")
    assert done.returncode == entry.EXIT_SETTINGS
    assert "unrecognized arguments: --prot" in done.stderr
    assert len(done.stderr.splitlines()) == 2


# The demo


def test_the_command_that_the_demo_prints_streams_a_simulated_answer(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    program.wait_until(lambda: "curl " in program.printed, "printed a command")
    command = re.search(r"^ +(curl .*)$", program.printed, re.M)
    assert command
    assert program.url in command[1]
    words = shlex.split(command[1])
    if shutil.which("curl"):
        done = subprocess.run([*words, "--silent", "--fail", "--max-time", "30"], capture_output=True, check=True)
        text = done.stdout.decode()
    else:
        text = httpx.post(words[1], content=words[3], timeout=30, trust_env=False).text
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 3
    assert lines[-1]["done"] is True
    assert "simulated" in "".join(line["message"]["content"] for line in lines).lower()


def test_the_demo_says_that_it_is_simulated(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    assert program.wait_for("listening")["simulated"] is True
    assert "SIMULATED" in program.printed
    with program.client() as client:
        assert "imulated answers" in client.get("/", headers={"accept": "text/html"}).text


def test_the_demo_keeps_every_login_of_the_users_out_of_the_cli(demo: tuple[Program, Path]) -> None:
    program, folder = demo
    assert program.wait_for("logged_in")["source"] == "apiKeyHelper"
    program.wait_for("cli_probed")  # the probe's own processes have another one that is made up
    running = children(folder)
    assert running
    for process in running:
        environ = process.environ()
        assert not {"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK"} & environ.keys()
        assert environ["HOME"] != str(folder / "user")
        assert KEY not in str(environ) + str(process.cmdline())


# The login


def test_without_a_login_it_starts_and_says_once_what_to_do(start: Start) -> None:
    program = start("serve", "--port", "0", "--spares", "1")
    assert program.wait_for("listening")["simulated"] is False
    line = program.wait_for("not_logged_in")
    assert line["level"] == "warning"
    for remedy in ("claude setup-token", "ANTHROPIC_API_KEY", "make demo"):
        assert remedy in line["remedy"]
    with program.client() as client:
        for stream in (True, False):
            native = client.post("/api/chat", json=body("hello", stream=stream))
            assert (native.status_code, native.json()) == (401, {"error": LOGIN_REMEDY})
            other = client.post("/v1/chat/completions", json=body("hello", stream=stream))
            assert other.status_code == 401
            assert other.json()["error"]["message"] == LOGIN_REMEDY
            assert other.headers["x-should-retry"] == "false"
    program.wait_until(lambda: len(program.logged("request", ended="not_logged_in")) == 4, "four times")
    assert len(program.logged("not_logged_in")) == 1


# The log


def chat(program: Program, request_id: str, prompt: str, path: str = "/api/chat", **fields: Any) -> dict[str, Any]:
    """The line of the log for a chat."""
    with program.client() as client:
        answer = client.post(path, json=body(prompt, **fields), headers={"x-request-id": request_id})
    assert answer.headers["x-request-id"] == request_id
    return program.wait_for("request", request_id=request_id)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
def test_each_chat_has_one_line_with_counts_and_durations(demo: tuple[Program, Path], path: str, stream: bool) -> None:
    program, _ = demo
    request_id = f"chat{path.replace('/', '.')}-{stream}"
    line = chat(program, request_id, "echo: one two three", path, stream=stream)
    known = {"level": "info", "method": "POST", "path": path, "status": 200, "ended": "complete", "reason": "stop"}
    assert known.items() <= line.items()
    assert line["model"] == "sonnet"
    assert line["simulated"] is True
    assert min(line[name] for name in ("prompt_tokens", "output_tokens", "total_ms")) > 0
    assert all(isinstance(line[name], int) for name in ("load_ms", "first_token_ms", "eval_ms"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])
    assert len(program.logged("request", request_id=request_id)) == 1


def test_an_id_that_is_not_a_plain_one_is_replaced(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    with program.client() as client:
        answer = client.get("/api/version", headers={"x-request-id": 'x" forged="1'})
    request_id = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", request_id)
    program.wait_for("request", request_id=request_id)


@pytest.mark.parametrize(
    ("prompt", "fields", "status", "ended", "fault"),
    [
        ("[simulate: status=529]", {}, 529, "upstream_failed", "upstream"),
        ("[simulate: status=400]", {}, 400, "invalid_request", "client"),
        ("hello", {"model": "nobody"}, 404, "model_not_found", "client"),
        ("[simulate: error after=2]", {}, 200, "upstream_failed", "upstream"),
    ],
)
def test_an_error_is_named_with_whose_fault_it_was(
    demo: tuple[Program, Path], prompt: str, fields: dict[str, Any], status: int, ended: str, fault: str
) -> None:
    program, _ = demo
    line = chat(program, f"error-{status}", prompt, **fields)
    assert (line["status"], line["ended"], line["fault"]) == (status, ended, fault)
    assert line["level"] == ("error" if fault == "upstream" else "info")
    # The words of a bad body's error are partly the client's own.
    assert bool(line.get("error")) == (fault != "client" or status == 404)


def test_a_client_that_leaves_is_logged_as_such(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    headers = {"x-request-id": "leaves"}
    with program.client() as client:
        prompt = body("hello [simulate: hang after=2]")
        with client.stream("POST", "/api/chat", json=prompt, headers=headers) as answer:
            next(answer.iter_lines())
    line = program.wait_for("request", request_id="leaves")
    assert (line["ended"], line["level"], line["status"]) == ("disconnected", "info", 200)


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags", "/api/ps", "/v1/models", "/healthz", "/readyz"])
def test_what_clients_poll_is_logged_for_debugging_only(demo: tuple[Program, Path], path: str) -> None:
    program, _ = demo
    with program.client() as client:
        request_id = client.get(path).headers["x-request-id"]
    assert program.wait_for("request", request_id=request_id)["level"] == "debug"


def test_what_the_server_below_says_is_in_the_same_form(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    address = httpx.URL(program.url)
    with socket.create_connection((address.host, address.port or 0), 30) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    line = program.wait_for("library", logger="uvicorn.error")
    assert (line["level"], line["message"]) == ("warning", "Invalid HTTP request received.")


def test_no_prompt_answer_or_secret_is_ever_logged(demo: tuple[Program, Path]) -> None:
    program, _ = demo
    prompt = f"{PROMPT} [simulate: text {json.dumps(ANSWER)}]"
    with program.client() as client:
        answer = client.post("/api/chat", json=body(prompt, stream=False, system=SYSTEM))
        assert answer.json()["message"]["content"] == ANSWER
        client.post("/api/chat", json=body(PROMPT, system=SYSTEM) | {"format": 5})
        client.post("/api/chat", content=PROMPT)
        client.post("/v1/chat/completions", json={"model": "sonnet", "messages": PROMPT})
    for number, fault in enumerate(("status=500", "cut after=1", "error after=1", "garbage after=1")):
        chat(program, f"secret-{number}", f"{PROMPT} [simulate: {fault}]", system=SYSTEM)
    for marker in (PROMPT, SYSTEM, ANSWER, KEY):
        assert marker not in program.said + program.printed
    assert len(program.lines) == len(program.said.splitlines()), "every line is JSON"


def test_prompts_and_answers_are_logged_when_that_is_asked_for_and_a_warning_says_so(start: Start) -> None:
    arguments = ("--port", "0", "--spares", "1", "--simulated-ttft", "0", "--simulated-rate", "10000")
    program = start("demo", *arguments, "--log-prompts", ANTHROPIC_API_KEY=KEY)
    assert program.wait_for("log_prompts_on")["level"] == "warning"
    prompt = f"{PROMPT} [simulate: text {json.dumps(ANSWER)}]"
    chat(program, "shown", prompt, stream=False, system=SYSTEM)
    assert program.wait_for("prompt")["messages"] == [
        {"role": "system", "text": SYSTEM},
        {"role": "user", "text": prompt},
    ]
    assert program.wait_for("answer")["text"] == ANSWER
    assert KEY not in program.said


def test_on_a_terminal_the_log_is_for_people(start: Start, tmp_path: Path) -> None:
    cli = write_fake_cli(tmp_path)
    program = start("serve", "--port", "0", "--cli", cli, "--spares", "1", terminal=True, ANTHROPIC_API_KEY=KEY)
    program.wait_until(lambda: "listening" in program.said, "listening")
    assert program.lines == []
    lines = program.said.splitlines()
    assert all("\x1b[" in line for line in lines), "without colours"
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert all(re.match(r"\d\d:\d\d:\d\d \[\w+ *\] \w+ +\w+=", line) for line in plain), plain
    url = re.search(r"listening +.*url=(http\S+)", "\n".join(plain))
    assert url
    with httpx.Client(base_url=url[1], trust_env=False) as client:
        client.post("/api/chat", json=body("hello"))
    program.wait_until(lambda: "request" in program.said.splitlines()[-1], "the request")
    assert KEY not in program.said


def test_a_log_that_nobody_reads_any_more_stops_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "claude_ollama_server.py", "serve", "--port", "0"]
    command += ["--cli", str(write_fake_cli(tmp_path))]
    with subprocess.Popen(command, cwd=ROOT, env=own_environment(tmp_path), stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr
            lines = iter(process.stderr.readline, b"")
            url = next(line["url"] for line in map(json.loads, lines) if line["event"] == "listening")
            process.stderr.close()
            with httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as client:
                for _ in range(2):
                    assert client.post("/api/chat", json=body("hello", stream=False)).status_code == 200
            process.terminate()
            assert process.wait(WAIT) == 0
        finally:
            process.kill()
    wait_until_none(tmp_path)


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_value(style: Any, own_log: StringIO) -> None:
    configure_log("info", style, own_log)
    secret = {"key": KEY}
    try:
        secret.pop("none")
    except KeyError:
        structlog.get_logger().exception("crashed")
    assert "KeyError: 'none'" in own_log.getvalue().replace('\\"', '"')
    assert KEY not in own_log.getvalue()


@pytest.fixture
def own_log() -> Iterator[StringIO]:
    """A stream to configure the log for; afterwards it is as it was."""
    before = structlog.get_config()
    yield StringIO()
    structlog.configure(**before)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_who_listens_beyond_loopback_is_warned(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
