"""docs/expressions.md is what the table of functions gives, and its examples give what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connector.expressions import compile_expression
from connector.expressions.documentation import page
from connector.expressions.library import FUNCTIONS, JMESPATH_NAMES
from connector.expressions.needs import EVENT, NEEDS, RECORD
from connector.model import Record

DOCS = Path(__file__).parents[3] / "docs"
SECTION = (DOCS / "tutorial-operator.md").read_text(encoding="utf-8").partition("## The connector's own functions\n")[2]
ROWS: list[tuple[str, str, str]] = re.findall(r"^\| `(\w+)\(.*\| `([^`]+)` \| `([^`]+)` \|$", SECTION, re.MULTILINE)
TUTORIAL_EVENT: dict[str, Any] = json.loads(SECTION.split("```json\n")[1].split("```")[0])
TUTORIAL_RECORD = Record("shop.orders", 0, 0, 1_769_850_001_500, b"user-1", b"", (("trace", b"t-1"),))


def test_the_page_is_current() -> None:
    times = json.loads((DOCS / "performance" / "expressions.json").read_bytes())
    assert times.keys() == {expression for _need, expression in NEEDS}
    assert (DOCS / "expressions.md").read_text(encoding="utf-8") == page(times)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_example_gives_what_is_written(name: str) -> None:
    example, result = FUNCTIONS[name].example
    assert f"{name}(" in example
    assert compile_expression(example)(EVENT, RECORD) == json.loads(result)


@pytest.mark.parametrize(("name", "example", "result"), ROWS)
def test_an_example_of_the_tutorial_gives_what_is_written(name: str, example: str, result: str) -> None:
    assert name in FUNCTIONS.keys() - JMESPATH_NAMES
    assert example.startswith(f"{name}(")
    assert compile_expression(example)(TUTORIAL_EVENT, TUTORIAL_RECORD) == json.loads(result)
