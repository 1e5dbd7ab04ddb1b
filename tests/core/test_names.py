import random

import pytest

from proxy.core.names import Name, cut_source, parse_name


def same_model(left: str, right: str) -> bool:
    """Whether two spellings mean one model; what is no name is equal to nothing."""
    first, second = parse_name(left), parse_name(right)
    return first is not None and second is not None and first.key == second.key


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x", Name("registry.ollama.ai", "library", "x", "latest")),
        ("x:v1", Name("registry.ollama.ai", "library", "x", "v1")),
        ("ns/x", Name("registry.ollama.ai", "ns", "x", "latest")),
        ("ns/x:v1", Name("registry.ollama.ai", "ns", "x", "v1")),
        ("host/ns/x", Name("host", "ns", "x", "latest")),
        ("host:5000/ns/x:v1", Name("host:5000", "ns", "x", "v1")),
        ("https://host/ns/x:v1", Name("host", "ns", "x", "v1")),
        ("\t X:V1 \n", Name("registry.ollama.ai", "library", "X", "V1")),
    ],
)
def test_a_name_has_four_parts_with_their_case_kept(text: str, name: Name) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize("text", ["", ":", "/", "x:", ":v1", "a b", "x:a:b", "a/b/c/d", "http://x", "x/../y", "x\x00"])
def test_what_breaks_the_grammar_is_no_name(text: str) -> None:
    assert parse_name(text) is None


@pytest.mark.parametrize(
    ("text", "display", "short"),
    [
        ("x", "x:latest", "x"),
        ("x:LATEST", "x:LATEST", "x"),
        ("x:v1", "x:v1", "x:v1"),
        ("Library/x", "x:latest", "x"),
        ("ns/x", "ns/x:latest", "ns/x"),
        ("REGISTRY.ollama.ai/library/x", "x:latest", "x"),
        ("registry.ollama.ai/ns/x:v1", "ns/x:v1", "ns/x:v1"),
        ("host/library/x", "host/library/x:latest", "host/library/x"),
    ],
)
def test_the_default_parts_are_left_out_where_a_name_is_shown(text: str, display: str, short: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert (name.display, name.short) == (display, short)


def test_every_spelling_of_a_name_is_the_same_model() -> None:
    chance = random.Random(7)
    spellings = ["x", "x:latest", "library/x", "registry.ollama.ai/library/x:latest"]
    for _ in range(200):
        left, right = ("".join(chance.choice((c.lower(), c.upper())) for c in chance.choice(spellings)) for _ in "lr")
        assert same_model(left, right), (left, right)


def test_what_a_name_is_shown_as_means_the_same_model() -> None:
    for text in ("x", "x:v1", "ns/x:v1", "host:1/ns/x"):
        name = parse_name(text)
        assert name is not None
        assert all(same_model(text, shown) for shown in (name.display, name.short, name.full))


def test_what_is_no_name_is_equal_to_nothing() -> None:
    assert not same_model("a b", "a b")
    assert not same_model("x", "")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("x", ("x", "")),
        ("x:v1", ("x:v1", "")),
        ("x:local", ("x", ":local")),
        ("x:v1:LOCAL", ("x:v1", ":local")),
        ("x:Cloud", ("x", ":cloud")),
        ("local", ("local", "")),
    ],
)
def test_the_suffix_that_says_where_a_model_runs_is_cut_off(text: str, cut: tuple[str, str]) -> None:
    assert cut_source(text) == cut


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("sonnet", "SONNET:latest", True),
        ("sonnet", "library/Sonnet", True),
        ("sonnet", "registry.ollama.ai/library/sonnet:LATEST", True),
        ("sonnet", "sonnet:v1", False),
        ("sonnet", "ns/sonnet", False),
        ("a b", "a b", False),
    ],
)
def test_names_are_compared_without_regard_to_case(left: str, right: str, same: bool) -> None:
    assert same_model(left, right) is same
