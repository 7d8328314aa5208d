"""The compiled expression and the library agree on random expressions and random events."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ExpressionError
from connector.expressions import compile_condition, compile_expression, compile_fields
from connector.model import Evaluate, Event, Record
from tests.unit.expressions.oracle import by_the_oracle

RECORD = Record("shop.orders", 3, 7, 1_700_000_000_999, b"key", b"{}", (("h", b"1"), ("h", b"two")))

names = st.sampled_from(["a", "b", "c", '"x-y"'])
scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, -1, 1.0, 0.0, 2.5, 2**63, "", "a", "b", "1", "2026-01-31T12:00:00Z"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "x-y"]), inner),
    max_leaves=8,
)
events = st.dictionaries(st.sampled_from(["a", "b", "c", "x-y"]), values)
literals = values.map(lambda value: "`" + json.dumps(value).replace("`", "\\`") + "`") | st.just("'a'") | st.just("'1'")
leaves = names | literals | st.sampled_from(["@", "key()", "header('h')", "topic()", "timestamp()"])


LISTS = ["max", "min", "sort", "reverse", "values", "ceil", "floor", "to_number", "to_array"]


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The expressions one step larger."""
    pairs = st.tuples(inner, inner)
    comparators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    functions = st.sampled_from(
        ["unix", "text", "number", "digits", "sha256", "length", "type", "to_string", "abs", "keys", "not_null"]
    )
    return st.one_of(
        st.tuples(inner, names).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(names, names, names).map(".".join),
        st.tuples(inner, comparators, inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(inner, st.sampled_from(["&&", "||", "|"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"!({t})"),
        st.tuples(functions, inner).map(lambda t: f"{t[0]}({t[1]})"),
        pairs.map(lambda t: f"starts_with({t[0]}, {t[1]})"),
        pairs.map(lambda t: f"contains({t[0]}, {t[1]})"),
        pairs.map(lambda t: f"[{t[0]}, {t[1]}]"),
        pairs.map(lambda t: f"{{x: {t[0]}, y: {t[1]}}}"),
        pairs.map(lambda t: f"({t[0]}).{{x: {t[1]}}}"),
        pairs.map(lambda t: f"({t[0]})[?{t[1]}]"),
        pairs.map(lambda t: f"({t[0]})[*].[{t[1]}]"),
        pairs.map(lambda t: f"({t[0]})[?{t[1]}].a[]"),
        inner.map(lambda t: f"({t})[]"),
        inner.map(lambda t: f"({t})[*].a[0]"),
        inner.map(lambda t: f"({t}).*.b"),
        inner.map(lambda t: f"to_array({t})[::-1] | [1:]"),
        pairs.map(lambda t: f"map(&{t[0]}, to_array({t[1]}))"),
        pairs.map(lambda t: f"max_by(to_array({t[0]}), &{t[1]})"),
        st.tuples(st.sampled_from(LISTS), inner).map(lambda t: f"{t[0]}({t[1]})"),
        pairs.map(lambda t: f"join('-', [{t[0]}, {t[1]}])"),
        st.tuples(inner, names).map(lambda t: f"sort_by({t[0]}, &{t[1]})"),
    )


expressions = st.recursive(leaves, grow, max_leaves=6)


def answer(evaluate: Evaluate, event: Event) -> str:
    """The answer as JSON, in which 1, 1.0 and true differ; or that there is none."""
    try:
        return json.dumps(evaluate(event, RECORD))
    except ExpressionError:
        return "raises"


@settings(max_examples=400)
@given(text=expressions, event=events)
def test_compiled_and_interpreted_give_one_answer(text: str, event: dict[str, Any]) -> None:
    assert answer(compile_expression(text), event) == answer(by_the_oracle(text), event)


@settings(max_examples=200)
@given(left=expressions, right=expressions, event=events)
def test_a_condition_is_as_true_as_its_expression(left: str, right: str, event: dict[str, Any]) -> None:
    """Whole, and as selector and rest."""
    text = f"a.b == 'a' && ({left}) && ({right})"
    condition = compile_condition(text)
    # !!x is the truth of x in JMESPath itself.
    truth = answer(by_the_oracle(f"!(!({text}))"), event)
    assert answer(condition.holds, event) == truth
    assert condition.selector is not None
    assert condition.rest is not None
    if condition.selector.read(event, RECORD) == condition.selector.literal:
        assert answer(condition.rest, event) == truth
    else:
        assert truth == "false"


@settings(max_examples=200)
@given(texts=st.lists(expressions, min_size=1, max_size=4), event=events)
def test_fields_hold_what_their_expressions_give_unless_that_is_null(texts: list[str], event: dict[str, Any]) -> None:
    fields = {f"f{index}": text for index, text in enumerate(texts)}
    alone = [answer(by_the_oracle(text), event) for text in texts]
    if "raises" in alone:
        assert answer(compile_fields(fields), event) == "raises"
        return
    wanted = {name: json.loads(value) for name, value in zip(fields, alone, strict=True) if value != "null"}
    assert answer(compile_fields(fields), event) == json.dumps(wanted)


@settings(max_examples=300)
@given(st.text(alphabet="ab.[]{}()|&!=<>*?:,@'\"`\\0-1 \u00e9\ud800", max_size=12))
def test_any_text_compiles_or_is_refused_in_words(text: str) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(ExpressionError):
        assert callable(compile_expression(text))
