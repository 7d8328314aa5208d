"""What names a kind of mistake in the code stands in the catalogue, and the other way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import ExpressionError, FieldError
from connector.mistakes.catalogue import GROUPS, MISTAKES
from connector.mistakes.documentation import page
from connector.model import Reason

ROOT = Path(__file__).parents[3]
# Where mistakes of a configuration are made; those of a command's arguments have no name.
ROOMS = ("config", "settings", "vendors")
# The classes of what carries a name, and at which place of its arguments.
NAMED = {"Mistake": 2, "SettingError": 1}
RAISED = {"ExpressionError", "FieldError"}
# What `preview` says of an event without an exception.
SAID_BY_PREVIEW = {"not-taken", "null-field", "no-headers"}


def calls(rooms: tuple[str, ...], names: set[str]) -> Iterator[tuple[str, str, ast.Call]]:
    for room in rooms:
        for path in sorted((ROOT / "connector" / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, node


def about_an_argument(node: ast.Call) -> bool:
    """True if a mistake is about an argument of a command, such as --topic: no document explains those."""
    return isinstance(node.args[0], ast.Constant) and str(node.args[0].value).startswith("--")


def texts() -> set[str]:
    """Every text in the sources, but for the catalogue's."""
    return {
        node.value
        for path in (ROOT / "connector").rglob("*.py")
        if path.parent.name != "mistakes"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_no_two_kinds_have_one_name() -> None:
    assert sum(len(group.kinds) for group in GROUPS) == len(MISTAKES)


def test_every_mistake_of_a_configuration_is_given_a_name() -> None:
    unnamed = [
        where
        for where, called, node in calls(ROOMS, set(NAMED))
        if len(node.args) <= NAMED[called]
        and not about_an_argument(node)
        and not any(isinstance(argument, ast.Starred) for argument in node.args)
        and not any(keyword.arg == "name" for keyword in node.keywords)
    ]
    assert unnamed == []


def test_every_refusal_of_an_expression_or_a_field_is_given_a_name() -> None:
    unnamed = [
        where
        for where, _called, node in calls(("expressions", "vendors"), RAISED)
        if not any(keyword.arg == "name" for keyword in node.keywords)
    ]
    # The net under all compiled functions: what falls into it has no name of its own.
    assert [where.partition(":")[0] for where in unnamed] == ["connector/expressions/compiler.py"]
    assert ExpressionError("").name == FieldError("").name == "unmappable"
    assert "unmappable" in MISTAKES


def test_every_name_that_is_given_is_explained() -> None:
    given = {
        argument.value: where
        for where, called, node in calls((*ROOMS, "expressions"), NAMED.keys() | RAISED)
        for argument in (*node.args[NAMED.get(called, 9) :], *(each.value for each in node.keywords))
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert {name: where for name, where in given.items() if name not in MISTAKES} == {}


def test_every_kind_that_is_explained_is_given_somewhere() -> None:
    given = texts() | {str(reason) for reason in Reason} | SAID_BY_PREVIEW
    assert MISTAKES.keys() - given == set()


def test_the_page_is_current() -> None:
    """Remake it with `python -m connector.mistakes.documentation docs`."""
    assert (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", MISTAKES)
def test_each_kind_has_a_heading_of_its_name_and_a_link_to_it(name: str) -> None:
    assert f"\n### {name}\n" in page()
    assert f"[{name}](#{name})" in page()
