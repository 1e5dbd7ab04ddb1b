"""A probe keeps everything of the user's out of the CLI, and leaves it no way out but the recorder."""

from pathlib import Path

import pytest

from proxy.backends.claude_cli.command import (
    CliSettings,
    Folders,
    Login,
    LoginMode,
    key_of,
    make_argv,
    make_environment,
    token_of,
)
from proxy.backends.claude_cli.probing.loopback import loopback_settings

URL = "http://127.0.0.1:4242"
FOLDERS = Folders(Path("/own/key"), Path("/own/home"), Path("/own/home/.claude"), Path("/own/work"), Path("/own/tmp"))

OURS = {
    "PATH": "/usr/bin",
    "LANG": "C.UTF-8",
    "SSL_CERT_FILE": "/etc/ssl/own.pem",
    "HOME": "/home/secret",
    "CLAUDE_CONFIG_DIR": "/home/secret/.claude",
    "ANTHROPIC_API_KEY": "secret",
    "ANTHROPIC_AUTH_TOKEN": "secret",
    "ANTHROPIC_BASE_URL": "https://secret.example",
    "ANTHROPIC_CUSTOM_HEADERS": "secret: yes",
    "CLAUDE_CODE_OAUTH_TOKEN": "secret",
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HTTPS_PROXY": "http://secret:3128",
    "all_proxy": "http://secret:3128",
    "NO_PROXY": "secret.example",
    "CLAUDE_CODE_WEATHER": "fine",
}
PASSED = ("CLAUDE_CODE_WEATHER", "ANTHROPIC_CUSTOM_HEADERS")


def probed(mode: LoginMode, credential: str) -> CliSettings:
    settings = CliSettings(
        Path("/usr/bin/claude"),
        Login(mode, credential),
        OURS,
        "sonnet",
        retries=5,
        pass_environment=PASSED,
    )
    return loopback_settings(settings, URL)


@pytest.mark.parametrize(
    ("mode", "credential", "probed_as"),
    [
        ("api-key", "ANTHROPIC_API_KEY", "api-key"),
        ("api-key", "ANTHROPIC_AUTH_TOKEN", "api-key"),
        ("api-key", "CLAUDE_CODE_USE_BEDROCK", "api-key"),
        ("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN", "oauth-token"),
        ("stored", "a login stored by the CLI", "oauth-token"),
    ],
)
def test_nothing_of_the_users_reaches_a_probed_cli(mode: LoginMode, credential: str, probed_as: str) -> None:
    settings = probed(mode, credential)
    environment = make_environment(settings, FOLDERS)
    assert "secret" not in str(environment) + str(make_argv(settings, FOLDERS))
    assert settings.login.mode == probed_as
    assert environment["ANTHROPIC_BASE_URL"] == URL
    assert environment["HOME"] == "/own/home"
    assert environment["CLAUDE_CONFIG_DIR"] == "/own/home/.claude"
    handed = key_of(settings) or token_of(settings) or environment[settings.login.credential]
    assert handed == "probe-made-up-credential"
    assert not any(name.startswith(("AWS_", "CLAUDE_CODE_USE_")) for name in environment)


def test_there_is_no_way_out_but_the_recorder() -> None:
    environment = make_environment(probed("api-key", "ANTHROPIC_API_KEY"), FOLDERS)
    proxies = {name: value for name, value in environment.items() if name.lower().endswith("_proxy")}
    assert proxies.pop("NO_PROXY") == proxies.pop("no_proxy") == "127.0.0.1"
    assert set(proxies.values()) == {"http://127.0.0.1:9"}


def test_it_runs_as_the_daemon_would_run_it_without_tools_or_retries() -> None:
    settings = probed("api-key", "ANTHROPIC_API_KEY")
    environment = make_environment(settings, FOLDERS)
    assert {"--tools=", "--bare", "--model=sonnet"} <= set(make_argv(settings, FOLDERS))
    assert environment["CLAUDE_CODE_MAX_RETRIES"] == "0"
    assert environment["CLAUDE_CODE_WEATHER"] == "fine"
    assert environment["SSL_CERT_FILE"] == "/etc/ssl/own.pem"
