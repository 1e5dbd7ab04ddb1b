"""The settings under which a CLI is probed. Pure.

They are the daemon's own, but for the credential, which is made up, and the network, of which nothing is left but the
recorder. A stored login is probed as an OAuth token in an empty home, since the user's own must stay out of it; a cloud
provider as an API key.
"""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from proxy.backends.claude_cli.command import API_KEYS, OAUTH_TOKEN, PASSED_TO_PROVIDERS, CliSettings, Login

_CREDENTIALS = {"api-key": API_KEYS[0], "oauth-token": OAUTH_TOKEN, "stored": OAUTH_TOKEN}
_MADE_UP = "probe-made-up-credential"
_NOWHERE = "http://127.0.0.1:9"


def probed_login(login: Login) -> Login:
    """The login under which `login` is probed."""
    credential = _CREDENTIALS[login.mode]
    return Login("api-key" if login.mode == "api-key" else "oauth-token", credential)


def loopback_settings(settings: CliSettings, url: str) -> CliSettings:
    """`settings` for a process that asks the recorder at `url`, with nothing of the user's logins, home or network."""
    login = probed_login(settings.login)
    host = urlsplit(url).hostname or ""
    environ = _harmless(settings.environ) | {
        "ANTHROPIC_BASE_URL": url,
        login.credential: _MADE_UP,
        # Whatever else it wanted to reach is not there.
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
        "NO_PROXY": host,
        "no_proxy": host,
    }
    return replace(
        settings,
        login=login,
        environ=environ,
        retries=0,
        # What is asked of a process goes over several turns.
        stateless=False,
    )


def _harmless(environ: Mapping[str, str]) -> dict[str, str]:
    own = ("ANTHROPIC_*", OAUTH_TOKEN, "HOME", "CLAUDE_CONFIG_DIR", "*_PROXY", "*_proxy", *PASSED_TO_PROVIDERS)
    return {name: value for name, value in environ.items() if not any(fnmatchcase(name, pattern) for pattern in own)}
