"""What cases expect is held against the configuration before anything runs: routes, topics, fields, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load
from connector.errors import ConfigError
from connector.model import Record
from connector.service.route_tests.cases import Case, load_cases
from tests.unit.service.route_tests.support import configure, write_tests

NOW = 1_772_355_600.5


def cases(directory: Path, text: str) -> list[Case]:
    return load_cases(load(configure(directory)), [write_tests(directory, text)], NOW)


def said(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        cases(directory, text)
    return [str(mistake).replace(f"{directory}/", "") for mistake in caught.value.mistakes]


def record(directory: Path, text: str) -> Record:
    (case,) = cases(directory, f"- {{name: n, {text}}}")
    assert case.record is not None
    return case.record


def test_the_record_is_what_the_case_says(tmp_path: Path) -> None:
    assert record(
        tmp_path,
        "topic: orders, value: x, key: k, headers: {a: b, c: [d, null, {base64: /w==}]}, "
        "time: 2026-03-01T12:00:00+03:00, expect: skipped",
    ) == Record(
        "orders",
        0,
        0,
        1_772_355_600_000,
        b"k",
        b"x",
        (("a", b"b"), ("c", b"d"), ("c", None), ("c", b"\xff")),
    )


def test_without_key_headers_and_time_it_has_none_and_the_time_of_the_test(tmp_path: Path) -> None:
    assert record(tmp_path, "topic: orders, event: {ж: 1}, expect: skipped") == Record(
        "orders", 0, 0, 1_772_355_600_500, None, '{"ж": 1}'.encode(), ()
    )


def test_bytes_may_be_base64_and_a_value_may_be_none(tmp_path: Path) -> None:
    assert record(tmp_path, "topic: orders, value: null, expect: skipped").value is None
    assert record(tmp_path, "topic: orders, value: '', expect: skipped").value == b""
    found = record(tmp_path, "topic: orders, value: {base64: AAEC/w==}, key: {base64: AAAAAAAAAAc=}, expect: skipped")
    assert (found.value, found.key) == (b"\x00\x01\x02\xff", b"\0\0\0\0\0\0\0\7")


def test_an_event_of_a_file_is_its_bytes_and_lies_beside_the_tests(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "a.bin").write_bytes(b"\xff not JSON\n")
    assert record(tmp_path, "topic: orders, event: {file: events/a.bin}, expect: skipped").value == b"\xff not JSON\n"


@pytest.mark.parametrize(
    ("expect", "topic"),
    [
        ("{mytracker.registration: {fields: {a: 1}}}", "users"),
        ("{points: {fields: {a: 1}}}", "orders"),
        ("{points: skipped}", "orders"),
        ("{points: {fields: {a: 1}}, revenue: {fields: {a: 1}}}", "orders"),  # the one that both read
        ("{points: {fields: {a: 1}}, mytracker.registration: skipped}", "orders"),  # what takes it decides
    ],
)
def test_the_topic_is_the_one_that_the_named_routes_read(tmp_path: Path, expect: str, topic: str) -> None:
    assert record(tmp_path, f"event: {{}}, expect: {expect}").topic == topic


@pytest.mark.parametrize(
    ("expect", "listed"),
    [
        ("{revenue: {fields: {a: 1}}}", "orders, old.orders"),
        ("{play: {fields: {a: 1}}}", "^game[.].*"),
        ("{points: {fields: {a: 1}}, mytracker.registration: {fields: {a: 1}}}", "users, orders"),
        ("skipped", "users, orders, old.orders, ^game[.].*"),
    ],
)
def test_where_the_topic_cannot_be_told_it_is_asked_for(tmp_path: Path, expect: str, listed: str) -> None:
    (mistake,) = said(tmp_path, f"- {{name: n, event: {{}}, expect: {expect}}}")
    heading, _, topics = mistake.partition("the routes read ")
    assert heading == "crm.tests.yaml:2: tests[0].topic: is missing: say from which topic the event is; "
    assert set(topics.split(", ")) == set(listed.split(", "))


def test_a_pattern_may_mean_any_topic(tmp_path: Path) -> None:
    route = {
        "name": "all",
        "from": ["orders", "^shop"],
        "to": "sailplay.fire",
        "fields": {"email": "a", "event_key": "b"},
    }
    settings = load(configure(tmp_path, topics={"orders": {}, "^shop": {}}, routes=[route]))
    with pytest.raises(ConfigError, match=r"topic: is missing: .* the routes read orders, \^shop"):
        load_cases(settings, [write_tests(tmp_path, "- {name: n, event: {}, expect: {all: {fields: {}}}}")], NOW)


def test_with_one_topic_it_need_never_be_said(tmp_path: Path) -> None:
    settings = load(
        configure(
            tmp_path,
            topics={"orders": {}},
            routes=[
                {"name": "points", "from": "orders", "to": "sailplay.fire", "fields": {"email": "a", "event_key": "b"}}
            ],
        )
    )
    file = write_tests(tmp_path, "- {name: n, event: {}, expect: skipped}")
    (case,) = load_cases(settings, [file], NOW)
    assert case.record is not None
    assert case.record.topic == "orders"


@pytest.mark.parametrize(
    ("case", "mistakes"),
    [
        (
            "event: {}, expect: {point: {fields: {a: 1}}, revenue: skipped}",
            ["expect.point: there is no route 'point'; did you mean points?"],
        ),
        (
            "event: {}, expect: {hat: skipped}",
            [
                "expect.hat: there is no route 'hat'; there is mytracker.registration, play, points, revenue",
            ],
        ),
        ("topic: order, event: {}, expect: skipped", ["topic: no route reads order; did you mean orders?"]),
        ("record: order/0/7, expect: skipped", ["record: no route reads order; did you mean orders?"]),
        (
            "topic: users, event: {}, expect: {points: {dead_letter: unmappable}, play: skipped}",
            ["expect.points: points does not read users: it reads orders"],
        ),
        (
            "record: users/0/1, expect: {points: {bodies: []}}",
            ["expect.points: points does not read users: it reads orders"],
        ),
        (
            "event: {}, expect: {points: {fields: {valeu: null, e-mail: 1}}}",
            ["expect.points.fields.valeu: points has no such field; did you mean value?"],
        ),
        (
            "event: {file: none.json}, expect: {points: {fields: {value: null}}}",
            ["event.file: none.json cannot be read: No such file or directory"],
        ),
    ],
)
def test_what_does_not_fit_the_configuration_is_a_mistake(tmp_path: Path, case: str, mistakes: list[str]) -> None:
    found = said(tmp_path, f"- {{name: n, {case}}}")
    assert found == [f"crm.tests.yaml:2: tests[0].{mistake}" for mistake in mistakes]


def test_all_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    """Those of form beside those that a file of good form has, and beside a file that is no YAML."""
    one = write_tests(tmp_path, "- {name: a, event: {}, expect: {point: skipped}}\n- {name: b}\n", "one.yaml")
    two = write_tests(tmp_path, "- [", "two.yaml")
    three = write_tests(tmp_path, "- {name: a, event: {}, expect: {pointz: skipped}}\n", "three.yaml")
    with pytest.raises(ConfigError) as caught:
        load_cases(load(configure(tmp_path)), [one, two, three], NOW)
    places = [str(mistake).replace(f"{tmp_path}/", "").partition(": ")[0] for mistake in caught.value.mistakes]
    assert places == ["one.yaml:2", "one.yaml:3", "two.yaml", "three.yaml:2"]
