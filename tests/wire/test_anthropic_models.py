"""What is said about models to Anthropic's clients."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from proxy.wire.models import ModelCard, anthropic_model, anthropic_models

CHANGED = datetime(2026, 8, 1, 12, 0, 0, 0, UTC)
SONNET = ModelCard(
    name="sonnet",
    display_name="Claude Sonnet 4.5",
    backend_model="sonnet[1m]",
    context_length=200_000,
    max_output_tokens=64_000,
    capabilities=("completion", "vision", "tools"),
    modified_at=CHANGED,
)
OPUS = replace(SONNET, name="claude:opus", modified_at=CHANGED + timedelta(hours=1))
SHOWN = {
    "type": "model",
    "id": "sonnet:latest",
    "display_name": "Claude Sonnet 4.5",
    "created_at": "2026-08-01T12:00:00+00:00",
    "lifecycle": "active",
    "max_input_tokens": 200_000,
    "max_tokens": 64_000,
}


def test_the_list_is_one_page_with_the_newest_first() -> None:
    listed = json.loads(anthropic_models([SONNET, OPUS]))
    assert list(listed) == ["data", "has_more", "first_id", "last_id"]
    assert [each["id"] for each in listed["data"]] == ["claude:opus", "sonnet:latest"]
    assert listed["data"][1] == SHOWN
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "claude:opus", "sonnet:latest")


def test_no_models_are_an_empty_page() -> None:
    assert anthropic_models([]) == b'{"data":[],"has_more":false,"first_id":null,"last_id":null}\n'


def test_one_model_has_the_name_that_was_asked_for() -> None:
    assert json.loads(anthropic_model(SONNET, "Sonnet")) == SHOWN | {"id": "Sonnet"}
