"""The Python that expressions become. Slower source gives the same answers: only here would it be noticed."""

from __future__ import annotations

import pytest

from connector.expressions import compile_expression, compile_fields
from connector.expressions.generator import Generator
from connector.expressions.parser import parse
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())

USER_ID = "(t1.get('id') if type(t1 := e.get('user')) is dict else None)"
TRUE_A, TRUE_B = "((t1 := e.get('a')) or type(t1) in NUMBERS)", "((t2 := e.get('b')) or type(t2) in NUMBERS)"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("user", "e.get('user')"),
        ("user.id", USER_ID),
        ("user | id", USER_ID),
        ("items[0]", "(t1[0] if type(t1 := e.get('items')) is list and len(t1) >= 1 else None)"),
        ("items[-2]", "(t1[-2] if type(t1 := e.get('items')) is list and len(t1) >= 2 else None)"),
        ("[0]", "(t1[0] if type(t1 := e) is list and len(t1) >= 1 else None)"),
        ("@", "e"),
        ("'raw'", "'raw'"),
        ("`1.5`", "1.5"),
        ("`[1]`", "c4"),
        ('`{"a": 1}`', "c4"),
        ("type == 'paid'", "(e.get('type') == 'paid')"),
        ("'paid' != type", "(e.get('type') != 'paid')"),
        ("paid == `true`", "(e.get('paid') is True)"),
        ("`null` != x", "(e.get('x') is not None)"),
        ("total == `1.5`", "(e.get('total') == 1.5)"),
        ("total == `1`", "(type(t1 := e.get('total')) is not bool and t1 == 1)"),
        ("total != `0`", "(not (type(t1 := e.get('total')) is not bool and t1 == 0))"),
        ("a == b", "equal(e.get('a'), e.get('b'))"),
        ("a != b", "(not equal(e.get('a'), e.get('b')))"),
        ("a == `[1]`", "equal(e.get('a'), c4)"),
        ("`1` == `2`", "equal(1, 2)"),
        ("total > `5`", "(t1 > 5 if type(t1 := e.get('total')) in (int, float) else order('>', t1, 5))"),
        ("at >= '2026'", "order('>=', e.get('at'), '2026')"),
        ("`1` <= total", "order('<=', 1, e.get('total'))"),
        ("total < limit", "order('<', e.get('total'), e.get('limit'))"),
        ("a && b", "(e.get('b') if (t1 := e.get('a')) or type(t1) in NUMBERS else t1)"),
        ("a || b", "(t1 if (t1 := e.get('a')) or type(t1) in NUMBERS else e.get('b'))"),
        ("a == 'x' && b", "((e.get('a') == 'x') and e.get('b'))"),
        ("a == 'x' || b", "((e.get('a') == 'x') or e.get('b'))"),
        ("!a && c", f"((not {TRUE_A}) and e.get('c'))"),
        ("!a || c", f"((not {TRUE_A}) or e.get('c'))"),
        ("!(a && b)", f"(not ({TRUE_A} and {TRUE_B}))"),
        ("!(a || b)", f"(not ({TRUE_A} or {TRUE_B}))"),
        ("!(a == 'x')", "(not (e.get('a') == 'x'))"),
        ("!!a", f"(not (not {TRUE_A}))"),
        ("{x: a, y: b}", "{'x': e.get('a'), 'y': e.get('b')}"),
        ("[a, b]", "[e.get('a'), e.get('b')]"),
        (
            "a.[b]",
            "(t1 := e.get('a'), (None if t1 is None else [(t2.get('b') if type(t2 := t1) is dict else None)]))[1]",
        ),
        ("a | (@ == 'x' || @ == 'y')", "(t1 := e.get('a'), ((t1 == 'x') or (t1 == 'y')))[1]"),
        ("unix(text(at))", "call_unix_1(call_text_1(e.get('at')))"),
        ("header('h')", "call_header_1(r, 'h')"),
        ("length(items)", "call_length_1(e.get('items'))"),
        ("a + 1", "calculate_add(e.get('a'), 1)"),
        ("-a", "negative(e.get('a'))"),
        ("$.a", "e.get('a')"),
        ("let $t = a in $t.b", "((v1 := e.get('a')), (t2.get('b') if type(t2 := v1) is dict else None))[-1]"),
        (
            "items[*].a",
            (
                "(t1 := e.get('items'), ([t3 for t2 in t1 if (t3 := (t4.get('a') if type(t4 := t2) is dict else None)) "
                "is not None] if type(t1) is list else None))[1]"
            ),
        ),
        (
            "sort_by(items, &price)",
            "call_sort_by_2(e.get('items'), (lambda t1: (t2.get('price') if type(t2 := t1) is dict else None)))",
        ),
    ],
)
def test_an_expression_becomes_the_plainest_source(text: str, source: str) -> None:
    assert Generator().value(parse(text)) == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a", TRUE_A),
        ("type == 'paid'", "(e.get('type') == 'paid')"),
        ("!a", f"(not {TRUE_A})"),
        ("a && b", f"({TRUE_A} and {TRUE_B})"),
        ("a || b", f"({TRUE_A} or {TRUE_B})"),
    ],
)
def test_of_a_condition_only_the_truth_is_made(text: str, source: str) -> None:
    assert Generator().truth(parse(text)) == f"bool({source})"


def test_what_begins_several_paths_is_read_once_and_what_begins_one_where_it_stands() -> None:
    generator = Generator()
    texts = ("user.id", "user.name.[first, last]", "other.x", "a.b.c", "a.{x: y}")
    trees = [parse(text) for text in texts]
    assert generator.share(trees) == ["t1 = e.get('user')", "if type(t1) is not dict: t1 = NOTHING"]
    assert generator.value(trees[0]) == "t1.get('id')"
    assert generator.value(trees[2]) == "(t2.get('x') if type(t2 := e.get('other')) is dict else None)"
    assert generator.value(parse("user")) == "e.get('user')"


def test_a_function_of_its_own_gets_what_was_read_once() -> None:
    deep = "!" * 20 + "(user.id)"
    assert compile_fields({"a": deep, "b": "user.name"})({"user": {"id": 1, "name": "n"}}, RECORD) == {
        "a": True,
        "b": "n",
    }


@pytest.mark.parametrize("joined", [" && ", " || ", "."])
@pytest.mark.parametrize("times", [20, 21, 40, 401, 2500])
def test_a_chain_may_be_long(joined: str, times: int) -> None:
    text = joined.join(["a"] * times)
    event: dict[str, object] = {"a": 1}
    assert compile_expression(text)(event, RECORD) == (None if joined == "." else 1)
