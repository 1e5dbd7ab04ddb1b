"""The making and unmaking of personas."""

from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from proxy.catalog import library as module
from proxy.catalog.library import Library
from proxy.catalog.models import Catalog, Model
from proxy.catalog.persona_store import PersonaStore
from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.names import Name, parse_name
from proxy.core.traits import Traits

SONNET = Model("sonnet", "claude-sonnet-5-5", "Claude Sonnet", aliases=("big",))
SPOKEN = Traits(system="Be brief.", parameters={"top_k": 3})


def catalog() -> Catalog:
    return Catalog([SONNET], datetime(2026, 1, 2, tzinfo=UTC))


def name(text: str) -> Name:
    parsed = parse_name(text)
    assert parsed is not None
    return parsed


async def test_what_was_made_is_found_at_once_and_after_a_restart(tmp_path: Path) -> None:
    models = catalog()
    made = await Library(models, PersonaStore(tmp_path)).create(name("Mario"), "big", SPOKEN)
    assert (made.name, made.base, made.parent, made.traits) == ("Mario", "sonnet", "sonnet:latest", SPOKEN)
    assert models.find("mario").persona is made
    again = catalog()
    await Library(again, PersonaStore(tmp_path)).load()
    assert again.find("mario").persona == made


async def test_a_persona_of_a_persona_stands_without_it() -> None:
    models = catalog()
    library = Library(models)
    await library.create(name("mario"), "sonnet", SPOKEN)
    luigi = await library.create(name("ns/luigi:v2"), "mario", Traits(parameters={"top_k": 5}))
    await library.delete("mario")
    assert (luigi.base, luigi.parent) == ("sonnet", "mario:latest")
    assert models.find("NS/luigi:V2").persona is luigi
    assert luigi.traits == Traits(system="Be brief.", parameters={"top_k": 5})


async def test_a_name_that_is_made_again_keeps_its_spelling_and_nothing_else(tmp_path: Path) -> None:
    models = catalog()
    library = Library(models, PersonaStore(tmp_path))
    await library.create(name("Mario"), "sonnet", SPOKEN)
    again = await library.create(name("MARIO:latest"), "sonnet", Traits(system="Be long."))
    assert (again.name, again.traits) == ("Mario", Traits(system="Be long."))
    assert models.personas == PersonaStore(tmp_path).load() == [again]


async def test_a_copy_has_all_of_its_source_and_a_model_of_the_server_has_nothing_of_its_own() -> None:
    models = catalog()
    library = Library(models)
    await library.create(name("mario"), "sonnet", SPOKEN)
    await library.create(name("luigi"), "mario", Traits(template="t"))
    await library.copy("luigi", name("peach"))
    await library.copy("sonnet", name("plain"))
    luigi, peach, plain = (models.find(each).persona for each in ("luigi", "peach", "plain"))
    assert luigi
    assert peach
    assert plain
    assert (peach.traits, peach.parent) == (luigi.traits, "mario:latest")
    assert (plain.traits, plain.parent) == (Traits(), "sonnet:latest")


@pytest.mark.parametrize("source", ["sonnet", "Sonnet:latest", "library/sonnet", "big"])
async def test_a_copy_to_itself_is_nothing(source: str) -> None:
    models = catalog()
    await Library(models).copy(source, name("sonnet"))
    assert models.personas == []


async def test_deleting_what_stood_in_the_place_of_a_model_brings_that_back() -> None:
    models = catalog()
    library = Library(models)
    await library.create(name("sonnet"), "sonnet", SPOKEN)
    twice = await library.create(name("sonnet"), "sonnet", Traits(parameters={"top_p": 0.5}))
    assert twice.traits == Traits(system="Be brief.", parameters={"top_k": 3, "top_p": 0.5})
    assert await library.delete("SONNET") is twice
    assert models.find("sonnet") is SONNET


async def test_models_of_the_server_are_not_deleted() -> None:
    with pytest.raises(InvalidRequest, match="model 'sonnet' belongs to this server") as caught:
        await Library(catalog()).delete("big")
    assert caught.value.status == 403


async def test_what_is_not_there_is_not_found() -> None:
    library = Library(catalog())
    for work in (
        library.create(name("mario"), "nope", Traits()),
        library.copy("nope", name("mario")),
        library.delete("nope"),
    ):
        with pytest.raises(ModelNotFound, match="model 'nope' not found"):
            await work


async def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PERSONAS", 2)
    library = Library(catalog())
    for each in ("one", "two", "two"):
        await library.create(name(each), "sonnet", Traits())
    with pytest.raises(InvalidRequest, match="there are 2 models already"):
        await library.create(name("three"), "sonnet", Traits())
    await library.delete("one")
    await library.create(name("three"), "sonnet", Traits())


async def test_a_model_that_cannot_be_kept_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "personas").write_text("in the way")
    models = catalog()
    with pytest.raises(ServerError, match="the models cannot be kept: ") as caught:
        await Library(models, PersonaStore(tmp_path)).create(name("mario"), "sonnet", SPOKEN)
    assert (caught.value.status, caught.value.fault) == (500, "operator")
    assert models.personas == []


async def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    models = catalog()
    library = Library(models, PersonaStore(tmp_path))
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(library.create, name(f"m{number % 10}"), "sonnet", Traits(system=str(number)))
    kept = PersonaStore(tmp_path).load()
    assert sorted(models.personas, key=lambda each: each.key) == kept
    assert [each.name for each in kept] == [f"m{number}" for number in range(10)]
    assert len(list((tmp_path / "personas").iterdir())) == 10
