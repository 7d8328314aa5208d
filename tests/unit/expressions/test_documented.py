"""The functions that the operators' tutorial lists are those there are, and give what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jmespath.functions import Functions

from connector.expressions import compile_expression
from connector.expressions.library import FUNCTIONS
from connector.model import Record

TUTORIAL = Path(__file__).parents[3] / "docs" / "tutorial-operator.md"
SECTION = TUTORIAL.read_text(encoding="utf-8").partition("## The connector's own functions\n")[2]
ROWS: list[tuple[str, str, str]] = re.findall(r"^\| `(\w+)\(.*\| `([^`]+)` \| `([^`]+)` \|$", SECTION, re.MULTILINE)
EVENT: dict[str, Any] = json.loads(SECTION.split("```json\n")[1].split("```")[0])
RECORD = Record("shop.orders", 0, 0, 1_769_850_001_500, b"user-1", b"", (("trace", b"t-1"),))


def test_every_function_is_listed() -> None:
    assert {name for name, _, _ in ROWS} == FUNCTIONS.keys() - Functions.FUNCTION_TABLE.keys()


@pytest.mark.parametrize(("name", "example", "result"), ROWS)
def test_an_example_gives_what_is_written(name: str, example: str, result: str) -> None:
    assert example.startswith(f"{name}(")
    assert compile_expression(example)(EVENT, RECORD) == json.loads(result)
