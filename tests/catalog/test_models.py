from datetime import UTC, datetime
from typing import Literal

import pytest

from proxy.catalog.models import Catalog, Model, valid_name
from proxy.core.errors import ModelNotFound
from proxy.core.names import parse_name

SINCE = datetime(2026, 1, 2, tzinfo=UTC)


def model(name: str, backend_model: str = "", aliases: tuple[str, ...] = ()) -> Model:
    return Model(name, backend_model or name, name.title(), aliases=aliases)


OPUS = model("opus", "claude-opus-5-5", ("big", "Claude-Opus"))
SONNET = model("sonnet")
TEAM = model("team/helper:v2", "claude-haiku-5")


def catalog(*models: Model) -> Catalog:
    return Catalog(models or (OPUS, SONNET, TEAM), SINCE)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("opus", OPUS),
        ("OPUS", OPUS),
        (" opus ", OPUS),
        ("opus:latest", OPUS),
        ("opus:Latest", OPUS),
        ("opus:local", OPUS),
        ("library/opus", OPUS),
        ("registry.ollama.ai/library/opus:latest", OPUS),
        ("big", OPUS),
        ("BIG:latest", OPUS),
        ("claude-opus", OPUS),
        ("claude-opus-5-5", OPUS),
        ("sonnet", SONNET),
        ("team/helper:v2", TEAM),
        ("Team/Helper:V2", TEAM),
        ("claude-haiku-5", TEAM),
    ],
)
def test_a_model_is_found_by_every_spelling_of_its_names(name: str, found: Model) -> None:
    assert catalog().find(name) is found


@pytest.mark.parametrize(
    "name",
    ["", " ", "haiku", "opus:v1", "ns/opus", "host/library/opus", "opus:cloud", "opus\n/x", "team/helper", "helper:v2"],
)
def test_a_name_that_is_not_there_is_quoted_as_it_was_written(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        catalog().find(name)
    assert (caught.value.status, caught.value.message) == (404, f"model '{name}' not found")


def test_a_name_wins_over_an_alias() -> None:
    models = catalog(model("a", aliases=("b",)), model("b"))
    assert models.find("b").name == "b"


def test_the_first_model_keeps_an_alias() -> None:
    models = catalog(model("a", "same"), model("b", "same"))
    assert models.find("same").name == "a"


def test_the_first_model_keeps_a_name() -> None:
    models = catalog(model("a", "first"), model("A:latest", "second"))
    assert [found.backend_model for found in models.models] == ["first"]


def test_a_discovered_model_comes_after_the_configured_ones() -> None:
    models = catalog()
    haiku = model("haiku", aliases=("claude-haiku-6",))
    assert models.discover([haiku]) == [haiku]
    assert list(models.models) == [OPUS, SONNET, TEAM, haiku]
    assert models.find("claude-haiku-6") is haiku


def test_what_is_reported_again_is_not_new() -> None:
    models = catalog()
    haiku = model("haiku")
    assert models.discover([haiku, haiku]) == [haiku]
    assert models.discover([haiku]) == []
    assert len(models.models) == 4


def test_a_reported_model_that_is_configured_adds_its_aliases() -> None:
    models = catalog()
    assert models.discover([model("sonnet-from-cli", "sonnet", ("claude-sonnet-5",))]) == []
    assert models.find("claude-sonnet-5") is SONNET
    with pytest.raises(ModelNotFound):
        models.find("sonnet-from-cli")


def test_of_several_for_one_cli_model_the_first_gets_the_aliases() -> None:
    models = catalog(model("sonnet", "sonnet"), model("sonnet-web", "sonnet"))
    models.discover([model("sonnet", "sonnet", ("claude-sonnet-5",))])
    assert models.find("claude-sonnet-5").name == "sonnet"


def test_discovery_never_replaces_what_is_configured() -> None:
    models = catalog()
    reported = [
        model("opus", "another", ("big", "sonnet")),
        model("other", "other", ("opus", "big", "claude-opus-5-5")),
    ]
    models.discover(reported)
    assert [models.find(name) for name in ("opus", "big", "claude-opus-5-5", "sonnet")] == [OPUS, OPUS, OPUS, SONNET]


def test_a_model_without_a_valid_name_is_left_out() -> None:
    models = catalog()
    assert models.discover([model("son net", "x"), model("", "y")]) == []
    assert len(models.models) == 3


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("sonnet", "sonnet"),
        ("sonnet[1m]", "sonnet-1m"),
        ("claude-opus-4.1", "claude-opus-4.1"),
        ("a  b//c", "a-b-c"),
        ("[beta]", "beta"),
        (".-x-.", "x"),
        ("_x", "_x"),
    ],
)
def test_a_cli_models_spelling_becomes_a_valid_name(spelling: str, name: str) -> None:
    assert valid_name(spelling) == name
    assert parse_name(name) is not None


def test_an_alias_is_found_by_its_valid_name() -> None:
    models = catalog(model("long", "sonnet[1m]", ("claude-sonnet-5[1m]",)))
    assert models.find("sonnet-1m") is models.find("claude-sonnet-5-1m") is models.find("long")


def test_a_catalogue_knows_since_when_it_is() -> None:
    assert catalog().since == SINCE


@pytest.mark.parametrize(
    ("capabilities", "thinking", "found"),
    [
        (("completion", "vision"), "adaptive", ("completion", "vision", "thinking")),
        (("completion",), "budget", ("completion", "thinking")),
        (("thinking", "completion"), "budget", ("completion", "thinking")),
        (("completion",), "none", ("completion",)),
        (("completion", "thinking"), "none", ("completion",)),
    ],
)
def test_a_model_is_said_to_think_when_it_does(
    capabilities: tuple[str, ...], thinking: Literal["adaptive", "budget", "none"], found: tuple[str, ...]
) -> None:
    assert Model("a", "a", "A", capabilities=capabilities, thinking=thinking).capabilities == found


def test_models_configured_anew_take_the_place_of_the_old_and_reported_ones_stay() -> None:
    models = catalog(OPUS, SONNET)
    reported = model("saga", "saga[1m]", ("claude-saga-9",))
    models.discover([reported, model("x", "sonnet", ("claude-sonnet-9",))])
    models.configure([SONNET, TEAM])
    assert [found.name for found in models.models] == ["sonnet", "team/helper:v2", "saga"]
    assert models.find("claude-saga-9") is reported
    assert models.find("claude-sonnet-9") is SONNET
    with pytest.raises(ModelNotFound):
        models.find("big")


def test_a_configured_model_replaces_a_reported_one_and_gives_it_back() -> None:
    models = catalog(SONNET)
    reported = model("saga", "saga[1m]")
    models.discover([reported])
    own = model("saga", "saga[1m]")
    models.configure([SONNET, own])
    assert models.find("saga") is own
    models.configure([SONNET])
    assert models.find("saga") is reported


def theirs(*names: str) -> list[Model]:
    return [Model(name, f"{name}!", name.title(), backend="there") for name in names]


def test_models_of_another_server_are_found_by_their_names_and_by_its_prefix() -> None:
    models = catalog()
    models.adopt("there", theirs("llama:8b", "team/other"))
    for name in ("llama:8b", "there/llama:8b", "THERE/LLAMA:8B"):
        assert models.find(name).backend_model == "llama:8b!"
    assert models.find("there/team/other").backend_model == "team/other!"
    assert [model.name for model in models.models][-2:] == ["llama:8b", "team/other"]
    assert [model.name for model in models.bases] == ["opus", "sonnet", "team/helper:v2"]


@pytest.mark.parametrize("name", ["opus", "OPUS", "big", "claude-opus-5-5"])
def test_a_name_or_an_alias_of_claude_s_wins(name: str) -> None:
    models = catalog()
    models.adopt("there", theirs(name))
    assert models.find(name) is OPUS
    assert models.find(f"there/{name}").backend_model == f"{name}!"
    assert [model.name for model in models.models][-1] == f"there/{name}"


def test_what_the_cli_reports_later_wins_too_and_what_is_gone_is_gone() -> None:
    models = catalog(SONNET)
    models.adopt("there", theirs("saga"))
    assert models.find("saga").backend == "there"
    models.discover([model("saga")])
    assert (models.find("saga").backend, models.find("there/saga").backend_model) == ("claude", "saga!")
    models.configure([SONNET])
    assert models.find("there/saga").name == "there/saga"
    models.adopt("there", [])
    with pytest.raises(ModelNotFound):
        models.find("there/saga")


def test_a_name_with_a_host_has_no_room_for_a_prefix() -> None:
    models = catalog()
    models.adopt("there", theirs("hf.co/team/llama:q4"))
    found = models.find("hf.co/team/llama:q4")
    assert (found.name, found.lasting_name) == ("hf.co/team/llama:q4", "hf.co/team/llama:q4")


def test_a_model_of_another_server_has_a_name_that_nobody_takes_from_it() -> None:
    models = catalog()
    models.adopt("there", theirs("llama"))
    assert (OPUS.lasting_name, models.find("llama").lasting_name) == ("opus", "there/llama")
