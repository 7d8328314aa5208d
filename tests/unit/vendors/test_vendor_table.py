"""docs/vendors.md: every field and status code stands in its tables, and what they name exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.vendors.registry import OWN
from connector.vendors.vendor import Vendor

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "vendors.md").read_text(encoding="utf-8")
QUOTED = re.compile(r"`([^`]+)`")


def rows() -> Iterator[list[str]]:
    """The cells of every row that names code and tests."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and not cells[0].startswith(("---", "| ---", "in the document")):
            yield cells


def names_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("vendor", OWN, ids=lambda vendor: vendor.kind)
def test_every_parameter_has_a_row(vendor: Vendor[Any]) -> None:
    named = {name for cells in rows() for name in QUOTED.findall(cells[0])}
    assert {field for method in vendor.methods.values() for field in method.fields} <= named
    assert vendor.kind != "mytracker" or set(vendor.methods) <= named


@pytest.mark.parametrize(
    "said", ["Bad Request", "Forbidden", "Empty post data", "Bad json", "Bad api version", "Method not found",
             "Internal Server Error", "-1000", "-4007", "-4000", "-7", "-2", "429"],
)  # fmt: skip
def test_every_answer_of_the_documents_has_a_row(said: str) -> None:
    assert any(said in cells[0] for cells in rows())


def test_each_row_names_code_that_exists_and_a_test_that_exists() -> None:
    assert len(list(rows())) > 50
    for cells in rows():
        code, tests = QUOTED.findall(cells[3]), QUOTED.findall(cells[4])
        assert code, cells[0]
        assert tests, cells[0]
        assert [path for path in code if not (ROOT / "connector" / path).is_file()] == []
        for test in tests:
            path, _, name = test.partition("::")
            assert name in names_of(path), test


def test_what_the_text_names_beside_the_tables_exists() -> None:
    for path, name in re.findall(r"`([a-z_/]+\.py)::([a-z0-9_]+)`", PAGE):
        assert name in names_of(path), name
