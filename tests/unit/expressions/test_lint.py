"""What is found in expressions that say something else than was meant, and what is passed over because it is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.errors import ExpressionError
from connector.expressions.kinds import json_type
from connector.expressions.library import FUNCTIONS
from connector.expressions.lint import lint
from connector.expressions.lint.inference import kinds_of
from connector.expressions.needs import NEEDS
from connector.expressions.parser import parse

ROOT = Path(__file__).parents[3]
CORPORA = ROOT / "tests" / "corpora"

# A condition, the name of what is found, and a part of what is said: what to write instead.
WRONG_CONDITIONS = [
    ("user.vip == true", "bare-literal", "user.vip == `true`"),
    ("user.vip == True", "bare-literal", "user.vip == `true`"),
    ("user.vip != FALSE", "bare-literal", "user.vip != `false`"),
    ("type == 'a' && email == null", "bare-literal", "email == `null`"),
    ("null == email", "bare-literal", "`null` == email"),
    ("vip || true", "bare-literal", "`true`"),
    ("contains([true], vip)", "bare-literal", "`true`"),
    ("items[?active == true]", "bare-literal", "active == `true`"),
    ("!null", "bare-literal", "`null`"),
    ("subscribed == yes", "bare-literal", "subscribed == `true`, or subscribed == 'yes'"),
    ("name == None", "bare-literal", "name == `null`"),
    ("items == []", "bare-literal", "items == `[]`"),
    ('type == "order.paid"', "double-quoted-text", "type == 'order.paid'"),
    ('"order.paid" == type', "double-quoted-text", "'order.paid' == type"),
    ('data.type != "paid"', "double-quoted-text", "data.type != 'paid'"),
    ('lower(type) == "paid"', "double-quoted-text", "lower(type) == 'paid'"),
    ("header('t') == \"paid\"", "double-quoted-text", "header('t') == 'paid'"),
    ('total > "100"', "double-quoted-text", "total > 100"),
    ('x == ""', "double-quoted-text", "x == ''"),
    ('starts_with(type, "order.")', "double-quoted-text", "starts_with(type, 'order.')"),
    ('contains(["a"], type)', "double-quoted-text", "'a'"),
    ('contains(type, "order")', "double-quoted-text", "contains(type, 'order')"),
    ('items[?sku == "kettle"]', "double-quoted-text", "sku == 'kettle'"),
    ("currency == RUB", "unquoted-text", "currency == 'RUB'"),
    ("type == order.paid", "unquoted-text", "type == 'order.paid'"),
    ("data.event_type == paid", "unquoted-text", "data.event_type == 'paid'"),
    ("header(ce_type) == 'a'", "unquoted-text", "header('ce_type')"),
    ("type == 'order.*'", "unlikely-text", "starts_with(type, 'order.')"),
    ("type == 'order.paid '", "unlikely-text", "type == 'order.paid'"),
    ("type == '\"order.paid\"'", "unlikely-text", "type == 'order.paid'"),
    ("1 == 1", "constant-condition", "always true"),
    ("'a' == 'b'", "constant-condition", "always false"),
    ("`true`", "constant-condition", "always true"),
    ("'paid'", "constant-condition", "always true"),
    ("type == 'a' && 1 == 1", "constant-condition", "1 == 1 is always true"),
    ("type == 'a' || `true`", "constant-condition", "`true` is always true"),
    ("type == 'a' && `false`", "constant-condition", "`false` is always false"),
    ("user.id == user.id", "constant-condition", "with itself"),
    ("length(items)", "constant-condition", "length(items) > 0"),
    ("!length(items)", "constant-condition", "length(items) > 0"),
    ("total % 2", "constant-condition", "total % 2 > 0"),
    ("type == 'a' || 'b'", "text-beside-or", "type == 'a' || type == 'b', or contains(['a', 'b'], type)"),
    ("type == 'a' || 'b' || 'c'", "text-beside-or", "contains(['a', 'b', 'c'], type)"),
    ("type == 'a' || type == 'b' || 'c'", "text-beside-or", "contains(['a', 'b', 'c'], type)"),
    ("type != 'a' || 'b'", "text-beside-or", "!contains(['a', 'b'], type)"),
    ("type == 'a' && 'b'", "text-beside-or", "type == 'a' || type == 'b'"),
    ("code == 1 || 2", "text-beside-or", "code == 1 || code == 2"),
    ("type == 'a' || \"b\"", "text-beside-or", "type == 'a' || type == 'b'"),
    ("vip || 'b'", "text-beside-or", "type == 'b'"),
    ("type == ('a' || 'b')", "text-beside-or", "contains(['a', 'b'], type)"),
    ("total > '100'", "text-order", "total > 100, or number(total) > 100"),
    ("'100' <= total", "text-order", "100 <= total"),
    ("at > '2026-01-01'", "text-order", "unix(at) > unix('2026-01-01T00:00:00Z')"),
    ("unix(at) > '2026-01-01T00:00:00Z'", "text-order", "unix(at) > unix('2026-01-01T00:00:00Z')"),
    ("name > 'm'", "text-order", "by their characters"),
    ("text(a) > b", "text-order", "number()"),
    ("!a.b", "not-precedence", "!(a.b)"),
    ("!a == b", "not-precedence", "!(a == b) or a != b"),
    ("!type == 'paid'", "not-precedence", "type != 'paid'"),
    ("!total > 5", "not-precedence", "!(total > 5)"),
    ("!items[?x]", "not-precedence", "!(items[?x])"),
    ("type == 'a' | type == 'b'", "single-pipe", "type == 'a' || type == 'b'"),
    ("unix(at) > unix('tomorrow')", "never-right-argument", "unix('tomorrow')"),
    ("length(items > 0)", "never-right-argument", "items > 0 is a boolean"),
    ("starts_with(type, 5)", "never-right-argument", "a text"),
    ("contains(type, ['a', 'b'])", "swapped-arguments", "contains(['a', 'b'], type)"),
    ("starts_with('order.', type)", "swapped-arguments", "starts_with(type, 'order.')"),
    ("text(x) == 5", "never-equal", "text()"),
    ("length(x) == '3'", "never-equal", "never true"),
    ("length(x) != '3'", "never-equal", "always true"),
    ("length(x) == -1", "never-equal", "0 or more"),
    ("text(x) > 5", "never-equal", "number()"),
    ("x > `true`", "never-equal", "no order"),
    ("items[].sku == 'a'", "never-equal", "contains(list, value)"),
    ("items[].price > 5", "never-equal", "no order"),
    ("lower(type) == 'PAID'", "never-equal", "lower(type) == 'paid'"),
    ("'rub' == upper(currency)", "never-equal", "'RUB' == upper(currency)"),
    ("starts_with(lower(type), 'Order')", "never-equal", "starts_with(lower(type), 'order')"),
    ("type(total) == 'integer'", "never-equal", "type(total) == 'number'"),
    ("type == 'a' && type == 'b'", "never-true", "type == 'a' || type == 'b'"),
    ("total > 5 && total < 3", "never-true", "no event"),
    ("vip && !vip", "never-true", "no event"),
    ("x && type == 'a' && type == 'b'", "never-true", "type == 'a' && type == 'b' is true of no event"),
    ("starts_with(type, 'a') && type == 'b'", "never-true", "no event"),
    ("contains(['a', 'b'], type) && type == 'c'", "never-true", "no event"),
    ("vip == `true` && vip == `false`", "never-true", "no event"),
    ("type != 'a' || type != 'b'", "always-true", "type != 'a' && type != 'b'"),
    ("total > 5 || total < 9", "always-true", "total > 5 && total < 9"),
]
# An expression that fills a field, likewise.
WRONG_FIELDS = [
    ("true", "bare-literal", '"`true`", both kinds of quotes included'),
    ("not_null(null, a)", "bare-literal", "not_null(`null`, a)"),
    ("{vip: true}", "bare-literal", "`true`"),
    ('"RUB"', "double-quoted-text", "\"'RUB'\", both kinds of quotes included"),
    ('"85783d035a716769502775afa287fce17040afe1"', "double-quoted-text", "'85783d035a716769502775afa287fce17040afe1'"),
    ('currency || "RUB"', "double-quoted-text", "currency || 'RUB'"),
    ('unix(at, "ms")', "double-quoted-text", "unix(at, 'ms')"),
    ('(total > 5 && "large" || "small")', "double-quoted-text", "'small'"),
    ("RUB", "unquoted-text", "\"'RUB'\""),
    ("currency || RUB", "unquoted-text", "currency || 'RUB'"),
    ("a5783d035a716769502775afa287fce17040afe1", "unquoted-text", "'a5783d035a716769502775afa287fce17040afe1'"),
    ('not_null(user.name, "none")', "double-quoted-text", "'none'"),
    ('get(names, code, "none")', "double-quoted-text", "'none'"),
    ("'\"RUB\"'", "unlikely-text", "\"'RUB'\""),
    ("text(total) + 1", "never-right-argument", "number(text(total))"),
    ("unix(at, ms)", "unquoted-text", "unix(at, 'ms')"),
    ("'${user.id}'", "unlikely-text", "write user.id"),
    ("'order_{{order.id}}'", "unlikely-text", "join('', ['order_', order.id])"),
    ("'{user.id}-x'", "unlikely-text", "join('', [user.id, '-x'])"),
    ("(type == 'a' || 'b') && 'x' || 'y'", "text-beside-or", "type == 'b'"),
    ("'RUB' || currency", "unreachable-default", "currency || 'RUB'"),
    ("unix('tomorrow')", "never-right-argument", "ISO 8601"),
    ("unix(x, 'sec')", "never-right-argument", "'ms', 'us', 'ns' or 'days'"),
    ("phone(x, 'RU')", "never-right-argument", "as digits"),
    ("number('x')", "never-right-argument", "no number"),
    ("number(x, '.')", "never-right-argument", "','"),
    ("get(x, 5)", "never-right-argument", "a number"),
    ("round(x, -1)", "never-right-argument", "0 or more"),
    ("pad_left(x, 10, 'ab')", "never-right-argument", "one character"),
    ("key('int16')", "never-right-argument", "'int64' or 'int32'"),
    ("lower(length(x))", "never-right-argument", "length(x) is a number"),
    ("first + ' ' + last", "never-right-argument", "join('', [first, ' ', last])"),
    ("total * '2'", "never-right-argument", "total * 2"),
    ("total / 0", "never-right-argument", "divides by zero"),
    ("items[].price * 2", "never-right-argument", "map("),
    ("sum(items[].price * items[].quantity)", "never-right-argument", "items[].price is an array"),
    ("-'5'", "never-right-argument", "numbers"),
]
RIGHT_CONDITIONS = [
    "user.vip", "!vip", "!(user.vip)", "user.vip == `true`", "x == `null`", "a.true == 'x'", "items[?ok].null",
    "order.no == '5'", "no == '5'", "yes", "'x' == none", '"user-id" == \'x\'', 'user."e-mail" == \'x\'',
    '"user-id" == owner', '"user-id" == "owner-id"', 'vip || "is-vip"', "type == 'order.paid'", "type == payload.type",
    "kind == type", "status == previous.status", "total == payment.total", "(currency || 'RUB') == 'RUB'",
    "vip || `false`", "(discount || 0) > 5", "length(items) > 0", "total % 2 == 1", "x == ' '", "text == '*'",
    "at > `2026`", "unix(at) > unix('2026-01-01T00:00:00Z')", "!type == `true`", "!a == !b", "!contains(type, 'a')",
    "!a[0]", "items[].sku | [0] == 'a'", "(a | b) == 'x'", "contains(['a', 'b'], type)", "contains(tags, 'a')",
    "contains('a,b', type)", "starts_with(type, prefix)", "type(x) == 'number'", "lower(type) == 'paid'",
    "text(x) == '5'", "length(x) == 3", "items[?price > 5]", "x >= 5 && x <= 5", "x > 5 && x < 6",
    "type == 'a' || type == 'b'", "x != 'a' && x != 'b'", "starts_with(t, 'a') && t == 'ab'", "total < 5 || total > 9",
    "a && b || !a && c", "find_first(x, 'a') == 0", "max(items[].price) > 5", "key() == 'a'", "sum(x) == 0.5",
    "let $t = total in $t > 5", "get(a, b) == 'x'", "keys(@) == ['a']",
]  # fmt: skip
RIGHT_FIELDS = [
    "a.true", "items[].true", "RUB.amount", "rates.RUB", "ID", '"user-id"', '"user-id" || "userId"', "a || \"b-c\"",
    'sha256("user-id")', "x || 'default'", "(total > 5 && 'large' || 'small')", "user.name || user.nick || 'none'",
    "'RUB'", "5", "`true`", "vip && 1 || 0", "get({ru: 'RUB'}, country, 'EUR')", "phone(x, '7')", "unix(x, 'days')",
    "items[].sku | [0]", "cut(sha256(x), 8)", "join('-', [\"user-id\", type])", "sum(map(&(price * quantity), items))",
    "base64_decode(x)", "json(x).a", "round(x, 2)", "key('int64')", "a - b", "x[0]",
    "'abc'[0:2]", "'{a}'", "'{\"a\": 1}'", "'$5'", "(a && b) == c", "number(x, ',')", "text(total)",
]  # fmt: skip


@pytest.mark.parametrize(("expression", "name", "said"), WRONG_CONDITIONS)
def test_a_condition_that_was_meant_otherwise_is_found_once(expression: str, name: str, said: str) -> None:
    (finding,) = lint(expression, condition=True)
    assert finding.name == name
    assert said in finding.message


@pytest.mark.parametrize(("expression", "name", "said"), WRONG_FIELDS)
def test_a_field_that_was_meant_otherwise_is_found(expression: str, name: str, said: str) -> None:
    finding = lint(expression)[0]
    assert finding.name == name
    assert any(said in each.message for each in lint(expression))


@pytest.mark.parametrize("expression", RIGHT_CONDITIONS)
def test_of_a_right_condition_nothing_is_said(expression: str) -> None:
    assert lint(expression, condition=True) == []


@pytest.mark.parametrize("expression", RIGHT_FIELDS)
def test_of_a_right_field_nothing_is_said(expression: str) -> None:
    assert lint(expression) == []


@pytest.mark.parametrize("expression", [expression for _, expression in NEEDS])
def test_of_what_the_documentation_recommends_nothing_is_said(expression: str) -> None:
    assert lint(expression) == []


def configured() -> Iterator[Any]:
    """Every expression of the configurations that are handed out."""
    for path in (ROOT / "connector" / "config" / "example.yaml", *sorted((ROOT / "examples").rglob("connector.yaml"))):
        for index, route in enumerate(yaml.safe_load(path.read_text(encoding="utf-8"))["routes"]):
            values = [route.get("when"), *route["fields"].values()]
            nested = [each for value in values if isinstance(value, dict) for each in value.values()]
            for place, expression in enumerate(each for each in [*values, *nested] if isinstance(each, str)):
                is_when = expression is route.get("when")
                yield pytest.param(expression, is_when, id=f"{path.parent.name}-{index}-{place}")


@pytest.mark.parametrize(("expression", "condition"), list(configured()))
def test_of_the_examples_nothing_is_said(expression: str, *, condition: bool) -> None:
    assert lint(expression, condition=condition) == []


def test_the_column_is_that_of_the_part() -> None:
    assert [finding.column for finding in lint("type == 'a' && user.vip == true", condition=True)] == [28]


def test_a_part_that_is_read_otherwise_is_shown_as_it_is_written() -> None:
    found = lint("!user.test == true", condition=True)
    assert [finding.name for finding in found] == ["not-precedence", "bare-literal"]
    assert "!user.test == `true`" in found[1].message


def test_each_slip_of_a_condition_is_found() -> None:
    found = lint("type == \"paid\" && vip == true && total > '5'", condition=True)
    assert [finding.name for finding in found] == ["double-quoted-text", "bare-literal", "text-order"]


def suite() -> Iterator[tuple[str, Any, Any]]:
    """Yield each expression of JMESPath's suites with the document that it is evaluated on, and the result."""
    for path in sorted(CORPORA.glob("jmespath*/*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            for case in group["cases"]:
                if "result" in case:
                    yield case["expression"], group["given"], case["result"]


# What may be found in the suites' expressions, which are no routes: they do have fields called True and texts in order.
EXPECTED = {"bare-literal", "double-quoted-text", "constant-condition", "text-order"}


def test_the_suites_expressions_are_read_without_a_false_alarm() -> None:
    for expression, _, _ in suite():
        try:
            found = lint(expression)
        except ExpressionError:
            continue  # the suites are tested elsewhere
        assert {finding.name for finding in found} <= EXPECTED, expression


def test_the_kinds_that_an_expression_can_have_hold_its_result() -> None:
    examples = [(function.example[0], json.loads(function.example[1])) for function in FUNCTIONS.values()]
    for expression, result in [*((expression, result) for expression, _, result in suite()), *examples]:
        try:
            tree = parse(expression)
        except ExpressionError:
            continue
        assert json_type(result) in kinds_of(tree), expression
