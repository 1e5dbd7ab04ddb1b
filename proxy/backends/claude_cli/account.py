"""What a process reports of itself when it is told its setup: the login, and the models that it knows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.backends.claude_cli.command import Login


@dataclass(frozen=True, slots=True)
class CliModel:
    """A model that the CLI offers. `alias` is what to ask for, `model` the id that it stands for today."""

    alias: str
    model: str
    display_name: str
    description: str
    effort_levels: tuple[str, ...] = ()
    adaptive_thinking: bool = False
    thinking_can_be_off: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """`logged_in`: a request can be sent at all; whether the credential is good, only the API knows."""

    logged_in: bool
    source: str
    models: tuple[CliModel, ...]


def read_account(reply: Mapping[str, Any], login: Login) -> Account:
    """The account in the CLI's answer to `initialize`; what is missing there is taken as unknown, not as an error.

    The CLI does not report every credential that it is given (a bearer token, for one): only where it was left to find
    a stored login its word decides whether anyone is logged in.
    """
    account = reply.get("account")
    known = account if isinstance(account, dict) else None
    sources = [(known or {}).get(name) for name in ("apiKeySource", "tokenSource", "subscriptionType")]
    source = next((str(name) for name in sources if name and name != "none"), "")
    if not source and login.mode != "stored":
        source = login.credential
    return Account(
        logged_in=bool(source) or known is None,
        source=source or "unknown",
        models=tuple(_models(reply)),
    )


def aliases(reply: Mapping[str, Any]) -> list[str]:
    """The CLI's own names of models, in its answer to `initialize`; not that of whichever is the default."""
    return [model.alias for model in _models(reply) if model.alias != "default"]


def _models(reply: Mapping[str, Any]) -> list[CliModel]:
    entries, models = reply.get("models"), []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not entry.get("value"):
            continue
        alias = str(entry["value"])
        levels = entry.get("supportedEffortLevels")
        models.append(
            CliModel(
                alias=alias,
                model=str(entry.get("resolvedModel") or alias),
                display_name=str(entry.get("displayName") or alias),
                description=str(entry.get("description") or ""),
                effort_levels=tuple(str(level) for level in levels) if isinstance(levels, list) else (),
                adaptive_thinking=bool(entry.get("supportsAdaptiveThinking")),
                thinking_can_be_off=entry.get("supportsThinkingOff") is not False,
            )
        )
    return models
