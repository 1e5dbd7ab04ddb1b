"""Imports point down only, and every package's docstring maps its modules."""

import ast
import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = (
    {"claude_ollama_server"},
    {"proxy.commands"},
    {"proxy.app"},
    {"proxy.others"},
    {"proxy.cli", "proxy.parts"},
    {"proxy.api", "proxy.web"},
    {"proxy.engine", "proxy.chats"},
    {
        "proxy.wire",
        "proxy.access",
        "proxy.catalog",
        "proxy.backends",
        "proxy.store",
        "proxy.observe",
        "proxy.simulator",
    },
    {"proxy.shape"},
    {"proxy.core"},
)
READERS_OF_CONFIG = {"claude_ollama_server", "proxy.commands", "proxy.app", "proxy.cli", "proxy.others", "proxy.parts"}

DEPTH = {unit: depth for depth, layer in enumerate(LAYERS) for unit in layer}
OURS = {"claude_ollama_server", "config", "proxy"}

Import = tuple[str, str]
"""The module that imports, and what it imports: a module, or a name in one."""


def imports_in(module: str, package: str, source: str) -> Iterator[Import]:
    """Every import in `source`, also those inside functions and conditions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((module, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield from ((module, f"{origin}.{name.name}") for name in node.names)


def unit_of(name: str) -> str:
    """The layered unit that `name` belongs to; for what is outside every layer, its first two parts."""
    first, *rest = name.split(".")
    return ".".join((first, *rest[:1])) if first == "proxy" else first


def violations(imports: Iterable[Import]) -> list[str]:
    """The imports that break the layering, each in words."""
    return [f"{module} imports {name}: {why}" for module, name in imports if (why := objection(module, name))]


def objection(module: str, name: str) -> str | None:
    importer, imported = unit_of(module), unit_of(name)
    if importer == imported:
        return "backends do not know of each other" if strangers(module, name) else None
    if importer == "proxy.core" and imported not in sys.stdlib_module_names:
        return "the core needs the standard library only"
    if imported.partition(".")[0] not in OURS:
        return None
    if importer == "config":
        return "config is a leaf"
    if imported == "config":
        return None if importer in READERS_OF_CONFIG else "settings are for the composition root"
    for unit in (importer, imported):
        if unit not in DEPTH:
            return f"{unit} has no layer"
    return None if DEPTH[importer] < DEPTH[imported] else "imports point down only"


def strangers(module: str, name: str) -> bool:
    """Whether both are of backends, and not of the same one."""
    first, second = (each.split(".")[:3] for each in (module, name))
    return first[:2] == ["proxy", "backends"] and len(first) == len(second) == 3 and first != second


def modules() -> Iterator[tuple[str, str, Path]]:
    """Every module of the project: its name, its package and its file."""
    for path in (ROOT / "claude_ollama_server.py", ROOT / "config.py", *sorted((ROOT / "proxy").rglob("*.py"))):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.stem == "__init__":
            name = name.removesuffix(".__init__")
            yield name, name, path
        else:
            yield name, name.rpartition(".")[0], path


def test_imports_point_down_only() -> None:
    found = [pair for name, package, path in modules() for pair in imports_in(name, package, path.read_text())]
    assert ("proxy.app", "proxy.engine.Engine") in found
    assert violations(found) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("proxy.core.names", "proxy.engine.Engine"),
        ("proxy.core.reply", "proxy.shape.stop.StopFilter"),
        ("proxy.shape.stop", "proxy.catalog.models.Model"),
        ("proxy.core.names", "pydantic.BaseModel"),
        ("proxy.core.names", "config.Settings"),
        ("proxy.wire.models", "proxy.catalog.models.Model"),
        ("proxy.observe.log", "proxy.backends.claude_cli.pool.Pool"),
        ("proxy.backends.claude_cli.pool", "proxy.engine"),
        ("proxy.backends.claude_cli.pool", "config.Settings"),
        ("proxy.backends.ollama.backend", "proxy.backends.claude_cli.deadlines.Watch"),
        ("proxy.engine", "proxy.api.reply"),
        ("proxy.api.server", "config"),
        ("proxy.api.ollama", "proxy.web"),
        ("proxy.api.ollama", "proxy.app.open_daemon"),
        ("proxy.app", "claude_ollama_server.main"),
        ("proxy.utils", "proxy.core.names"),
        ("proxy.engine", "proxy.utils"),
        ("proxy", "proxy.engine.Engine"),
        ("config", "proxy.core.names.parse_name"),
    ],
)
def test_the_check_objects_to_what_breaks_the_layering(module: str, name: str) -> None:
    assert len(violations([(module, name)])) == 1


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("claude_ollama_server", "proxy.observe.log.configure_log"),
        ("claude_ollama_server", "config.load"),
        ("proxy.app", "config.Settings"),
        ("proxy.app", "proxy.core.errors.ServerError"),
        ("proxy.api.ollama", "proxy.wire.models"),
        ("proxy.backends.claude_cli.pool", "proxy.backends.claude_cli.plan.plan"),
        ("proxy.backends.claude_cli.pool", "anyio"),
        ("proxy.backends.ollama.turn", "proxy.backends.ollama.client"),
        ("proxy.core.names", "re"),
        ("proxy.core.contracts", "collections.abc.Sequence"),
        ("config", "pydantic.BaseModel"),
    ],
)
def test_the_check_lets_pass_what_the_layering_allows(module: str, name: str) -> None:
    assert violations([(module, name)]) == []


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import os, proxy.engine as e
from . import names
from ..wire.models import tags
from proxy import api
def late():
    if True:
        import config
"""
    found = [name for _module, name in imports_in("proxy.core.x", "proxy.core", source)]
    assert found == ["os", "proxy.engine", "proxy.core.names", "proxy.wire.models.tags", "proxy.api", "config"]


PACKAGES = [(name, path.parent) for name, _package, path in modules() if path.stem == "__init__"]

NAMES = r"[a-z]\w*/?(?: [a-z]\w*/?)*"
ENTRY = re.compile(rf"^ *({NAMES})  +\S|^    ({NAMES})$", re.MULTILINE)
"""A line of a map: the names of modules, wide blanks, what they hold; or, indented, names alone."""

ASIDE = re.compile(rf"`(\w+)`|\(({NAMES})\)")
"""Where an entry names further modules: quoted, or a bare list of them in brackets."""


def mapped(docstring: str) -> set[str]:
    """The modules that have an entry in the map of a package's docstring."""
    return {name.rstrip("/") for match in ENTRY.finditer(docstring) for name in (match[1] or match[2]).split()}


def mentioned(docstring: str) -> set[str]:
    """The modules that the map names beside its entries."""
    return {name for match in ASIDE.finditer(docstring) for name in (match[1] or match[2]).split()}


def contents(folder: Path) -> set[str]:
    """The modules and packages in `folder`."""
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}


@pytest.mark.parametrize(("name", "folder"), PACKAGES, ids=[name for name, _folder in PACKAGES])
def test_a_packages_docstring_maps_its_modules(name: str, folder: Path) -> None:
    docstring = importlib.import_module(name).__doc__ or ""
    assert contents(folder) - mapped(docstring) - mentioned(docstring) == set(), "these modules are not named"
    assert mapped(docstring) - contents(folder) == set(), "these names are no modules"


def test_a_map_is_read_by_its_shape() -> None:
    docstring = """What this is: prose that names  nothing.

    one         the first
    two three   a pair, with `eight` (nine ten)
    sub/        a package
    four five

    plain words after the map, which are prose.
    """
    assert mapped(docstring) == {"one", "two", "three", "sub", "four", "five"}
    assert mentioned(docstring) == {"eight", "nine", "ten"}


@pytest.mark.parametrize(("name", "folder"), PACKAGES, ids=[name for name, _folder in PACKAGES])
def test_a_packages_init_holds_a_docstring_and_names_alone(name: str, folder: Path) -> None:
    tree = ast.parse((folder / "__init__.py").read_text())
    assert ast.get_docstring(tree), f"{name} has no map"
    for statement in tree.body[1:]:
        assert isinstance(statement, ast.ImportFrom | ast.Assign), f"line {statement.lineno} does more than name"
