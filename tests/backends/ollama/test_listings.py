from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from proxy.backends.ollama.listings import MOST_MODELS, entries, found

DIGEST = "ab" * 32
LLAMA = {
    "name": "llama:8b",
    "size": 4_000_000_000,
    "digest": DIGEST,
    "modified_at": "2026-01-02T03:04:05.123456789+01:00",
    "details": {"format": "gguf", "family": "llama"},
}


def test_a_listed_model_is_taken_in() -> None:
    [entry] = entries({"models": [LLAMA]})
    assert (entry.name, entry.size, entry.digest) == ("llama:8b", 4_000_000_000, DIGEST)
    assert entry.modified_at == datetime(2026, 1, 2, 3, 4, 5, 123456, timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    "tags",
    [
        None,
        [],
        {},
        {"models": None},
        {"models": [None, 7, {}]},
        {"models": [LLAMA | {"name": "bad name"}]},
        {"models": [LLAMA | {"name": 7}]},
        {"models": [LLAMA | {"digest": "short"}]},
    ],
)
def test_what_makes_no_sense_is_no_model(tags: Any) -> None:
    assert entries(tags) == []


def test_odd_facts_are_none() -> None:
    odd = {"size": "big", "modified_at": "yesterday", "details": "none", "digest": f"sha256:{DIGEST.upper()}"}
    [entry] = entries({"models": [LLAMA | odd]})
    assert (entry.size, entry.modified_at, entry.details) == (1, datetime.fromtimestamp(0, UTC), {})
    assert entry.digest == DIGEST


def test_no_more_than_so_many_models_are_looked_at() -> None:
    assert len(entries({"models": [LLAMA] * (MOST_MODELS + 1)})) == MOST_MODELS


@pytest.mark.parametrize(
    ("shown", "capabilities", "window"),
    [
        ({"capabilities": ["completion"], "model_info": {"llama.context_length": 8192}}, ("completion",), 8192),
        ({"capabilities": ["embedding", 7], "model_info": {"bert.context_length": 512}}, ("embedding",), 512),
        (
            {"capabilities": [], "parameters": 'stop "x"\nnum_ctx      2048', "model_info": {"x.context_length": 9}},
            (),
            2048,
        ),
        ({"capabilities": []}, (), 4096),
        ({}, ("completion", "tools", "vision", "insert", "embedding"), 4096),
        (None, ("completion", "tools", "vision", "insert", "embedding"), 4096),
        (["x"], ("completion", "tools", "vision", "insert", "embedding"), 4096),
    ],
)
def test_what_a_model_can_do_is_what_the_server_says(shown: Any, capabilities: tuple[str, ...], window: int) -> None:
    [entry] = entries({"models": [LLAMA]})
    model = found(entry, shown)
    assert (model.name, model.capabilities, model.context_length) == ("llama:8b", capabilities, window)


def test_a_document_is_kept_without_its_vocabulary_and_within_bounds() -> None:
    [entry] = entries({"models": [LLAMA]})
    info = {"general.architecture": "llama", "tokenizer.ggml.tokens": ["a"] * 1000}
    shown = {"license": "x" * 40_000, "template": "{{ .Prompt }}", "model_info": info, "unheard_of": 1}
    assert found(entry, shown).listing.document == {
        "details": entry.details,
        "template": "{{ .Prompt }}",
        "model_info": {"general.architecture": "llama"},
    }
    huge = {f"fact{number}": "x" * 1000 for number in range(1000)}
    assert found(entry, {"model_info": huge}).listing.document == {"details": entry.details, "model_info": {}}
