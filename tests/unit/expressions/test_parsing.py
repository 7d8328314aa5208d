"""A mistake in an expression is told by its place and by what would be right."""

from __future__ import annotations

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.library import FUNCTIONS
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())


ENDS = "it ends too early: a name, a literal, a function or a closing bracket is expected"
OPERATOR = "an operator such as . or && is expected before it"
LITERAL = "an operator such as == or && is expected before it"
NUMBER = "write a number between backticks, as in total > `100`, a text in single quotes"
STAR = "it belongs after a dot or in brackets, for all of an object or array; there is no arithmetic"
NAME = "double quotes hold a field's name; write a text in single quotes, as in type == 'paid'"
DASH = 'write a name with a dash in double quotes, as in "user-id"; there is no arithmetic'
SURROGATE = "it holds half a surrogate pair, which no event can hold"
NOT_FINITE = "a literal is not a finite number: JSON has no NaN and no infinity"
EXPREF = "& belongs only before an argument of a function such as sort_by(items, &price)"
THERE_ARE = f"there are {', '.join(sorted(FUNCTIONS))}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty: write a path such as user.id"),
        ("total > 100", f"column 9: 100 is not expected here: {NUMBER}"),
        ("a 'b'", f"column 3: b is not expected here: {LITERAL}"),
        ('a "b"', f"column 3: b is not expected here: {NAME}"),
        ("a == 'b'c", f"column 9: c is not expected here: {OPERATOR}"),
        ("a)", "column 2: ) is not expected here: there is no ( that it closes, or an argument is missing"),
        ("a and b", "column 3: and is not expected here: JMESPath writes &&"),
        ("a == 'b' OR c", "column 10: OR is not expected here: JMESPath writes ||"),
        ("a * b", f"column 3: * is not expected here: {STAR}"),
        ("sort_by(a, b)", "column 1: sort_by() takes an expression there: put & before it, as in &price"),
        ("map(a, b)", "column 1: map() takes an expression there: put & before it, as in &price"),
        ("a, b", "column 2: , is not expected here"),
        ("type = 'x'", "column 6: = means nothing here: equality is =="),
        ("user-id", f"column 5: - means nothing here: {DASH}"),
        ("$.user", "column 1: $ means nothing here: the event itself is @, and its fields need no prefix"),
        ("a + b", "column 3: + means nothing here: there is no arithmetic"),
        ("a / b", "column 3: / means nothing here: there is no arithmetic"),
        ("a#b", "column 2: # means nothing here: JMESPath has no such character"),
        ("'abc", "column 1: the ' that opens here is never closed"),
        ("user.", f"column 6: {ENDS}"),
        ("unix(a", f"column 7: {ENDS}"),
        ('a == `"b`', "column 6: the text between these backticks is not JSON"),
        ('"unix"(a)', "column 1: a function's name is written without quotes"),
        ("[0](a)", "column 3: only a name can be called"),
        ("b || unx(a)", "column 6: there is no function unx(): did you mean unix()?"),
        ("text(xt(a))", "column 6: there is no function xt(): did you mean text()?"),
        ("unx || unx(a)", "column 8: there is no function unx(): did you mean unix()?"),
        ("zzz(a)", f"column 1: there is no function zzz(): {THERE_ARE}"),
        ("(zzz)(a)", f"there is no function zzz(): {THERE_ARE}"),
        ("unix()", "column 1: unix() takes 1 argument, not 0"),
        ("unix(a, b)", "column 1: unix() takes 1 argument, not 2"),
        ("join(a)", "column 1: join() takes 2 arguments, not 1"),
        ("key(a)", "column 1: key() takes no arguments, not 1"),
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
        ("!" * 100 + "a", "it is nested deeper than 100 levels"),
        (" && ".join("a" * 200), "it is nested deeper than 100 levels"),
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
