from typing import Any

import pytest

from proxy.backends.claude_cli.account import Account, CliModel, read_account
from proxy.backends.claude_cli.command import Login

STORED = Login("stored", "a login stored by the CLI, if there is one")
KEY = Login("api-key", "ANTHROPIC_API_KEY")
TOKEN = Login("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN")


@pytest.mark.parametrize(
    ("account", "login", "logged_in", "source"),
    [
        ({"apiKeySource": "ANTHROPIC_API_KEY", "tokenSource": "none"}, KEY, True, "ANTHROPIC_API_KEY"),
        ({"apiKeySource": "none", "tokenSource": "CLAUDE_CODE_OAUTH_TOKEN"}, TOKEN, True, "CLAUDE_CODE_OAUTH_TOKEN"),
        ({"apiKeySource": "none", "tokenSource": "claude.ai"}, STORED, True, "claude.ai"),
        ({"subscriptionType": "max"}, STORED, True, "max"),
        ({"apiKeySource": "none", "tokenSource": "none"}, STORED, False, "unknown"),
        ({"apiKeySource": None}, STORED, False, "unknown"),
        ({}, STORED, False, "unknown"),
        (None, STORED, True, "unknown"),
        ({"apiKeySource": "none"}, KEY, True, "ANTHROPIC_API_KEY"),
        ({}, Login("api-key", "CLAUDE_CODE_USE_BEDROCK"), True, "CLAUDE_CODE_USE_BEDROCK"),
        (None, TOKEN, True, "CLAUDE_CODE_OAUTH_TOKEN"),
    ],
)
def test_only_without_a_credential_the_cli_decides_who_is_logged_in(
    account: object, login: Login, logged_in: bool, source: str
) -> None:
    assert read_account({"account": account}, login) == Account(logged_in, source, ())


def test_what_a_process_does_not_report_is_unknown_and_no_error() -> None:
    assert read_account({}, STORED) == Account(logged_in=True, source="unknown", models=())


@pytest.mark.parametrize(
    ("entries", "models"),
    [
        ([], ()),
        ({}, ()),
        ("sonnet", ()),
        ([None, "sonnet", {}, {"value": ""}, {"resolvedModel": "claude-x"}], ()),
        ([{"value": "sonnet"}], (CliModel("sonnet", "sonnet", "sonnet", ""),)),
        (
            [
                {
                    "value": "opus",
                    "resolvedModel": "claude-opus-5-5",
                    "displayName": "Opus",
                    "description": "Most capable",
                    "supportsEffort": True,
                    "supportedEffortLevels": ["low", "high"],
                    "supportsAdaptiveThinking": True,
                    "supportsThinkingOff": False,
                    "somethingNew": {},
                },
                {"value": "haiku", "supportedEffortLevels": "low", "supportsThinkingOff": None},
            ],
            (
                CliModel("opus", "claude-opus-5-5", "Opus", "Most capable", ("low", "high"), True, False),
                CliModel("haiku", "haiku", "haiku", ""),
            ),
        ),
    ],
)
def test_the_models_are_read_field_by_field(entries: Any, models: tuple[CliModel, ...]) -> None:
    assert read_account({"models": entries, "account": None}, STORED).models == models
