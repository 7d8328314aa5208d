"""The functions compiled from conditions and of a route's fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_condition, compile_expression, compile_fields
from connector.expressions.compiler import Fields, field_names
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())


@pytest.mark.parametrize(
    ("text", "path", "literal", "rest"),
    [
        ("type == 'paid'", ("type",), "paid", False),
        ("'paid' == type", ("type",), "paid", False),
        ("order.\"the type\" == 'paid'", ("order", "the type"), "paid", False),
        ('type == `"paid"`', ("type",), "paid", False),
        ("type == 'paid' && total > `5`", ("type",), "paid", True),
        ("type == 'paid' && a && b && c", ("type",), "paid", True),
        ("type == 'paid' && (a || b)", ("type",), "paid", True),
    ],
)
def test_a_condition_that_begins_with_an_equality_can_be_looked_up(
    text: str, path: tuple[str, ...], literal: str, rest: bool
) -> None:
    condition = compile_condition(text)
    assert condition.selector is not None
    assert (condition.selector.path, condition.selector.literal) == (path, literal)
    assert (condition.rest is not None) == rest


@pytest.mark.parametrize(
    "text",
    [
        "type != 'paid'",
        "type == 'paid' || a",
        "a && type == 'paid'",  # what raises in `a` must be heard before type is looked at
        "version == `1`",  # in a dict 1, 1.0 and true are one key
        "type == other",
        "items[0] == 'a'",
        "items[0].sku == 'a'",
        "text(type) == 'paid'",
        "@ == 'a'",
        "type",
    ],
)
def test_any_other_condition_is_decided_whole(text: str) -> None:
    condition = compile_condition(text)
    assert (condition.selector, condition.rest) == (None, None)


def test_what_follows_the_equality_is_decided_from_left_to_right() -> None:
    """`b` is false, so that the comparison, which would raise, is never made."""
    event = {"type": "paid", "a": True, "b": False, "total": "5"}
    rest = compile_condition("type == 'paid' && a && b && total > `1`").rest
    assert rest is not None
    assert rest(event, RECORD) is False
    with pytest.raises(ExpressionError):
        rest(event | {"b": True}, RECORD)
    rest = compile_condition("type == 'paid' && b && total > `1` && a").rest
    assert rest is not None
    assert rest(event, RECORD) is False


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (0, True),
        (0.0, True),
        ("", False),
        ([], False),
        ({}, False),
        (None, False),
        (False, False),
        ("0", True),
        ([0], True),
    ],
)
def test_the_truth_of_a_condition_is_jmespaths(value: Any, truth: bool) -> None:
    assert compile_condition("a").holds({"a": value}, RECORD) is truth
    assert compile_condition("[a][?@]").holds({"a": value}, RECORD) is truth


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [("1", "true", False), ("0", "false", False), ("1.0", "1", True), ("1.0", "true", False), ("2", "true", False)],
)
def test_no_number_equals_a_boolean(left: str, right: str, equal: bool) -> None:
    event = {"a": compile_expression(f"`{left}`")({}, RECORD), "b": compile_expression(f"`{right}`")({}, RECORD)}
    for text in ("a == b", f"a == `{right}`", f"`{left}` == b", f"`{left}` == `{right}`"):
        assert compile_expression(text)(event, RECORD) is equal
        assert compile_expression(text.replace("==", "!="))(event, RECORD) is not equal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zero && b", 2),
        ("zero || b", 0),
        ("empty && b", ""),
        ("empty || b", 2),
        ("absent && b", None),
        ("b && zero && empty", ""),
    ],
)
def test_and_gives_the_first_that_is_not_true_and_or_the_first_that_is(text: str, value: Any) -> None:
    assert compile_expression(text)({"zero": 0, "b": 2, "empty": ""}, RECORD) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("one[0]", "x"),
        ("one[-1]", "x"),
        ("one[1]", None),
        ("one[-2]", None),
        ("none[0]", None),
        ("none[-1]", None),
        ("text[0]", None),
    ],
)
def test_an_index_outside_an_array_is_null(text: str, value: Any) -> None:
    assert compile_expression(text)({"one": ["x"], "none": [], "text": "abc"}, RECORD) == value


@pytest.mark.parametrize(("literal", "equal"), [("[1]", True), ("[2]", False), ('{"a": 1}', False)])
def test_an_array_is_compared_as_a_whole(literal: str, equal: bool) -> None:
    assert compile_expression(f"a == `{literal}`")({"a": [1]}, RECORD) is equal
    assert compile_expression(f"a != `{literal}`")({"a": [1]}, RECORD) is not equal


def test_a_condition_that_python_cannot_read_is_left_to_the_library() -> None:
    """It would nest what it is made of in more than 200 brackets."""
    event: dict[str, Any] = {"a": 0}
    for _ in range(150):
        event = {"a": event}
    assert compile_condition(".".join("a" * 151)).holds(event, RECORD) is True
    assert compile_condition(".".join("a" * 152)).holds(event, RECORD) is False


@pytest.mark.parametrize("value", [True, False, None, 0, 1.5, "", [True], {"a": 1}])
def test_every_value_equals_itself(value: Any) -> None:
    assert compile_expression("a == b")({"a": value, "b": value}, RECORD) is True
    assert compile_expression("a != b")({"a": value, "b": value}, RECORD) is False


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("value", [None, True, [1], {"a": 1}])
def test_order_is_null_for_what_has_none(operator: str, value: Any) -> None:
    assert compile_expression(f"a {operator} `1`")({"a": value}, RECORD) is None
    assert compile_expression(f"`1` {operator} a")({"a": value}, RECORD) is None


def test_texts_are_ordered_by_code_points_as_the_library_has_it() -> None:
    assert compile_expression("at >= '2026-01-01'")({"at": "2026-01-31"}, RECORD) is True


def test_a_text_against_a_number_raises_rather_than_pass_the_event_over() -> None:
    for text in ("order.total > `100`", "`100` < order.total", "order.total > order.limit"):
        with pytest.raises(ExpressionError) as raised:
            compile_condition(text).holds({"order": {"total": "150", "limit": 100}}, RECORD)
        assert str(raised.value) == "a text is compared with a number: wrap one side in number() or text()"


def test_null_fields_and_empty_nested_objects_are_left_out() -> None:
    fields = compile_fields(
        {"id": "user.id", "age": "user.age", "params": {"level": "data.level", "zone": "data.zone"}}
    )
    assert fields({"user": {"id": 1, "age": None}, "data": {"zone": 0}}, RECORD) == {"id": 1, "params": {"zone": 0}}
    assert fields({"user": {"age": False}}, RECORD) == {"age": False}
    assert fields({"user": [], "data": "x"}, RECORD) == {}


def test_what_several_fields_begin_with_is_the_events_only_where_the_path_begins_at_the_event() -> None:
    fields = compile_fields({"id": "user.id", "age": "user.age", "x": "other.user.id", "y": "other.{z: user.id}"})
    event = {"user": {"id": 1, "age": 2}, "other": {"user": {"id": 3}}}
    assert fields(event, RECORD) == {"id": 1, "age": 2, "x": 3, "y": {"z": 3}}


def test_an_object_of_what_is_not_there_is_null_beside_other_fields_of_it() -> None:
    fields = compile_fields({"p": "a.{x: b}", "q": "a.c", "r": "a.d"})
    assert fields({}, RECORD) == {}
    assert fields({"a": {"b": 1}}, RECORD) == {"p": {"x": 1}}


class CountedEvent(dict[str, Any]):
    """An event that counts how often it is read."""

    reads = 0

    def get(self, name: str, default: Any = None) -> Any:
        self.reads += 1
        return super().get(name, default)


def test_what_several_fields_begin_with_is_read_once() -> None:
    event = CountedEvent({"user": {"id": 1, "age": 2, "name": "x"}})
    compile_fields({"id": "user.id", "age": "user.age", "nested": {"name": "user.name"}})(event, RECORD)
    assert event.reads == 1


def test_every_event_gets_objects_of_its_own() -> None:
    fields = compile_fields({"params": {"a": "a"}})
    first, second = fields({"a": 1}, RECORD), fields({"a": 2}, RECORD)
    assert (first, second) == ({"params": {"a": 1}}, {"params": {"a": 2}})


@pytest.mark.parametrize("name", ["it's", 'a"b', "a\\", "{field}", "\n", "имя"])
def test_any_name_of_a_field_is_only_a_name(name: str) -> None:
    fields = compile_fields({name: "a", "nested": {name: "unix(b)"}})
    assert fields({"a": 1, "b": 2 * 10**8}, RECORD) == {name: 1, "nested": {name: 2 * 10**8}}


def test_nulls_and_empty_texts_are_counted_by_field_and_nothing_else_is() -> None:
    fields: Fields = {"a": "a", "params": {"b": "b", "c": "c"}, "d": "d"}
    assert field_names(fields) == ("a", "params.b", "params.c", "d")
    tally = [0] * 5
    compiled, uncounted = compile_fields(fields, tally), compile_fields(fields)
    for value in (0, 0.0, Decimal(0), False, [], {}, "x", " ", "0", 1, True, [None], {"x": None}):
        event: dict[str, Any] = dict.fromkeys("abcd", value)
        wanted = {"a": value, "params": {"b": value, "c": value}, "d": value}
        assert compiled(event, RECORD) == uncounted(event, RECORD) == wanted
    assert tally == [13, 0, 0, 0, 0]
    for some in ({"b": 1}, {"a": "", "b": None, "c": 0, "d": ""}, {}):
        assert compiled(some, RECORD) == uncounted(some, RECORD)
    assert tally == [16, 3, 2, 2, 3]
    assert compiled({"a": ""}, RECORD) == {"a": ""}, "the vendor's method decides about an empty text"


def test_an_event_that_raises_is_counted_and_its_field_is_not_null() -> None:
    tally = [0] * 4
    compiled = compile_fields({"id": "id", "at": "unix(at)", "age": "age"}, tally)
    with pytest.raises(ExpressionError):
        compiled({"at": True}, RECORD)
    assert tally == [1, 1, 0, 0]


def test_an_object_that_one_expression_yields_is_one_field() -> None:
    tally = [0, 0]
    compiled = compile_fields({"params": "data.{level: level}"}, tally)
    assert compiled({"data": {}}, RECORD) == {"params": {"level": None}}
    assert compiled({}, RECORD) == {}
    assert tally == [2, 1]


def test_two_fields_of_one_name_are_counted_as_one() -> None:
    fields: Fields = {"a.b": "x", "a": {"b": "y"}}
    assert field_names(fields) == ("a.b",)
    tally = [0, 0]
    compile_fields(fields, tally)({}, RECORD)
    assert tally == [1, 2]


def test_no_fields_map_to_nothing() -> None:
    assert compile_fields({})({"a": 1}, RECORD) == {}


def test_a_field_that_raises_is_named() -> None:
    with pytest.raises(ExpressionError, match=r"^at: unix\(\)"):
        compile_fields({"id": "id", "at": "unix(at)"})({"at": True}, RECORD)
    with pytest.raises(ExpressionError, match=r"^params\.at: unix\(\)"):
        compile_fields({"id": "id", "params": {"at": "unix(at)"}})({"at": True}, RECORD)


def test_a_field_that_does_not_parse_is_named() -> None:
    with pytest.raises(ExpressionError, match=r"^params\.at: column 3"):
        compile_fields({"params": {"at": "a."}})
