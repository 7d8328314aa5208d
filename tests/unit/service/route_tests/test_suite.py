"""What cases find: everything as expected, or what is not, in words and field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from connector.errors import ConnectorError
from connector.kafka.records import Address
from connector.kafka.topic_reader import read_record
from connector.model import Item, Record
from connector.redaction import MASK
from connector.routing import Router
from connector.service.route_tests import suite
from connector.service.route_tests.report import explanation
from connector.simulators.kafka import MockKafka
from tests.unit.service.route_tests.support import ORDER, plain, problems, run

BODY = "{customUserId: u, idTransaction: o1, currency: RUB, total: 250.5, eventTimestamp: 2026-03-01T09:00:00Z}"
AS_POINTS = '{origin_user_id: u, event_key: k, value: "250.5"}'


def order(**changes: str) -> str:
    """A case of the order, as YAML; changes are of its keys."""
    keys = {"name": "n", "topic": "orders", "event": ORDER, **changes}
    return f"- {{{', '.join(f'{name}: {value}' for name, value in keys.items())}}}"


@pytest.mark.parametrize(
    "case",
    [
        order(expect=f"{{revenue: {{body: {BODY}}}, points: {{body: {AS_POINTS}}}}}", others="skipped"),
        order(expect=f"{{revenue: {{bodies: [{BODY}]}}, mytracker.registration: skipped, play: skipped}}"),
        order(expect="{revenue: {fields: {total: 250.50, currency: RUB, age: null}}}"),
        order(expect="{revenue: {fields: {}}, points: {fields: {value: '250.5'}}}"),
        order(topic="old.orders", expect="{points: skipped, revenue: {fields: {}}}", others="skipped"),
        order(event="{type: a}", expect="skipped"),
        order(event="{type: a}", expect="{points: skipped, revenue: {bodies: []}}", others="skipped"),
        order(event="{type: order.paid, total: 1}", expect="{revenue: {dead_letter: unmappable}, points: skipped}"),
        order(
            event="{type: order.paid, total: x}",
            expect="{points: {dead_letter: unmappable, message: 'when: '}, revenue: {dead_letter: unmappable}}",
        ),
        "- {name: n, topic: orders, value: '[1]', expect: {dead_letter: undecodable, message: an array}}",
        "- {name: n, value: '', expect: {points: {dead_letter: undecodable}}}",
        "- {name: n, value: null, topic: orders, expect: skipped}",
        "- {name: n, topic: users, event: {a: 1}, expect: {dead_letter: schema}}",
        "- {name: n, value: x, expect: {mytracker.registration: {dead_letter: undecodable}, play: skipped}}",
        "- {name: n, event: {a: 1}, expect: {mytracker.registration: {dead_letter: schema, message: at}}}",
        """- name: n
  topic: game.chess
  event: {name: won, user: {id: 7}, level: 3}
  key: k
  headers: {trace: [a, t]}
  time: 2026-03-01T09:00:00Z
  expect:
    play:
      body:
        customUserId: "7"
        customEventName: won
        customEventParams: {level: "3", key: k, trace: t, at: "1772355600"}
""",
        order(
            topic="game.a",
            event="{name: a, user: {id: 7}}",
            expect="{play: {fields: {customEventName: a, customEventParams: {key: null}}}}",
        ),
    ],
)
def test_as_expected(tmp_path: Path, case: str) -> None:
    assert problems(tmp_path, case) == []


REPORTS = yaml.safe_load((Path(__file__).parent / "reports.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report["case"])
def test_what_is_not_as_expected_is_said(tmp_path: Path, report: dict[str, str]) -> None:
    event = report.get("event", ORDER)
    assert "\n".join(problems(tmp_path, f"- {{name: n, event: {event}, {report['case']}}}")) == report["says"].rstrip()


def test_what_is_not_an_event_is_said(tmp_path: Path) -> None:
    undecodable = "the value is not JSON: unexpected character, expected a JSON value at line 1, column 1"
    case = "- {name: n, value: x, expect: {points: {dead_letter: undecodable, message: line 7}}}"
    assert problems(tmp_path, case) == [
        'points (sailplay.fire): expected a dead letter (undecodable) that says "line 7", but it says',
        f"  {undecodable}",
    ]
    assert problems(tmp_path, "- {name: n, topic: orders, value: x, expect: skipped}") == [
        "the event: expected to be skipped, but it is a dead letter (undecodable)",
        f"  {undecodable}",
    ]
    assert problems(tmp_path, "- {name: n, value: null, expect: {points: {fields: {}}}}") == [
        "points (sailplay.fire): expected to be sent, but it is skipped",
        "  a tombstone (no value) is skipped",
    ]
    assert problems(tmp_path, "- {name: n, value: null, topic: orders, expect: {dead_letter: undecodable}}") == [
        "the event: expected a dead letter (undecodable), but it is skipped",
        "  a tombstone (no value) is skipped",
    ]


def test_a_whole_expectation_names_every_route_that_breaks_it(tmp_path: Path) -> None:
    for expect in ("skipped", "{dead_letter: undecodable}"):
        said = [line for line in problems(tmp_path, order(expect=expect)) if not line.startswith(" ")]
        wanted = "to be skipped" if expect == "skipped" else "a dead letter (undecodable)"
        assert said == [
            f"revenue (mytracker.customRevenue): expected {wanted}, but it would be sent",
            f"points (sailplay.fire): expected {wanted}, but it would be sent",
        ]


def test_routes_that_are_not_named_count_only_where_the_case_says_so(tmp_path: Path) -> None:
    assert problems(tmp_path, order(expect="{points: {fields: {}}}")) == []
    said = problems(tmp_path, order(expect="{points: {fields: {}}}", others="skipped"))
    assert said[0] == "revenue (mytracker.customRevenue): expected to be skipped, but it would be sent"


def test_an_event_that_nobody_takes_may_be_expected_to_become_a_letter(tmp_path: Path) -> None:
    delivery = {"unrouted": "dead_letter"}
    assert problems(tmp_path, order(event="{type: a}", expect="{dead_letter: unrouted}"), delivery=delivery) == []
    case = order(event="{type: a}", expect="{points: skipped, revenue: skipped}", others="skipped")
    assert problems(tmp_path, case, delivery=delivery) == []
    assert problems(tmp_path, order(event="{type: a}", expect="skipped"), delivery=delivery) == [
        "the event: expected to be skipped, but it is a dead letter (unrouted)",
        "  no route of any sink takes this event",
    ]


def test_a_case_is_about_a_route_if_it_expects_the_route_to_take_the_event(tmp_path: Path) -> None:
    result = run(tmp_path, order(expect="{points: {dead_letter: unmappable}, revenue: skipped}"))
    assert [route.name for route in result.uncovered] == ["mytracker.registration", "revenue", "play"]


def make_twice(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """Let every route make a second item, with this body. No route makes several yet."""
    once = Router.route

    def twice(self: Router, record: Record, only: str | None = None) -> Any:
        found = once(self, record, only)
        return [*found, *(each._replace(body=body, element=1) for each in found if isinstance(each, Item))]

    monkeypatch.setattr(Router, "route", twice)


def test_a_route_that_makes_several_items_of_one_event_has_all_of_them_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_twice(monkeypatch, b"value=7")
    two = f"{{points: {{bodies: [{AS_POINTS}, {{value: '%s'}}]}}}}"
    assert problems(tmp_path, order(expect=two % 7)) == []
    assert problems(tmp_path, order(expect=two % 8)) == [
        "points (sailplay.fire):",
        '  [1].value: expected "8", got "7"',
    ]
    assert problems(tmp_path, order(expect=f"{{points: {{body: {AS_POINTS}}}}}"))[0] == (
        "points (sailplay.fire): expected 1 item, but 2 items would be sent"
    )


def test_programs_get_values_and_not_texts(tmp_path: Path) -> None:
    cases = "\n".join(
        [order(expect="{points: {fields: {value: 1, phone: x}}}"), order(name="good", expect="{points: {fields: {}}}")]
    )
    assert plain(run(tmp_path, cases)) == {
        "ok": False,
        "passed": 1,
        "failed": 1,
        "files": [
            {
                "file": str(tmp_path / "crm.tests.yaml"),
                "cases": [
                    {
                        "name": "n",
                        "line": 2,
                        "passed": False,
                        "problems": [
                            {
                                "route": "points",
                                "message": "",
                                "why": "",
                                "differences": [
                                    {"field": "value", "expected": 1, "got": "250.5"},
                                    {"field": "phone", "expected": "x"},
                                ],
                                "sent": [],
                            }
                        ],
                    },
                    {"name": "good", "line": 3, "passed": True, "problems": []},
                ],
            }
        ],
        "routes_without_a_case": ["mytracker.registration", "revenue", "play"],
    }


# --- records of Kafka -------------------------------------------------------------------------------------------------


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        cluster.create_topic("game.a", 1)
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        value = b'{"name": "n", "user": {"id": "u"}, "level": 7, "mail": "a@example.com"}'
        producer.produce("game.a", value, b"k", headers=[("trace", b"t")], timestamp=1_772_355_600_000)
        assert producer.flush(20) == 0
        yield cluster


def test_a_record_of_kafka_has_its_key_headers_and_time(tmp_path: Path, kafka: MockKafka) -> None:
    case = """- name: n
  record: game.a/0/0
  expect: {play: {fields: {customEventParams: {level: "7", key: k, trace: t, at: "1772355600"}}}}
"""
    assert problems(tmp_path, case, kafka={"bootstrap.servers": kafka.bootstrap}) == []


def test_of_a_record_of_kafka_no_more_is_shown_than_redact_allows(tmp_path: Path, kafka: MockKafka) -> None:
    cases = """
- {name: a, record: game.a/0/0, expect: {play: {fields: {customEventParams: {mail: b, level: "8"}, customUserId: v}}}}
- {name: b, record: game.a/0/0, expect: {play: {body: {}}}}
- {name: c, record: game.a/0/0, expect: {play: skipped}}
- {name: d, record: game.a/0/0, expect: {play: {fields: {customEventParams: x}}}}
- {name: e, topic: game.a, event: {name: n, mail: own@example.com, user: {id: u}}, expect: {play: skipped}}
"""
    result = run(tmp_path, cases, kafka={"bootstrap.servers": kafka.bootstrap}, redact=["mail", "user.id"])
    text = [" ".join(explanation(each, result.routes)) for each in result.results]
    assert text[0] == (
        f'play (mytracker.customEvent):   customEventParams.mail: expected "b", got "{MASK}"'
        f'   customEventParams.level: expected "8", got "7"   customUserId: expected "v", got "{MASK}"'
    )
    assert all(MASK in each and "example.com" not in each and '"u"' not in each for each in text[:4])
    assert "own@example.com" in text[4]  # the operator's own event is theirs


def test_of_several_items_each_is_shown_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: MockKafka) -> None:
    make_twice(monkeypatch, b'{"customUserId": "seen", "customEventName": "second"}')
    case = "- {name: n, record: game.a/0/0, expect: {play: {bodies: [{customEventName: n}, {customEventName: x}]}}}"
    said = problems(tmp_path, case, kafka={"bootstrap.servers": kafka.bootstrap}, redact=["user.id", "mail"])
    assert said == [
        "play (mytracker.customEvent):",
        f'  [0].customUserId: unexpected, "{MASK}"',
        "  [0].customEventParams: unexpected",
        f'    {{"level": "7", "mail": "{MASK}", "key": "k", "trace": "t", "at": "1772355600"}}',
        '  [1].customEventName: expected "x", got "second"',
        f'  [1].customUserId: unexpected, "{MASK}"',
    ]


def test_a_hidden_time_is_not_told_by_its_hint(tmp_path: Path, kafka: MockKafka) -> None:
    routes = [
        {
            "name": "play", "from": "game.a", "to": "mytracker.customEvent",
            "fields": {"customUserId": "name", "customEventName": "name", "eventTimestamp": "level + 1772355593"},
        }
    ]  # fmt: skip
    said = problems(
        tmp_path,
        "- {name: n, record: game.a/0/0, expect: {play: {fields: {eventTimestamp: 2026-01-01T00:00:00Z}}}}",
        kafka={"bootstrap.servers": kafka.bootstrap},
        redact=["level"],
        topics={"game.a": {}},
        routes=routes,
    )
    assert said[1:] == [f'  eventTimestamp: expected "2026-01-01T00:00:00Z", got "{MASK}"']


def test_a_record_that_cannot_be_had_fails_its_case_alone(tmp_path: Path, kafka: MockKafka) -> None:
    cases = f"- {{name: a, record: game.a/0/7, expect: skipped}}\n{order(expect='{points: {fields: {}}}')}"
    result = run(tmp_path, cases, kafka={"bootstrap.servers": kafka.bootstrap})
    assert [each.passed for each in result.results] == [False, True]
    assert result.results[0].error == "game.a/0 has no offset 7: its offsets are 0 to 0"


def test_kafka_is_asked_once_for_each_record_and_only_where_a_case_wants_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: MockKafka
) -> None:
    asked: list[Address] = []

    def count(conf: Mapping[str, Any], address: Address) -> Record:
        asked.append(address)
        return read_record(conf, address)

    monkeypatch.setattr(suite, "read_record", count)
    cases = "\n".join(
        f"- {{name: r{number}, record: game.a/0/0, expect: {{play: {{fields: {{}}}}}}}}" for number in range(3)
    )
    assert problems(tmp_path, cases, kafka={"bootstrap.servers": kafka.bootstrap}) == []
    assert asked == [Address("game.a", 0, 0)]


def test_brokers_that_do_not_answer_are_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(conf: object) -> None:
        asked.append(conf)
        raise ConnectorError("no broker answers")

    monkeypatch.setattr(suite, "require_brokers", refuse)
    cases = [f"- {{name: r{number}, record: orders/0/{number}, expect: skipped}}" for number in range(3)]
    result = run(tmp_path, "\n".join([*cases, order(expect="{points: {fields: {}}}")]))
    assert [each.error for each in result.results] == ["no broker answers"] * 3 + [""]
    assert len(asked) == 1
