"""Settings and login mode to argv and environment. Pure; the allow-lists live here.

Nothing of a request is ever in argv or in the environment, where others could read it; nor is the credential, as far as
the CLI takes it any other way: a key from a file, which it is told to read, a token from a descriptor.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from proxy.backends.claude_cli.tools import SERVER

LoginMode = Literal["api-key", "oauth-token", "stored"]

API_KEY = "ANTHROPIC_API_KEY"
API_KEYS = (API_KEY, "ANTHROPIC_AUTH_TOKEN")
PROVIDERS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
OAUTH_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_DESCRIPTOR = "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"  # noqa: S105
"""The variable that tells the CLI from which descriptor to read `OAUTH_TOKEN`."""

PASSED = (
    "PATH",
    "LANG",
    "LC_*",
    "TZ",
    "ANTHROPIC_BASE_URL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
)
"""Variables that every CLI process inherits; a star stands for any ending."""

PASSED_TO_PROVIDERS = (
    *PROVIDERS,
    "AWS_*",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "ANTHROPIC_VERTEX_*",
    "CLOUD_ML_REGION",
    "VERTEX_REGION_*",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "ANTHROPIC_FOUNDRY_*",
    "AZURE_*",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
)
"""What goes to a CLI that talks to a cloud provider, besides."""

NEVER_PASSED = ("NOTIFY_SOCKET", "WATCHDOG_*", "LISTEN_*", "MAINPID", "CREDENTIALS_DIRECTORY")
"""What a service manager says to the daemon alone; no setting passes it on."""

_FIXED = {
    # Nothing but the model's API is ever asked.
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    # Nothing is added to prompts that can be left out, and nothing of the machine is read for them.
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    # The client's tools keep their names, none is held back, and results have all the time that the daemon gives them.
    "CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1",
    "MCP_TOOL_TIMEOUT": "2000000000",
    "ENABLE_TOOL_SEARCH": "false",
    # The CLI's own recovery would cost, or change what the client already has.
    "DISABLE_COMPACT": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",
    "CLAUDE_CODE_NO_MODEL_FALLBACK": "1",
    # The CLI would refuse a prompt long before the window is full; how much fits, the API knows.
    "CLAUDE_CODE_BLOCKING_LIMIT_OVERRIDE": "1000000000",
    # A key that was read from its file once stays good, in milliseconds.
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": "2000000000",
}


class LoginMissing(ValueError):
    """The login that was asked for has no credential; the text names what is missing."""


@dataclass(frozen=True, slots=True)
class Login:
    """How the CLI is logged in. `credential` is the name of what it uses, never its value."""

    mode: LoginMode
    credential: str


def choose_login(wanted: LoginMode | Literal["auto"], environ: Mapping[str, str]) -> Login:
    """The login that `environ` allows, in the order key or provider, OAuth token, stored login.

    Raises `LoginMissing` when `wanted` is a mode whose variable is missing.
    """
    provider = next((name for name in PROVIDERS if environ.get(name, "").lower() not in ("", "0", "false")), None)
    key = provider or next((name for name in API_KEYS if environ.get(name)), None)
    if wanted in ("auto", "api-key") and key:
        return Login("api-key", key)
    if wanted == "api-key":
        raise LoginMissing(f"login api-key needs one of {', '.join((*API_KEYS, *PROVIDERS))} in the environment")
    if wanted in ("auto", "oauth-token") and environ.get(OAUTH_TOKEN):
        return Login("oauth-token", OAUTH_TOKEN)
    if wanted == "oauth-token":
        raise LoginMissing(f"login oauth-token needs {OAUTH_TOKEN} in the environment")
    return Login("stored", "a login stored by the CLI, if there is one")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where one process may write: `home` and `config` are unused with a stored login. `key` is the file with the key
    of the API, where that is the login."""

    key: Path
    home: Path
    config: Path
    work: Path
    temporary: Path


@dataclass(frozen=True, slots=True)
class CliSettings:
    """What every process of a daemon has in common. `stateless`: each turn is one request (`stateless`)."""

    program: Path
    login: Login
    environ: Mapping[str, str]
    model: str
    retries: int = 2
    stateless: bool = False
    pass_environment: Sequence[str] = ()


def key_of(settings: CliSettings) -> str:
    """The key that a process reads from a file; empty where it has another login."""
    return settings.environ[API_KEY] if settings.login.credential == API_KEY else ""


def token_of(settings: CliSettings) -> str:
    """The token that a process reads from a descriptor; empty where it has another login."""
    return settings.environ[OAUTH_TOKEN] if settings.login.credential == OAUTH_TOKEN else ""


def make_argv(settings: CliSettings, folders: Folders, builtin: Sequence[str] = ()) -> list[str]:
    """The command line of a process that waits for stream-json, and may use the `builtin` tools of the CLI."""
    argv = [
        str(settings.program),
        "--print",
        "--input-format=stream-json",
        "--output-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--no-session-persistence",
        "--strict-mcp-config",
        "--setting-sources=",
        "--disable-slash-commands",
        f"--allowedTools={','.join((f'mcp__{SERVER}', *builtin))}",
        f"--tools={','.join(builtin)}",
        f"--model={settings.model}",
    ]
    if settings.stateless and not builtin:
        # After a tool call the CLI ends its turn. Without this it would ask the API the same again, for ever.
        argv.append("--max-turns=1")
    if key_of(settings):
        argv.append(f"--settings={json.dumps({'apiKeyHelper': f'cat {shlex.quote(str(folders.key))}'})}")
    # Bare, the CLI has only few of its tools.
    if settings.login.mode == "api-key" and not builtin:
        argv.append("--bare")
    return argv


def make_environment(settings: CliSettings, folders: Folders) -> dict[str, str]:
    """The whole environment of a process: an allow-list, a credential that the CLI takes from nowhere else, and what
    switches the CLI's extras off."""
    patterns = [*PASSED, *settings.pass_environment]
    provider = settings.login.credential in PROVIDERS
    if provider:
        patterns += PASSED_TO_PROVIDERS
    elif settings.login.credential in API_KEYS and not key_of(settings):
        patterns.append(settings.login.credential)
    elif settings.login.mode == "stored" and "CLAUDE_CONFIG_DIR" in settings.environ:
        patterns.append("CLAUDE_CONFIG_DIR")
    environment = {
        name: value
        for name, value in settings.environ.items()
        if _matches(name, patterns) and not _matches(name, NEVER_PASSED)
    }
    real_home = settings.environ.get("HOME", "")
    if settings.login.mode == "stored":
        environment |= {"HOME": real_home} if real_home else {}
    else:
        environment |= {"HOME": str(folders.home), "CLAUDE_CONFIG_DIR": str(folders.config)}
    if provider and real_home:
        # The providers' own files stay where they are, though HOME moves.
        environment.setdefault("AWS_CONFIG_FILE", f"{real_home}/.aws/config")
        environment.setdefault("AWS_SHARED_CREDENTIALS_FILE", f"{real_home}/.aws/credentials")
        environment.setdefault("CLOUDSDK_CONFIG", f"{real_home}/.config/gcloud")
    temporary = str(folders.temporary)
    return {
        **environment,
        **_FIXED,
        "TMPDIR": temporary,
        "CLAUDE_CODE_TMPDIR": temporary,
        "CLAUDE_CODE_MAX_RETRIES": str(settings.retries),
    }


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
