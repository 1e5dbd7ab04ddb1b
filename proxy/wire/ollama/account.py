"""What is told of an account at ollama.com and of its cloud: this server has neither."""

from collections.abc import Iterable
from typing import NoReturn

from proxy.core.errors import InvalidRequest, NotLoggedIn
from proxy.wire.body import MISSING_BODY
from proxy.wire.jsontext import dump
from proxy.wire.models import ModelCard

CLOUD_STATUS = dump({"cloud": {"disabled": True, "source": "config"}})
"""The answer of /api/status."""


def signed_out() -> NotLoggedIn:
    """The error of /api/me. It has no `signin_url`: nothing could be signed in to."""
    return NotLoggedIn("unauthorized", fault="client", should_retry=False)


def never_signed_in() -> NotLoggedIn:
    """The error of /api/signout."""
    return NotLoggedIn("you are not currently signed in", fault="client", should_retry=False)


def refuse_web(body: bytes, what: str) -> NoReturn:
    """Read a body of /api/experimental/web_search or web_fetch. Always raises `ServerError`."""
    if not body.strip():
        raise InvalidRequest(MISSING_BODY)
    raise InvalidRequest(f"ollama cloud is disabled: web {what} is unavailable", status=403)


def recommendations(cards: Iterable[ModelCard]) -> bytes:
    """The answer of /api/experimental/model-recommendations: the models that this server has."""
    return dump(
        {
            "recommendations": [
                {
                    "model": card.parsed_name.short,
                    "description": card.display_name,
                    "context_length": card.context_length,
                    "max_output_tokens": card.max_output_tokens,
                }
                for card in cards
            ]
        }
    )
