"""What a persona inherits, and what a request becomes on it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.catalog.models import Catalog, Model
from proxy.catalog.personas import Persona, dress, inherit
from proxy.core.errors import ModelNotFound
from proxy.core.request import ChatRequest, Message, Options, Role, Text
from proxy.core.traits import Traits

SINCE = datetime(2026, 1, 2, tzinfo=UTC)
SONNET = Model("sonnet", "claude-sonnet-5-5", "Claude Sonnet", aliases=("big",), capabilities=("completion", "tools"))
HELLO = Options(temperature=0.5, stop=("END",), max_tokens=100)


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def persona(name: str = "mario", base: str = "sonnet", **traits: Any) -> Persona:
    return Persona(name, base, "sonnet:latest", Traits(**traits), SINCE)


FIRST = Traits(
    system="Be first.",
    template="{{ .Prompt }}",
    parameters={"temperature": 0.6, "stop": ["a", "b"], "top_k": 10},
    messages=(said("user", "one"), said("assistant", "two")),
    licenses=("MIT",),
)


@pytest.mark.parametrize(
    ("own", "field", "value"),
    [
        (Traits(), "system", "Be first."),
        (Traits(system="Be second."), "system", "Be second."),
        (Traits(), "template", "{{ .Prompt }}"),
        (Traits(template="{{ .System }}"), "template", "{{ .System }}"),
        (Traits(), "parameters", {"temperature": 0.6, "stop": ["a", "b"], "top_k": 10}),
        (
            Traits(parameters={"top_p": 0.7, "stop": ["c"]}),
            "parameters",
            {"temperature": 0.6, "stop": ["c"], "top_k": 10, "top_p": 0.7},
        ),
        (Traits(), "messages", FIRST.messages),
        (Traits(messages=(said("user", "three"),)), "messages", (said("user", "three"),)),
        (Traits(), "licenses", ("MIT",)),
        (Traits(licenses=("Apache", "MIT")), "licenses", ("MIT", "Apache")),
    ],
)
def test_a_model_inherits_by_ollamas_rules(own: Traits, field: str, value: object) -> None:
    assert getattr(inherit(FIRST, own), field) == value


@pytest.mark.parametrize(
    ("traits", "asked", "told"),
    [
        (Traits(), [said("user", "hi")], [said("user", "hi")]),
        (Traits(system="S"), [said("user", "hi")], [said("system", "S"), said("user", "hi")]),
        (Traits(system="S"), [said("system", "T"), said("user", "hi")], [said("system", "T"), said("user", "hi")]),
        (
            Traits(system="S"),
            [said("user", "hi"), said("system", "T")],
            [said("system", "S"), said("user", "hi"), said("system", "T")],
        ),
        (
            FIRST,
            [said("user", "hi")],
            [said("system", "Be first."), said("user", "one"), said("assistant", "two"), said("user", "hi")],
        ),
        (
            FIRST,
            [said("system", "T"), said("user", "hi")],
            [said("system", "T"), said("user", "one"), said("assistant", "two"), said("user", "hi")],
        ),
        (FIRST, [], []),
    ],
)
def test_a_conversation_begins_as_the_persona_has_it(traits: Traits, asked: list[Message], told: list[Message]) -> None:
    assert dress(ChatRequest("mario", tuple(asked)), traits, Options()).messages == tuple(told)


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (Options(), HELLO),
        (Options(temperature=0.0), Options(temperature=0.0, stop=("END",), max_tokens=100)),
        (Options(stop=("x",)), Options(temperature=0.5, stop=("x",), max_tokens=100)),
        (Options(top_k=3, top_p=0.4), Options(0.5, 0.4, 3, ("END",), 100)),
        (Options(max_tokens=7), Options(temperature=0.5, stop=("END",), max_tokens=7)),
    ],
)
def test_what_a_request_says_of_an_option_wins(asked: Options, options: Options) -> None:
    assert dress(ChatRequest("mario", (), options=asked), Traits(), HELLO).options == options


@pytest.mark.parametrize(("name", "base"), [("a b", "sonnet"), ("", "sonnet"), ("mario", "../x y")])
def test_a_persona_has_a_valid_name_and_base(name: str, base: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        persona(name, base)


def test_a_persona_has_a_time_with_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Persona("mario", "sonnet", "", Traits(), datetime(2026, 1, 2))


@pytest.mark.parametrize("name", ["Mario", "mario", "MARIO:latest", "library/mario", " mario ", "mario:local"])
def test_a_persona_is_found_by_every_spelling_and_answers_as_its_base_does(name: str) -> None:
    catalog = Catalog([SONNET], SINCE)
    catalog.put(persona("Mario", "big"))
    found = catalog.find(name)
    assert (found.name, found.backend_model, found.capabilities) == ("Mario", SONNET.backend_model, SONNET.capabilities)
    assert found.display_name == "Mario (Claude Sonnet)"
    assert found.persona is catalog.persona(name)
    assert [model.name for model in catalog.models] == ["sonnet", "Mario"]
    assert catalog.bases == [SONNET]


@pytest.mark.parametrize(("name", "listed"), [("Sonnet", ["Sonnet"]), ("big", ["sonnet", "big"])])
def test_a_persona_may_stand_in_the_place_of_its_own_base(name: str, listed: list[str]) -> None:
    catalog = Catalog([SONNET], SINCE)
    shadow = persona(name, "sonnet")
    catalog.put(shadow)
    assert catalog.find(name).persona is shadow
    assert [model.name for model in catalog.models] == listed
    catalog.drop(shadow)
    assert catalog.find(name) is SONNET


def test_a_persona_waits_for_a_base_that_is_not_there_yet() -> None:
    catalog = Catalog([], SINCE)
    catalog.put(persona())
    assert catalog.models == []
    with pytest.raises(ModelNotFound, match="model 'mario' not found"):
        catalog.find("mario")
    assert catalog.discover([SONNET]) == [SONNET]
    assert catalog.find("mario").backend_model == SONNET.backend_model
