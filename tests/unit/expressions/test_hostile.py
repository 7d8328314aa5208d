"""Hostile events and texts: nothing but ExpressionError leaves an expression, in little time and memory."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_condition, compile_expression
from connector.expressions.library import FUNCTIONS
from connector.expressions.signatures import EXPRESSION
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, b"\xff", None, (("h", b"\xff"),))
DECIMAL = Decimal("12345678901234.56789")


def nested(depth: int, *, as_object: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if as_object else [value]
    return value


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**9,
    2**64 - 1,
    -(2**63),
    -0.0,
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    DECIMAL,
    -DECIMAL,
    "",
    "a",
    "1",
    "1e999",
    "9" * 10**5,
    "1 " * 50_000,
    "[" * 10**5,
    "\ud800",
    "+7 900",
    '{"a":1}',
    ",",
    "ms",
    "int64",
    [],
    {},
    [1, DECIMAL],
    ["a", "\ud800"],
    [float("nan"), 1],
    [None],
    [["a", 1]],
    {"a": DECIMAL},
    {"\ud800": 1},
    [{"a": DECIMAL}, {"a": 1.5}],
    [{"a": "x"}, {"a": 1}],
    nested(900),
    nested(900, as_object=True),
    [1e308] * 3,
]


def evaluate(expression: Any, event: dict[str, Any]) -> None:
    started = time.perf_counter()
    with contextlib.suppress(ExpressionError):
        expression(event, RECORD)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_or_refuses_any_value(name: str) -> None:
    function, rnd = FUNCTIONS[name], random.Random(name)
    most = len(function.parameters)
    for given in range(most - function.optional, most + 1 + function.variadic):
        arguments = ["&a" if EXPRESSION in function.takes(index) else "pqrs"[index] for index in range(given)]
        expression = compile_expression(f"{name}({', '.join(arguments)})")
        combinations = list(itertools.product(VALUES, repeat=given)) if given < 3 else []
        combinations = combinations or [tuple(rnd.choice(VALUES) for _ in range(given)) for _ in range(500)]
        for values in combinations if len(combinations) < 500 else rnd.sample(combinations, 500):
            evaluate(expression, dict(zip("pqrs", values, strict=False)))


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "&&", "||"])
def test_an_operator_takes_or_refuses_any_two_values(sign: str) -> None:
    for expression in (compile_expression(f"p {sign} q"), compile_condition(f"p {sign} q").holds):
        for p, q in itertools.product(VALUES, repeat=2):
            evaluate(expression, {"p": p, "q": q})


@pytest.mark.parametrize(
    "text",
    [
        "-p",
        "+p",
        "p[0:3]",
        "p[::-1]",
        "p[]",
        "p[*].a",
        "p.*",
        "p[?@ > 1]",
        "p[?a == q]",
        "p == 1",
        "p > 1",
        "to_string(@)",
    ],
)
def test_a_path_takes_any_value(text: str) -> None:
    for value in VALUES:
        evaluate(compile_expression(text), {"p": value, "q": DECIMAL})


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("pad_left(a, 1000000000)", {"a": "x"}),
        ("pad_right(a, 1000000000, 'é')", {"a": "x"}),
        ("replace(a, 'x', b)", {"a": "x" * 10**5, "b": "y" * 10**5}),
        ("replace(a, '', b)", {"a": "x" * 10**5, "b": "y" * 10**5}),
        ("join(b, split(a, ''))", {"a": "x" * 10**5, "b": "y" * 10**5}),
        ("to_string(let $b = [a, a, a, a, a, a, a, a] in [$b, $b, $b, $b, $b, $b, $b, $b])", {"a": list(range(10**5))}),
        ("a == b", {"a": nested(990), "b": nested(990)}),
        ("to_string(a)", {"a": nested(2000)}),
        ("(a * a) * (a * a)", {"a": Decimal(1) + Decimal("5e-324")}),
    ],
)
def test_what_would_eat_memory_or_the_stack_is_refused_or_small(text: str, event: dict[str, Any]) -> None:
    evaluate(compile_expression(text), event)


LONG = [
    "a" * 10_000,
    "(" * 5_000,
    "[" * 10_000,
    "a." * 5_000 + "a",
    "!" * 9_999 + "a",
    " && ".join("a" * 2_000),
    "-" * 9_999,
    " + ".join("1" * 2_500),
    "a[*]" * 2_500,
    "a[]" * 3_300,
    "&" * 10_000,
    "let $a = 1 in " * 700 + "$a",
    "'" * 9_999,
    "`" * 9_999,
    "'" + "\\" * 9_998,
    "`" + "[" * 4_000 + "]" * 4_000 + "`",
    "{a:" * 3_000,
    "a | " * 2_500 + "a",
    "[?" * 4_000,
    "*." * 5_000,
    "9" * 10_000,
    "1e" + "9" * 9_000,
    "text(" * 1_400,
    "x" * 9_990 + "(a)",
    "a-" * 5_000,
    "not_null(" + "a," * 4_900 + "a)",
    "[" + ",".join("a" * 4_900) + "]",
    "a == " * 2_000 + "b",
    "map(&" * 90 + "a" + ",a)" * 90,
]


@pytest.mark.parametrize("text", LONG, ids=[text[:12] for text in LONG])
def test_any_text_of_ten_kilobytes_is_read_or_refused_quickly_and_in_few_words(text: str) -> None:
    started = time.perf_counter()
    message = ""
    try:
        evaluate(compile_expression(text), {"a": [1], "b": 2})
    except ExpressionError as error:
        message = str(error)
    assert len(message) < 1_000
    assert time.perf_counter() - started < 5


def test_of_random_tokens_nothing_else_is_raised() -> None:
    rnd = random.Random(1)
    tokens = [*"abc.[]{}()|&!=<>*?:,@'\"`\\0-1+$/% ", "||", "&&", "let $a =", "in", "$a", "[*]", "[?", "sum(", "map(&"]
    for _ in range(3_000):
        text = "".join(rnd.choice(tokens) for _ in range(rnd.choice([3, 8, 20, 60])))
        with contextlib.suppress(ExpressionError):
            evaluate(compile_expression(text), {"a": [{"a": 1}], "b": 2})
