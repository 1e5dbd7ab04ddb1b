"""Ollama's grammar of model names."""

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.names import parse_name, unsupported_text
from proxy.wire.names import check_name, model_not_found_text


@pytest.mark.parametrize(
    ("text", "display", "full"),
    [
        ("sonnet", "sonnet:latest", "registry.ollama.ai/library/sonnet:latest"),
        ("claude-opus-4.1", "claude-opus-4.1:latest", "registry.ollama.ai/library/claude-opus-4.1:latest"),
        ("claude:opus", "claude:opus", "registry.ollama.ai/library/claude:opus"),
        (" Sonnet ", "Sonnet:latest", "registry.ollama.ai/library/Sonnet:latest"),
        ("library/x", "x:latest", "registry.ollama.ai/library/x:latest"),
        ("ns/x:v1", "ns/x:v1", "registry.ollama.ai/ns/x:v1"),
        ("registry.ollama.ai/library/x:latest", "x:latest", "registry.ollama.ai/library/x:latest"),
        ("host:5000/ns/x", "host:5000/ns/x:latest", "host:5000/ns/x:latest"),
        ("https://example.com/ns/x:v1", "example.com/ns/x:v1", "example.com/ns/x:v1"),
        ("_why/_the/_lucky:_stiff", "_why/_the/_lucky:_stiff", "_why/_the/_lucky:_stiff"),
        ("x" * 80, "x" * 80 + ":latest", "registry.ollama.ai/library/" + "x" * 80 + ":latest"),
    ],
)
def test_a_name_is_filled_in_and_shown_short(text: str, display: str, full: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert (name.display, name.full) == (display, full)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a@b",
        "é",
        "sonnet[1m]",
        "x:",
        ":x",
        "/x",
        "x/",
        "-x",
        ".x",
        "//",
        "mm:",
        "n.s/x",
        "-hh/nn/mm:tt",
        "host/name:space/model:tag",
        "a/b/c/d",
        "x" * 81,
        "x:" + "t" * 81,
        "h" * 351 + "/n/x",
        "١",
    ],
)
def test_what_breaks_the_grammar_is_no_name(text: str) -> None:
    assert parse_name(text) is None


def test_the_short_form_leaves_out_only_the_implied_tag() -> None:
    shorts = [check_name(text).short for text in ("sonnet:latest", "claude:opus", "ns/x")]
    assert shorts == ["sonnet", "claude:opus", "ns/x"]


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("a b", 400, "invalid model name"),
        ("x:cloud:local", 400, 'use either :local or :cloud, not both: "x:cloud:local"'),
        ("x:local:cloud", 400, 'use either :local or :cloud, not both: "x:local:cloud"'),
        ("x:cloud", 403, "ollama cloud is disabled: remote model is unavailable"),
        ("x:120b-cloud", 403, "ollama cloud is disabled: remote model is unavailable"),
        ("X:CLOUD", 403, "ollama cloud is disabled: remote model is unavailable"),
    ],
)
def test_a_request_for_a_bad_or_a_cloud_name_is_refused(text: str, status: int, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_name(text)
    assert (caught.value.status, caught.value.message) == (status, message)


def test_the_local_suffix_is_stripped() -> None:
    assert check_name("x:local").display == "x:latest"
    assert check_name("x:v1:local").display == "x:v1"


def test_the_same_fault_has_other_words_elsewhere() -> None:
    assert model_not_found_text("Nope") == "model 'Nope' not found"
    assert model_not_found_text("Nope", full=True) == "model 'Nope:latest' not found"
    assert model_not_found_text("") == "model '' not found"
    assert model_not_found_text("a b", full=True) == "model 'a b' not found"
    assert unsupported_text("plain", "tools") == "registry.ollama.ai/library/plain:latest does not support tools"
