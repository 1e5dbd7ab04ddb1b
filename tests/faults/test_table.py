"""The fault table: the document shows it as it is, and every row has tests that exist."""

import ast
from pathlib import Path

import pytest

from tests.faults.table import TABLE, Row

ROOT = Path(__file__).parent.parent.parent
ROWS = [row for rows in TABLE.values() for row in rows]


def shown() -> dict[str, list[list[str]]]:
    """The tables of the document, by the headings of their sections."""
    tables: dict[str, list[list[str]]] = {}
    heading = ""
    for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| ") and heading in TABLE:
            tables.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return tables


def test_the_document_shows_the_table() -> None:
    assert shown() == {
        heading: [
            ["fault", "what the client sees", "what is guaranteed"],
            ["---", "---", "---"],
            *([row.fault, row.sees, row.guaranteed] for row in rows),
        ]
        for heading, rows in TABLE.items()
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_every_fault_has_tests_that_exist(row: Row) -> None:
    assert row.tests
    for place in row.tests:
        path, name = place.split("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in defined, place
