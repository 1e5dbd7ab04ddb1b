import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from proxy.backends.claude_cli.command import (
    API_KEYS,
    PROVIDERS,
    CliSettings,
    Folders,
    Login,
    LoginMode,
    choose_login,
    key_of,
    make_argv,
    make_environment,
    token_of,
)

KEY = {"ANTHROPIC_API_KEY": "secret-key"}
BEARER = {"ANTHROPIC_AUTH_TOKEN": "secret-bearer"}
OAUTH = {"CLAUDE_CODE_OAUTH_TOKEN": "secret-oauth"}
BEDROCK = {"CLAUDE_CODE_USE_BEDROCK": "1"}
VERTEX = {"CLAUDE_CODE_USE_VERTEX": "true"}
FOUNDRY = {"CLAUDE_CODE_USE_FOUNDRY": "1"}
STORED = Login("stored", "a login stored by the CLI, if there is one")

Wanted = LoginMode | Literal["auto"]


# The login


@pytest.mark.parametrize(
    ("wanted", "environ", "login"),
    [
        ("auto", {}, STORED),
        ("auto", KEY | BEARER | OAUTH, Login("api-key", "ANTHROPIC_API_KEY")),
        ("auto", BEARER | OAUTH, Login("api-key", "ANTHROPIC_AUTH_TOKEN")),
        ("auto", OAUTH, Login("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN")),
        ("auto", BEDROCK | KEY | OAUTH, Login("api-key", "CLAUDE_CODE_USE_BEDROCK")),
        ("auto", VERTEX | KEY, Login("api-key", "CLAUDE_CODE_USE_VERTEX")),
        ("auto", FOUNDRY, Login("api-key", "CLAUDE_CODE_USE_FOUNDRY")),
        ("auto", {"CLAUDE_CODE_USE_BEDROCK": "0"} | KEY, Login("api-key", "ANTHROPIC_API_KEY")),
        ("auto", {"CLAUDE_CODE_USE_VERTEX": "False"}, STORED),
        ("auto", {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": ""}, STORED),
        ("api-key", KEY | OAUTH, Login("api-key", "ANTHROPIC_API_KEY")),
        ("oauth-token", KEY | OAUTH, Login("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN")),
        ("stored", KEY | OAUTH | BEDROCK, STORED),
    ],
)
def test_the_login_is_a_key_or_provider_else_a_token_else_the_stored_one(
    wanted: Wanted, environ: Mapping[str, str], login: Login
) -> None:
    assert choose_login(wanted, environ) == login


@pytest.mark.parametrize(
    ("wanted", "environ", "missing"),
    [
        ("api-key", OAUTH, (*API_KEYS, *PROVIDERS)),
        ("api-key", {"CLAUDE_CODE_USE_BEDROCK": "0"}, PROVIDERS),
        ("oauth-token", KEY, ("CLAUDE_CODE_OAUTH_TOKEN",)),
    ],
)
def test_a_login_that_is_not_there_is_an_error_that_names_its_variables(
    wanted: Wanted, environ: Mapping[str, str], missing: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=f"login {wanted} needs") as caught:
        choose_login(wanted, environ)
    assert all(name in str(caught.value) for name in missing)
    assert "secret" not in str(caught.value)


# The environment

PLACE = Path("/run/claude/p1")
FOLDERS = Folders(PLACE / "key", PLACE / "home", PLACE / "home/.claude", PLACE / "work", PLACE / "tmp")

ORDINARY = {
    "PATH": "/usr/bin",
    "LANG": "C.UTF-8",
    "LC_TIME": "de_DE.UTF-8",
    "TZ": "Europe/Berlin",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://proxy",
    "https_proxy": "http://proxy",
    "NO_PROXY": "localhost",
    "SSL_CERT_FILE": "/etc/ssl/cert.pem",
    "NODE_EXTRA_CA_CERTS": "/etc/ssl/ours.pem",
}
CLOUD = {
    "AWS_PROFILE": "work",
    "AWS_SECRET_ACCESS_KEY": "secret-aws",
    "ANTHROPIC_VERTEX_PROJECT_ID": "ours",
    "CLOUD_ML_REGION": "us-east5",
    "GOOGLE_APPLICATION_CREDENTIALS": "/secret.json",
    "ANTHROPIC_FOUNDRY_API_KEY": "secret-foundry",
    "AZURE_CLIENT_SECRET": "secret-azure",
}
FOREIGN = {
    "HOME": "/home/ada",
    "USER": "ada",
    "SHELL": "/bin/sh",
    "SSH_AUTH_SOCK": "/secret.sock",
    "GITHUB_TOKEN": "secret-github",
    "OPENAI_API_KEY": "secret-openai",
    "DATABASE_URL": "postgres://secret",
    "NODE_OPTIONS": "--require /evil.js",
    "LD_PRELOAD": "/evil.so",
    "XDG_CONFIG_HOME": "/home/ada/.config",
    "PATHS": "/nowhere",
    "MY_PATH": "/nowhere",
    "CLAUDECODE": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "CLAUDE_CODE_SESSION_ID": "secret-session",
    "CLAUDE_CODE_MAX_RETRIES": "99",
    "CLAUDE_CODE_EXTRA_BODY": '{"temperature":2}',
    "CLAUDE_OLLAMA_PORT": "1",
    "ANTHROPIC_MODEL": "claude-3-haiku",
    "ANTHROPIC_CUSTOM_HEADERS": "x-secret: 1",
    "DISABLE_COMPACT": "0",
    "TMPDIR": "/home/ada/tmp",
}
EVERYTHING = ORDINARY | CLOUD | FOREIGN | KEY | BEARER | OAUTH

OWN_HOME = {"HOME": "/run/claude/p1/home", "CLAUDE_CONFIG_DIR": "/run/claude/p1/home/.claude"}
CLOUD_FILES = {
    "AWS_CONFIG_FILE": "/home/ada/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/ada/.aws/credentials",
    "CLOUDSDK_CONFIG": "/home/ada/.config/gcloud",
}
SWITCHES = {
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1",
    "ENABLE_TOOL_SEARCH": "false",
    "DISABLE_COMPACT": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "TMPDIR": "/run/claude/p1/tmp",
    "CLAUDE_CODE_TMPDIR": "/run/claude/p1/tmp",
}


def settings(environ: Mapping[str, str], wanted: Wanted = "auto", **options: Any) -> CliSettings:
    made = CliSettings(Path("/opt/claude"), choose_login(wanted, environ), environ, "claude-x")
    return replace(made, **options)


def environment(environ: Mapping[str, str], wanted: Wanted = "auto", **options: Any) -> dict[str, str]:
    return make_environment(settings(environ, wanted, **options), FOLDERS)


NEUTRAL = set(environment({}))
"""What is set for every process, whatever the daemon's own environment."""


def chosen(made: Mapping[str, str]) -> dict[str, str]:
    """An environment without what every process has, the home excepted."""
    return {name: value for name, value in made.items() if name not in NEUTRAL - {"HOME"}}


@pytest.mark.parametrize(
    ("wanted", "environ", "passed"),
    [
        ("auto", EVERYTHING, ORDINARY | OWN_HOME),
        ("auto", ORDINARY | FOREIGN | BEARER, ORDINARY | BEARER | OWN_HOME),
        ("auto", ORDINARY | CLOUD | FOREIGN | OAUTH, ORDINARY | OWN_HOME),
        ("oauth-token", EVERYTHING, ORDINARY | OWN_HOME),
        ("stored", EVERYTHING, ORDINARY | {"HOME": "/home/ada"}),
        ("stored", EVERYTHING | BEDROCK, ORDINARY | {"HOME": "/home/ada"}),
        (
            "stored",
            {"HOME": "/home/ada", "CLAUDE_CONFIG_DIR": "/etc/claude"},
            {"HOME": "/home/ada", "CLAUDE_CONFIG_DIR": "/etc/claude"},
        ),
        ("api-key", KEY | {"CLAUDE_CONFIG_DIR": "/etc/claude"}, OWN_HOME),
        ("auto", EVERYTHING | BEDROCK, ORDINARY | CLOUD | BEDROCK | OWN_HOME | CLOUD_FILES),
        ("auto", EVERYTHING | VERTEX, ORDINARY | CLOUD | VERTEX | OWN_HOME | CLOUD_FILES),
        (
            "auto",
            FOUNDRY | {"HOME": "/home/ada", "AWS_CONFIG_FILE": "/x"},
            FOUNDRY | OWN_HOME | CLOUD_FILES | {"AWS_CONFIG_FILE": "/x"},
        ),
        ("auto", BEDROCK, BEDROCK | OWN_HOME),
    ],
)
def test_the_environment_holds_what_is_listed_and_a_credential_that_has_no_other_way(
    wanted: Wanted, environ: Mapping[str, str], passed: Mapping[str, str]
) -> None:
    assert chosen(environment(environ, wanted)) == passed


@pytest.mark.parametrize("environ", [KEY, OAUTH, BEDROCK, {}])
def test_the_switches_are_the_daemons_whatever_it_inherits(environ: dict[str, str]) -> None:
    made = environment(FOREIGN | environ, pass_environment=("*",))
    assert {name: made[name] for name in SWITCHES} == SWITCHES


@pytest.mark.parametrize(
    ("patterns", "passed"),
    [
        ((), {}),
        (("USER",), {"USER": "ada"}),
        (("user", "U"), {}),
        (("GITHUB_*", "SHELL"), {"GITHUB_TOKEN": "secret-github", "SHELL": "/bin/sh"}),
        (("NOT_THERE",), {}),
        (("HOME", "TMPDIR"), {}),
    ],
)
def test_the_operator_may_pass_more(patterns: tuple[str, ...], passed: dict[str, str]) -> None:
    made = environment(FOREIGN | KEY, pass_environment=patterns)
    assert chosen(made) == OWN_HOME | passed
    assert made["TMPDIR"] == "/run/claude/p1/tmp"


def test_the_number_of_retries_is_a_setting() -> None:
    assert environment(KEY, retries=7)["CLAUDE_CODE_MAX_RETRIES"] == "7"


# The command line

ARGV = [
    "/opt/claude",
    "--print",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--no-session-persistence",
    "--strict-mcp-config",
    "--setting-sources=",
    "--disable-slash-commands",
]


MODEL = "--model=claude-x"
READS_KEY = '--settings={"apiKeyHelper": "cat /run/claude/p1/key"}'


@pytest.mark.parametrize(
    ("environ", "builtin", "more"),
    [
        (KEY, (), ["--allowedTools=mcp__client", "--tools=", MODEL, READS_KEY, "--bare"]),
        (BEDROCK, (), ["--allowedTools=mcp__client", "--tools=", MODEL, "--bare"]),
        (OAUTH, (), ["--allowedTools=mcp__client", "--tools=", MODEL]),
        ({}, (), ["--allowedTools=mcp__client", "--tools=", MODEL]),
        (KEY, ("WebSearch",), ["--allowedTools=mcp__client,WebSearch", "--tools=WebSearch", MODEL, READS_KEY]),
        (OAUTH, ("Read", "Bash"), ["--allowedTools=mcp__client,Read,Bash", "--tools=Read,Bash", MODEL]),
    ],
)
def test_the_command_line_has_the_flags_of_its_mode(
    environ: Mapping[str, str], builtin: tuple[str, ...], more: list[str]
) -> None:
    assert make_argv(settings(environ), FOLDERS, builtin) == [*ARGV, *more]


def test_the_command_line_holds_nothing_of_the_environment() -> None:
    made = " ".join(make_argv(settings(EVERYTHING), FOLDERS))
    assert not [name for name, value in EVERYTHING.items() if len(value) > 4 and value in made]


def test_what_a_service_manager_says_is_for_the_daemon_alone() -> None:
    said = {"NOTIFY_SOCKET": "@manager", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2", "LISTEN_FDS": "1"}
    patterns = ("NOTIFY_SOCKET", "W*", "LISTEN_*", "OURS")
    assert chosen(environment(KEY | said | {"OURS": "1"}, pass_environment=patterns)) == OWN_HOME | {"OURS": "1"}


@pytest.mark.parametrize(
    ("environ", "key", "token"),
    [
        (KEY | OAUTH, "secret-key", ""),
        (BEARER, "", ""),
        (OAUTH, "", "secret-oauth"),
        (BEDROCK | KEY, "", ""),
        ({}, "", ""),
    ],
)
def test_a_key_and_a_token_are_handed_over_by_themselves(environ: Mapping[str, str], key: str, token: str) -> None:
    made = settings(environ)
    assert (key_of(made), token_of(made)) == (key, token)


def test_a_file_of_any_name_can_be_read() -> None:
    folders = replace(FOLDERS, key=Path('/run/it\'s "mine"/key'))
    (flag,) = (flag for flag in make_argv(settings(KEY), folders) if flag.startswith("--settings="))
    helper = json.loads(flag.removeprefix("--settings="))["apiKeyHelper"]
    assert shlex.split(helper) == ["cat", str(folders.key)]
