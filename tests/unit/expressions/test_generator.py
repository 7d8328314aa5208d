"""The Python that expressions become. Slower source gives the same answers: only here would it be noticed."""

from __future__ import annotations

import pytest

from connector.expressions.generator import Generator
from connector.expressions.parsing import parse

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
        ("`[1]`", "c13"),
        ('`{"a": 1}`', "c13"),
        ("type == 'paid'", "(e.get('type') == 'paid')"),
        ("'paid' != type", "(e.get('type') != 'paid')"),
        ("paid == `true`", "(e.get('paid') is True)"),
        ("`null` != x", "(e.get('x') is not None)"),
        ("total == `1.5`", "(e.get('total') == 1.5)"),
        ("total == `1`", "(type(t1 := e.get('total')) is not bool and t1 == 1)"),
        ("total != `0`", "(not (type(t1 := e.get('total')) is not bool and t1 == 0))"),
        ("a == b", "equal(e.get('a'), e.get('b'))"),
        ("a != b", "(not equal(e.get('a'), e.get('b')))"),
        ("a == `[1]`", "equal(e.get('a'), c13)"),
        ("`1` == `2`", "equal(1, 2)"),
        ("total > `5`", "(t1 > 5 if type(t1 := e.get('total')) in NUMBERS else order('gt', t1, 5))"),
        ("at >= '2026'", "order('gte', e.get('at'), '2026')"),
        ("`1` <= total", "order('lte', 1, e.get('total'))"),
        ("total < limit", "order('lt', e.get('total'), e.get('limit'))"),
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
        ("unix(text(at))", "unix(text(e.get('at')))"),
        ("header('h')", "header(r, 'h')"),
        ("length(items)", "c13(e.get('items'))"),
        ("items[*].a", "c13(e, r)"),
        ("sort_by(items, &price)", "c14(e.get('items'), c13(e, r))"),
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
    assert Generator().condition(parse(text)) == f"bool({source})"


def test_what_begins_several_paths_is_read_once_and_what_begins_one_where_it_stands() -> None:
    generator = Generator()
    texts = ("user.id", "user.name.[first, last]", "other.x", "a.b.c", "a.{x: y}")
    trees = [parse(text) for text in texts]
    assert generator.share(trees) == ["t1 = e.get('user')", "if type(t1) is not dict: t1 = NOTHING"]
    assert generator.value(trees[0]) == "t1.get('id')"
    assert generator.value(trees[2]) == "(t2.get('x') if type(t2 := e.get('other')) is dict else None)"
    assert generator.value(parse("user")) == "e.get('user')"
