"""A mistake in an expression is told by its place and by what would be right."""

from __future__ import annotations

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.library import FUNCTIONS
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())


ENDS = "it ends too early: a name, a literal, a function or a closing bracket is missing"
OPERATOR = "an operator such as . or && is missing before it, or single quotes around a text"
LITERAL = "an operator such as == or && is missing before it"
NAME = "double quotes hold a field's name; a text stands in single quotes, as in type == 'paid'"
MINUS = (
    "a minus between two values has a space on both sides, as in a - b; "
    'a name with a dash stands in double quotes, as in "user-id"'
)
SURROGATE = "it holds half a surrogate pair, which no event can hold"
NOT_FINITE = "a literal is no finite number: JSON has no NaN and no infinity"
EXPREF = "& stands only before an argument of a function such as sort_by(items, &price)"
SUBSTRING = "text[0:3] or cut(text, 3) takes a part of a text"
THERE_ARE = f"there are {', '.join(sorted(FUNCTIONS))}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty: write a path such as user.id"),
        ("total 100", f"column 7: 100 is not expected here: {LITERAL}"),
        ("a 'b'", f"column 3: b is not expected here: {LITERAL}"),
        ('a "b"', f"column 3: b is not expected here: {NAME}"),
        ("a == 'b'c", f"column 9: c is not expected here: {OPERATOR}"),
        ("a)", "column 2: ) is not expected here: there is no ( that it closes, or an argument is missing"),
        ("a and b", "column 3: and is not expected here: JMESPath writes &&"),
        ("a == 'b' OR c", "column 10: OR is not expected here: JMESPath writes ||"),
        ("a * ", f"column 5: {ENDS}"),
        ("a ? b", "column 3: ? means nothing here: there is no ternary: write (condition && a || b)"),
        ("a ^ b", "column 3: ^ means nothing here: there is no power"),
        ("$x", "column 1: there is no variable $x here: bind it by let first"),
        ("let $a = 1 in $b", "column 15: there is no variable $b here; there is $a"),
        ("let $a = 1", f"column 11: {ENDS}"),
        ("x.1", "column 3: a dot is followed by a name, *, [ or {"),
        ("a['b']", "column 3: after a value, brackets hold a whole number, a slice, * or a ?condition"),
        ("sort_by(a, b)", "column 1: sort_by() takes an expression there: put & before it, as in &price"),
        ("map(a, b)", "column 1: map() takes an expression there: put & before it, as in &price"),
        ("a, b", "column 2: , is not expected here"),
        ("type = 'x'", "column 6: = is not expected here: equality is =="),
        ("user-id", f"column 5: {MINUS}"),
        ("a -1", f"column 3: {MINUS}"),
        ("a- 1", f"column 2: {MINUS}"),
        ("a#b", "column 2: # means nothing here: there are no comments"),
        ("'abc", "column 1: the ' that opens a text here is never closed"),
        ("user.", "column 6: a dot is followed by a name, *, [ or {"),
        ("unix(a", f"column 7: {ENDS}"),
        ('a == `"b`', "column 6: what stands between these backticks is not JSON"),
        ('"unix"(a)', "column 1: a function's name takes no quotes"),
        ("[0](a)", "column 4: only a name can be called"),
        ("b || unx(a)", "column 6: there is no function unx(): did you mean unix()?"),
        ("text(xt(a))", "column 6: there is no function xt(): did you mean text()?"),
        ("unx || unx(a)", "column 8: there is no function unx(): did you mean unix()?"),
        ("zzz(a)", f"column 1: there is no function zzz(): {THERE_ARE}"),
        ("(zzz)(a)", f"column 2: there is no function zzz(): {THERE_ARE}"),
        ("unix()", "column 1: unix() takes 1 to 2 arguments, not 0"),
        ("digits(a, b)", "column 1: digits() takes 1 argument, not 2"),
        ("substr(a)", f"column 1: there is no function substr(): {SUBSTRING}"),
        ("lenght(a)", "column 1: there is no function lenght(): did you mean length()?"),
        ("toUpper(a)", "column 1: there is no function toUpper(): did you mean upper()?"),
        ("f" * 90 + "(a)", f"column 1: there is no function {'f' * 40}…(): {THERE_ARE}"),
        ("join(a)", "column 1: join() takes 2 arguments, not 1"),
        ("topic(a)", "column 1: topic() takes no arguments, not 1"),
        ("merge()", "column 1: merge() takes at least 1 argument, not 0"),
        ("a[::0]", "a slice cannot step by 0"),
        ("`NaN`", NOT_FINITE),
        ('a == `[1, {"b": -Infinity}]`', NOT_FINITE),
        ('`"\\ud800"`', SURROGATE),
        ('`{"a": ["\\ud800"]}`', SURROGATE),
        ('`{"\\ud800": 1}`', SURROGATE),
        ('{"\\ud800": a}', SURROGATE),
        ('"\\ud800"', SURROGATE),
        ("'\ud800'", SURROGATE),
        ("\ud800", SURROGATE),
        ("&a", EXPREF),
        ("[&a]", EXPREF),
        ("a | &b", EXPREF),
        ("text(&a)", "column 1: text() takes no expression: leave the & out"),
        ("not_null(a, &b)", "column 1: not_null() takes no expression: leave the & out"),
        ("!" * 100 + "a", "it is nested deeper than 100"),
        (" + ".join("a" * 200), "it is nested deeper than 100"),
        ("(" * 5000 + "a", "it is nested too deep to be read"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)
    assert str(raised.value) == message


def test_a_path_as_long_as_an_event_is_deep_is_read() -> None:
    event: dict[str, object] = {"a": 1}
    for _ in range(198):
        event = {"a": event}
    assert compile_expression(".".join("a" * 199))(event, RECORD) == 1
    assert compile_expression(".".join("a" * 200))(event, RECORD) is None


def test_the_deepest_expression_that_is_read_can_be_evaluated() -> None:
    assert compile_expression("!" * 99 + "a")({"a": 1}, RECORD) is False
    assert compile_expression(" && ".join("a" * 99) + " && b")({"a": 1, "b": 2}, RECORD) == 2
    assert compile_expression("[" * 90 + "a" + "]" * 90)({"a": 1}, RECORD)


def test_unquoted_text_between_backticks_is_a_text_as_jmespath_once_had_it() -> None:
    assert compile_expression("a == `paid`")({"a": "paid"}, RECORD) is True
