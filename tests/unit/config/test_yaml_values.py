"""What YAML makes of expressions without quotes is said, with the right form, and without a piece of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.warnings import warnings_of_file
from connector.errors import ConfigError, Mistake
from tests.unit.config.routes import written

ROUTE = "  - from: shop.orders\n    to: mytracker.customEvent\n"


def refused(directory: Path, rest: str) -> list[Mistake]:
    with pytest.raises(ConfigError) as caught:
        load(written(directory, ROUTE + rest))
    return list(caught.value.mistakes)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("{customUserId: secret[0].x, customEventName: type}", '{total: "items[0].price"}'),
        ("{customUserId: secret[?a].x, customEventName: type}", '{total: "items[0].price"}'),
        ("{customUserId: get({ru: secret}, x), customEventName: type}", '{total: "items[0].price"}'),
        ("{customUserId: secret(x, 'ms'), customEventName: type}", "{eventTimestamp: \"unix(at, 'ms')\"}"),
        ("{customUserId: secret || 'a: b', customEventName: type}", "{eventTimestamp: \"unix(at, 'ms')\"}"),
        ("{customUserId: secret, customEventName: type", "opens in line 12 is never closed"),
    ],
)
def test_an_expression_inside_braces_is_told_to_stand_in_quotes(tmp_path: Path, fields: str, said: str) -> None:
    (mistake,) = refused(tmp_path, f"    fields: {fields}\n")
    assert "this is not YAML at line" in mistake.message
    assert said in mistake.message
    assert "secret" not in mistake.message


def test_the_line_is_the_expressions(tmp_path: Path) -> None:
    (mistake,) = refused(tmp_path, "    fields: {customUserId: a[0], customEventName: type}\n")
    assert "at line 12, column 29" in mistake.message


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("'secret' == type", "\"'paid' == type\""),
        ('"secret" == type', "\"'paid' == type\""),
        ("[a, secret] == type", "\"'paid' == type\""),
        ("!secret(a, 'b') && c", "\"'paid' == type\""),
        ("!secret(a) && b", "between double quotes"),
        ("!secret(a) || b", "begins with !, | or > stands between double quotes"),
        ("@.secret == 'x'", "put the value between quotes"),
        ("!secret", "put the value between quotes"),
        ("- secret", "between double quotes"),
        ("? secret", "between double quotes"),
        ("a: secret", "a colon and a space between quotes"),
    ],
)
def test_a_condition_that_yaml_reads_otherwise_is_told_to_stand_in_quotes(tmp_path: Path, when: str, said: str) -> None:
    (mistake,) = refused(tmp_path, f"    when: {when}\n    fields: {{customUserId: a, customEventName: type}}\n")
    assert said in mistake.message
    assert "secret" not in mistake.message


def test_keys_of_unequal_indent_are_told_so(tmp_path: Path) -> None:
    (mistake,) = refused(tmp_path, "    fields:\n      customUserId: a\n     customEventName: type\n")
    assert "look at the indent" in mistake.message


@pytest.mark.parametrize("value", ["cut(x, 8)", "round(total, 2)", "type == 'a, b'", "join(a, b, c)"])
def test_a_value_that_a_comma_cut_short_is_one_mistake_that_says_so(tmp_path: Path, value: str) -> None:
    (mistake,) = refused(tmp_path, f"    fields: {{customUserId: {value}, customEventName: type}}\n")
    assert mistake.path == "routes[0].fields.customUserId"
    assert "a comma ends a value that has no quotes" in mistake.message


@pytest.mark.parametrize("value", ["type == ' #1'", "contains(type, #x)"])
def test_a_value_that_a_comment_cut_short_says_so(tmp_path: Path, value: str) -> None:
    (mistake,) = refused(tmp_path, f"    when: {value}\n    fields: {{customUserId: a, customEventName: type}}\n")
    assert mistake.path == "routes[0].when"
    assert "# begins a comment" in mistake.message


def test_a_comment_behind_a_whole_expression_is_none_of_ours(tmp_path: Path) -> None:
    rest = "    when: type == 'a' # && vip\n    fields: {customUserId: a, customEventName: type}\n"
    settings = load(path := written(tmp_path, ROUTE + rest))
    assert settings.routes[0].when == "type == 'a'"
    assert warnings_of_file(settings, path) == []


@pytest.mark.parametrize(("value", "made"), [("010", "8"), ("12:30", "750"), ("0x10", "16"), ("yes", "true")])
def test_a_value_that_yaml_reads_as_another_is_named(tmp_path: Path, value: str, made: str) -> None:
    (mistake,) = refused(tmp_path, f"    fields: {{customUserId: {value}, customEventName: type}}\n")
    assert mistake.message.startswith(f"{made} is not an expression")
    assert "YAML makes this of what the file has there" in mistake.message


@pytest.mark.parametrize("value", ["5", "true", "1.5"])
def test_a_value_that_is_what_the_file_has_is_not(tmp_path: Path, value: str) -> None:
    (mistake,) = refused(tmp_path, f"    fields: {{customUserId: {value}, customEventName: type}}\n")
    assert "YAML" not in mistake.message


def of_file(directory: Path, rest: str) -> list[tuple[str, str]]:
    path = written(directory, ROUTE + rest)
    return [(mistake.path, mistake.name) for mistake in warnings_of_file(load(path), path)]


@pytest.mark.parametrize("when", ["&vip", "", "# type == 'a'", "~", "null"])
def test_an_empty_condition_is_named(tmp_path: Path, when: str) -> None:
    rest = f"    when: {when}\n    fields: {{customUserId: a, customEventName: type}}\n"
    assert of_file(tmp_path, rest) == [("routes[0].when", "empty-condition")]


@pytest.mark.parametrize("name", ["'purchase'", '"purchase"'])
def test_a_constant_whose_quotes_yaml_took_is_named(tmp_path: Path, name: str) -> None:
    rest = f"    fields: {{customUserId: user.id, customEventName: {name}}}\n"
    assert of_file(tmp_path, rest) == [("routes[0].fields.customEventName", "quoted-name")]


@pytest.mark.parametrize(
    "rest",
    [
        "    fields: {customUserId: 'user.id', customEventName: 'purchase'}\n",  # this writer quotes everything
        "    fields: {customUserId: user.id, customEventName: 'type'}\n",
        "    fields: {customUserId: user.id, customEventName: 'kind', customEventParams: {kind: kind}}\n",
        "    when: label == 'x'\n    fields: {customUserId: user.id, customEventName: 'label'}\n",
        "    fields: {customUserId: user.id, customEventName: \"'purchase'\"}\n",
        "    fields: {customUserId: user.id, customEventName: purchase}\n",
        "    fields: {customUserId: user.id, customEventName: 'data.label'}\n",
    ],
)
def test_quotes_around_a_path_are_no_matter(tmp_path: Path, rest: str) -> None:
    assert of_file(tmp_path, rest) == []
