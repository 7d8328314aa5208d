"""JMESPath's compliance suite and the Community edition's, by the compiler; the first by the oracle, too.

Both also as a field of a route with `each`, of which the suite's document is an element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_element_fields, compile_expression
from connector.model import Evaluate, Record
from tests.unit.expressions.oracle import by_the_oracle

CORPORA = Path(__file__).parents[2] / "corpora"
RECORD = Record("topic", 0, 0, -1, None, None, ())

# Cases of the Community's suite that are answered otherwise: (file, expression) → our answer, and why.
FIFTEEN_DIGITS = "a quotient that is not whole is rounded to 15 digits, which every double holds"
BACKSLASHES = "upstream's meaning stays: in a raw text a backslash escapes a quote only"
NULL_BEFORE_BRACES = "upstream's meaning stays: of null, a list or an object of expressions is null"
NAMED_DIFFERENCES: dict[tuple[str, str], tuple[Any, str]] = {
    ("arithmetic", "`2` / `3`"): (0.666666666666667, FIFTEEN_DIGITS),
    ("arithmetic", "`2` ÷ `3`"): (0.666666666666667, FIFTEEN_DIGITS),
    ("literal", "'\\\\'"): ("\\\\", BACKSLASHES),
    ("pipe", "`null`|[@]"): (None, NULL_BEFORE_BRACES),
    ("pipe", "`null`|{foo: @}"): (None, NULL_BEFORE_BRACES),
}


def cases(corpus: str) -> Iterator[Any]:
    for path in sorted((CORPORA / corpus).glob("*.json")):
        for number, group in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            for case in group["cases"]:
                if "bench" not in case:  # timed, without an expected result
                    name = f"{path.stem}-{number}-{case['expression']!r:.40}"
                    yield pytest.param(path.stem, group["given"], case, id=name)


def answer(compiled: Callable[[str], Evaluate], file: str, document: Any, expression: str) -> Any:
    """An event is an object, so the suite's document is a field of it; a pipe makes it the current node again."""
    if file == "root_node" and type(document) is dict:
        return compiled(expression)(document, RECORD)  # $ is the event
    return compiled(f"given | {expression}")({"given": document}, RECORD)


@pytest.mark.parametrize("compiled", [compile_expression, by_the_oracle])
@pytest.mark.parametrize(("file", "given", "case"), list(cases("jmespath")))
def test_every_case_of_jmespath_gives_the_suites_answer(
    file: str, given: Any, case: dict[str, Any], compiled: Callable[[str], Evaluate]
) -> None:
    if "error" in case:
        with pytest.raises(ExpressionError):
            answer(compiled, "", given, case["expression"])
    else:
        assert json.dumps(answer(compiled, "", given, case["expression"])) == json.dumps(case["result"])


@pytest.mark.parametrize(("file", "given", "case"), list(cases("jmespath-community")))
def test_every_case_of_the_community_gives_the_suites_answer_or_the_named_one(
    file: str, given: Any, case: dict[str, Any]
) -> None:
    difference = NAMED_DIFFERENCES.get((file, case["expression"]))
    if "error" in case:
        with pytest.raises(ExpressionError):
            answer(compile_expression, file, given, case["expression"])
    else:
        result = answer(compile_expression, file, given, case["expression"])
        assert result == (case["result"] if difference is None else difference[0])


@pytest.mark.parametrize(("file", "given", "case"), [*cases("jmespath"), *cases("jmespath-community")])
def test_every_case_gives_the_same_answer_where_the_document_is_an_element(
    file: str, given: Any, case: dict[str, Any]
) -> None:
    expression = case["expression"]
    if "error" in case:
        with pytest.raises(ExpressionError):
            compile_element_fields({"field": expression})({}, RECORD, given)
        return
    event = given if file == "root_node" and type(given) is dict else {"given": given}
    mapped = compile_element_fields({"field": expression, "again": expression})(event, RECORD, given)
    answered = answer(compile_expression, file, given, expression)
    assert mapped == ({} if answered is None else {"field": answered, "again": answered})


def test_the_suites_are_all_there() -> None:
    assert sum(1 for _ in cases("jmespath")) == 905
    assert sum(1 for _ in cases("jmespath-community")) == 1028
