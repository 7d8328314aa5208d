"""Every function's `gives` against what it really gives: for its example, and for every kind of argument it takes."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.kinds import json_type
from connector.expressions.library import FUNCTIONS
from connector.expressions.needs import EVENT, RECORD
from connector.expressions.parser import parse
from connector.expressions.results import takes
from connector.expressions.signatures import ANY, ELEMENTS, EXPRESSION, NULL_OF_NULL, Function, kinds_of
from connector.model import Record

# Values of every kind, and texts that the pickier functions read.
TEXTS = ("a", "7", "1.5", "2026-01-31T12:00:00Z", '{"a":1}', "cGFpZA==", "+79991234567", "trace", "int64")
VALUES = [
    *(f"'{text}'" for text in TEXTS),
    *("null", "`2`", "`1769850001`", "`true`", "`[]`", "`[1, 2]`"),
    *('`["a", "b"]`', '`[["a", 1]]`', '`{"a": 1}`'),
]
RECORDS = (RECORD, Record("t", 0, 0, -1, None, None, ()), Record("t", 0, 0, -1, b"\0" * 8, None, ()))
EXPRESSIONS = ["&@", "&a"]


def fits(value: Any, function: Function, first: Any) -> bool:
    if ANY in function.gives:
        return True
    kinds = set(kinds_of(function.gives))
    if first is None and (function.null_passes or NULL_OF_NULL in function.gives):
        kinds.add("null")
    if json_type(value) not in kinds:
        return False
    elements = [ELEMENTS[word] for word in function.gives if word in ELEMENTS]
    return type(value) is not list or not elements or all(json_type(each) in elements for each in value)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_the_example_gives_what_the_function_says_it_gives(function: Function) -> None:
    expression, result = function.example
    value = compile_expression(expression)(EVENT, RECORD)
    assert json.dumps(value) == json.dumps(json.loads(result))
    if parse(expression).kind == "call":
        assert fits(value, function, ...)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_no_call_gives_anything_else(function: Function) -> None:
    """What it refuses is no result; every kind that it says it gives is seen at least once, too."""
    seen = set()
    for given in range(len(function.parameters) - function.optional, min(len(function.parameters), 2) + 1):
        pools = [EXPRESSIONS if EXPRESSION in function.takes(index) else VALUES for index in range(given)]
        for arguments in itertools.product(*pools):
            read = compile_expression(f"{function.name}({', '.join(arguments)})")
            for record in RECORDS:
                try:
                    value = read({}, record)
                except ExpressionError:
                    continue
                assert fits(value, function, None if arguments[:1] == ("null",) else ...), arguments
                seen.add(json_type(value))
    if ANY not in function.gives and len(function.parameters) - function.optional <= 2:
        assert kinds_of(function.gives) - {NULL_OF_NULL} <= seen


@pytest.mark.parametrize(
    "name", [name for name, each in FUNCTIONS.items() if each.parameters and each.takes(0) == (ANY,)]
)
def test_a_function_that_looks_at_its_argument_itself_is_known_by_what_it_takes(name: str) -> None:
    taken = set()
    for value in VALUES:
        call = f"phone({value}, '7')" if name == "phone" else f"{name}({value})"
        try:
            compile_expression(call)({}, RECORD)
        except ExpressionError:
            continue
        taken.add(json_type(compile_expression(value)({}, RECORD)))
    assert takes(name, 0) == taken
