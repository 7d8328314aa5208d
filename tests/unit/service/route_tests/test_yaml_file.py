"""A tests file holds what JSON would: no value is changed by YAML 1.1's readings, and every mistake has its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.service.route_tests import yaml_file
from connector.service.route_tests.values import EventFile
from connector.service.route_tests.yaml_file import read_cases
from tests.unit.service.route_tests.support import write_tests

SLIPS = yaml.safe_load((Path(__file__).parent / "slips.yaml").read_text(encoding="utf-8"))


def event(directory: Path, text: str) -> Any:
    """The event of a case, as it is written."""
    (case,) = read_cases(write_tests(directory, f"- {{name: n, event: {text}, expect: skipped}}")).cases
    assert case is not None
    assert isinstance(case.event, bytes)
    return json.loads(case.event)


def said(path: Path) -> list[str]:
    try:
        file = read_cases(path)
    except ConfigError as error:
        mistakes = list(error.mistakes)
    else:
        mistakes = file.located(file.mistakes)
    return [str(mistake).removeprefix(f"{path.parent}/") for mistake in mistakes]


@pytest.mark.parametrize("loader", ["libyaml", "PyYAML's own"])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("on", "on"), ("12:30", "12:30"), ("007", "007"), ("+79000001122", "+79000001122"),
        ("1_000", "1_000"), ("0x1f", "0x1f"), ("0o17", "0o17"), (".5", ".5"), ("1.", "1."),
        ("2026-03-01", "2026-03-01"), ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"), (".nan", ".nan"),
        (".inf", ".inf"), ("=", "="), ("-", "-"),
        ("1e5", 1e5), ("1.5E-3", 1.5e-3), ("-0.0", -0.0), ("-7", -7), ("0", 0), ("19.990", 19.99),
        ("123456789012345678901234567890", 123456789012345678901234567890), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None), ("'true'", "true"), ('"1"', "1"), ('"\\/\\u00e9"', "/é"),
    ],
)  # fmt: skip
def test_a_plain_value_is_what_json_reads_else_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str, written: str, value: Any
) -> None:
    if loader != "libyaml":
        resolvers = {"yaml_implicit_resolvers": yaml_file._Loader.yaml_implicit_resolvers}
        monkeypatch.setattr(yaml_file, "_Loader", type("Loader", (yaml.SafeLoader,), resolvers))
    got = event(tmp_path, f"{{a: {written}}}")["a"]
    assert (got, type(got)) == (value, type(value))


def test_an_event_may_be_pasted_as_json_whatever_it_holds(tmp_path: Path) -> None:
    content = {
        "a": [1, 2.5, {"b": None}],
        "c": 'quoted "text", [brackets] {and} #signs: yes',
        "д": True,
        "": {},
        "1": [],
    }
    assert event(tmp_path, json.dumps(content)) == content
    assert event(tmp_path, json.dumps(content, ensure_ascii=False, separators=(",", ":"))) == content


# What YAML takes between quotes as it stands: no control characters, line separators or halves of pairs.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Co", "Cn", "Zl", "Zp"), exclude_characters="\ufeff"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
EVENTS = st.dictionaries(
    TEXTS, st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(EVENTS)
def test_any_event_that_is_pasted_is_that_event(tmp_path: Path, content: dict[str, Any]) -> None:
    assume(content.keys() != {"file"} or not isinstance(content["file"], str))
    got = event(tmp_path, json.dumps(content, ensure_ascii=False))
    assert json.dumps(got) == json.dumps(content)  # 1 is not 1.0, and not true


def test_names_are_texts_as_in_json(tmp_path: Path) -> None:
    assert event(tmp_path, "{1: a, true: b, on: c}") == {"1": "a", "true": "b", "on": "c"}


def test_an_event_may_be_shared_by_an_anchor(tmp_path: Path) -> None:
    cases = """
- {name: one, event: &order {type: a, user: {id: 1}}, expect: skipped}
- {name: two, event: {<<: *order, <<: {note: c}, type: b}, expect: skipped}
"""
    path = write_tests(tmp_path, cases)
    assert [case and case.event for case in read_cases(path).cases] == [
        b'{"type": "a", "user": {"id": 1}}',
        b'{"type": "b", "user": {"id": 1}, "note": "c"}',
    ]
    assert read_cases(path).mistakes == ()


def test_an_event_of_a_file_is_told_from_an_event_with_a_field_called_file(tmp_path: Path) -> None:
    cases = """
- {name: one, event: {file: a.json}, expect: skipped}
- {name: two, event: {file: a.json, type: b}, expect: skipped}
- {name: three, event: {file: 3}, expect: skipped}
"""
    found = [case and case.event for case in read_cases(write_tests(tmp_path, cases)).cases]
    assert found == [EventFile("a.json"), b'{"file": "a.json", "type": "b"}', b'{"file": 3}']


def test_each_case_has_the_line_at_which_it_begins(tmp_path: Path) -> None:
    cases = (
        "\n- name: one\n  value: x\n  expect: skipped\n\n# a comment\n-\n  name: two\n  value: x\n  expect: skipped\n"
    )
    assert read_cases(write_tests(tmp_path, cases)).lines == (3, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", ": this is not YAML at line 2, column 2: expected ',' or ']', but got ':'"),
        ("tests:\n\t- a", "that cannot start any token; indent with spaces, not with tabs"),
        ("", ": the file is empty; `connector example --tests` prints one to start from"),
        ("- name: a", ": the file must be a mapping with the key tests; `connector example --tests` prints one"),
        ("tests: []", ":1: tests: must have at least one entry"),
        ("\n\ntest: []", ":3: test: there is no key test here; did you mean tests?"),
        ("tests: 7", ":1: tests: must be a list, not 7"),
        ("tests:\n- 7", ":2: tests[0]: must be a mapping, not 7"),
        ("tests: [{name: a}]\n---\nb: 1", ": a file holds one document: take out the --- in line 2"),
        ("tests: *a", ": this is not YAML at line 1, column 8: found undefined alias; put the value between quotes"),
        ("tests: &a [*a]", ":1: tests[0]: must be a mapping, not a list"),
        ("a: " + "[" * 1_200, ": this is YAML nested too deep to be read"),
        (
            "tests: !!python/name:os.system",
            "could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
        ("tests: !!int x", ": this is YAML that cannot be read"),
        ("? [a]\n: b", ": this is YAML that cannot be read at line 1, column 3: found unhashable key"),
        ('a: "\\ud83d"', "; write the character itself, or event: {file: PATH}"),
    ],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text, encoding="utf-8")
    assert any(each.startswith("t.yaml") and message in each for each in said(path))


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_bytes(b"tests: \xff")
    assert said(tmp_path / "t.yaml") == ["t.yaml: is not UTF-8 text (byte 7)"]
    assert said(tmp_path / "absent.yaml") == ["absent.yaml: cannot be read: No such file or directory"]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip["case"])
def test_each_slip_is_a_mistake_that_says_what_is_right(tmp_path: Path, slip: dict[str, str]) -> None:
    assert f"t.yaml:2: {slip['says']}" in said(write_tests(tmp_path, f"- {slip['case']}", "t.yaml"))


def test_names_are_unique_and_mistakes_come_in_the_order_of_lines(tmp_path: Path) -> None:
    cases = """
- {name: a, value: x, expect: skipped}
- name: b
  valu: x
  expect:
    r:
      bod: {}
- {name: a, value: x, expect: skipped}
"""
    assert said(write_tests(tmp_path, cases, "t.yaml")) == [
        "t.yaml:5: tests[1].valu: there is no key valu here; did you mean value?",
        "t.yaml:8: tests[1].expect.r.bod: there is no key bod here; did you mean body?",
        "t.yaml:9: tests[2].name: 'a' is also the name of tests[0]: give each its own",
    ]
