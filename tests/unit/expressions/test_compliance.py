"""JMESPath's own compliance suite, by the compiler and by the library alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.generator import Generator
from connector.model import Evaluate, Record
from tests.unit.expressions.oracle import by_the_oracle

CORPUS = Path(__file__).parents[2] / "corpora" / "jmespath"
RECORD = Record("topic", 0, 0, -1, None, None, ())
Case = tuple[str, Any, dict[str, Any]]


def cases() -> Iterator[Any]:
    for path in sorted(CORPUS.glob("*.json")):
        for number, group in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            for case in group["cases"]:
                if "bench" not in case:  # timed, without an expected result
                    yield pytest.param(group["given"], case, id=f"{path.stem}-{number}-{case['expression']!r:.40}")


@pytest.mark.parametrize("compiled", [compile_expression, by_the_oracle])
@pytest.mark.parametrize(("given", "case"), list(cases()))
def test_every_case_gives_the_suites_answer(
    given: Any, case: dict[str, Any], compiled: Callable[[str], Evaluate]
) -> None:
    """An event is an object, so the suite's document is a field of it; a pipe makes it the current node again."""

    def answer() -> Any:
        return compiled(f"given | {case['expression']}")({"given": given}, RECORD)

    if "error" in case:
        with pytest.raises(ExpressionError):
            answer()
    else:
        assert json.dumps(answer()) == json.dumps(case["result"])


def test_the_suite_is_all_there() -> None:
    assert sum(1 for _ in cases()) > 800


def uses_the_library(text: str) -> bool:
    generator = Generator()
    generator.value(parse(text))
    return any(getattr(value, "__qualname__", "").startswith("interpret.") for value in generator.namespace.values())


@pytest.mark.parametrize(
    "text",
    [
        "user",
        "user.id",
        '"user-name"."first name"',
        "items[0].price",
        "items[-1]",
        "matrix[0][1]",
        "@",
        "'raw'",
        '`{"a": [1, 2.5, null]}`',
        "type == 'paid'",
        "total > `100`",
        "`1` <= total",
        "total != other",
        "a == `1` || b == `true`",
        "a && !b || (c && d)",
        "{level: data.level, zone: data.zone}",
        "[a, b.c]",
        "a | b | {x: c, y: d}",
        "a.{x: b}",
        "unix(at)",
        "text(number(digits(sha256(a))))",
        "key() || header('trace') || topic()",
        "timestamp()",
        "starts_with(type, 'order.')",
        "length(items) > `3`",
        "not_null(a, b)",
    ],
)
def test_what_configurations_are_made_of_is_compiled(text: str) -> None:
    assert not uses_the_library(text)


@pytest.mark.parametrize(
    "text", ["items[*].price", "items[?a == 'b']", "items[]", "a.*", "items[1:2]", "sort_by(a, &b)"]
)
def test_what_iterates_is_left_to_the_library(text: str) -> None:
    assert uses_the_library(text)


def test_only_the_part_that_iterates_is_left_to_the_library() -> None:
    generator = Generator()
    source = generator.value(parse("type == 'paid' && items[?sku == 'a']"))
    assert "e.get('type') == 'paid'" in source
