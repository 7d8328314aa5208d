"""Routes held against a sample of events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.config.load import load
from connector.config.sample import read_sample, sample_findings
from connector.config.warnings import warnings
from connector.errors import ConfigError, Mistake
from connector.mistakes import lint as kinds
from connector.mistakes.kind import MistakeKind
from connector.settings.values import Settings
from tests.unit.config.routes import written
from tests.unit.config.test_findings import with_piece

ROUTE = "  - {from: shop.orders, %s, to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: %s}}\n"
FIRE = (
    "  - {from: shop.orders, when: type == 'order.paid', to: sailplay.fire, fields: {event_key: \"'k'\", email: id}}\n"
)


def event(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "id": "1", "user": {"id": "u", "name": "n"}, **more}


def settings_of(directory: Path, routes: str, **changes: str) -> Settings:
    path = written(directory, routes, idle=FIRE)
    text = path.read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    path.write_text(text)
    return load(path)


def held(settings: Settings, *events: dict[str, Any]) -> list[Mistake]:
    content = b"\n".join(json.dumps(each).encode() for each in events)
    return sample_findings(settings, read_sample(settings, "s.ndjson", content, None))


def named(mistakes: list[Mistake]) -> list[tuple[str, str]]:
    return [(mistake.path, mistake.name) for mistake in mistakes]


def test_a_type_that_no_route_names_is_counted(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ROUTE % ("when: type == 'order.closed'", "type"))
    found = held(settings, *map(event, ("order.paid", "order.close", "refund", "order.closed", "refund")))
    assert named(found) == [("topics.shop.orders", "unrouted-type")] * 2
    assert found[0].message == "in 2 of 5 events of the sample type is 'refund', which no route names: it is skipped"
    assert found[1].message.startswith("in 1 of 5 events of the sample type is 'order.close', ")
    assert found[1].message.endswith("; a route names 'order.closed'")


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("when: \"data.kind == 'a' || type == 'b'\"", "b"),
        ("when: \"contains(['a', 'b'], type)\"", "b"),
        ("when: \"starts_with(type, 'b.')\"", "b.c"),
        ("when: lower(type) == 'b'", "B"),
        ("when: type == 'b' && total > 5", "b"),
        ("when: type != 'b'", "b"),
        ("name: all", "b"),
    ],
)
def test_a_type_that_a_route_names_or_takes_is_not(tmp_path: Path, when: str, kind: str) -> None:
    found = held(settings_of(tmp_path, ROUTE % (when, "type")), event("order.paid"), event(kind, total=1))
    assert "unrouted-type" not in {mistake.name for mistake in found}


def test_whatever_selects_may_be_a_call_or_a_deeper_path(tmp_path: Path) -> None:
    routes = ROUTE % ("when: lower(meta.kind) == 'a'", "type")
    (finding,) = held(settings_of(tmp_path, routes), event("order.paid", meta={"kind": "A"}), {"meta": {"kind": "Z"}})
    assert "lower(meta.kind) is 'z'" in finding.message


def test_what_redact_names_is_not_shown(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "", group="redact: [type]\ngroup")
    found = held(settings, event("secret"))
    assert named(found) == [("topics.shop.orders", "unrouted-type"), ("routes[0].when", "takes-none-of-sample")]
    assert all("secret" not in mistake.message and "redact" in mistake.message for mistake in found)


def test_a_route_that_takes_none_says_what_the_sample_has(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ROUTE % ("when: kind == 'a'", "type"))
    found = held(settings, event("order.paid"), event("order.paid", kind="b"))
    assert ("routes[0].when", "takes-none-of-sample") in named(found)
    assert "takes none of the sample's 2 events; kind is 'b' (1)" in [mistake.message for mistake in found]


def test_a_condition_that_raises_says_so(tmp_path: Path) -> None:
    (finding,) = held(settings_of(tmp_path, ROUTE % ("when: total > 5", "type")), event("order.paid", total="9"))
    assert (finding.path, finding.name) == ("routes[0].when", "takes-none-of-sample")
    assert "on 1 its condition raises: a text is compared with a number" in finding.message


def test_of_headers_and_keys_a_sample_tells_nothing(tmp_path: Path) -> None:
    routes = ROUTE % ("when: header('ce_type') == 'a'", "type") + ROUTE % ("name: all", "key()")
    assert held(settings_of(tmp_path, routes), event("order.paid")) == []


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("user.nmae", "did you mean user.name?"),
        ("upper(user.nmae)", "did you mean user.name?"),
        ("usr.name", "did you mean user.name?"),
        ("purchase", "\"'purchase'\""),
        ("user.name.first", ""),
    ],
)
def test_a_field_that_is_null_in_all_that_is_taken_is_named(tmp_path: Path, expression: str, meant: str) -> None:
    found = held(settings_of(tmp_path, ROUTE % ("name: a", expression)), event("order.paid"), event("order.paid"))
    assert named(found) == [("routes[0].fields.customEventName", "always-null")]
    assert found[0].message.startswith(f"{expression} is null in all 2 events of the sample that this route takes")
    assert found[0].message.endswith(meant)


def test_a_field_that_is_there_once_is_not(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ROUTE % ("name: a", "coupon"))
    assert held(settings, event("order.paid"), event("order.paid", coupon="c")) == []


def test_a_field_that_raises_is_previews_business(tmp_path: Path) -> None:
    assert held(settings_of(tmp_path, ROUTE % ("name: a", "lower(total)")), event("order.paid", total=5)) == []


def test_a_route_accepts_these_too(tmp_path: Path) -> None:
    route = ROUTE.replace("from:", "accept: [always-null], from:") % ("name: a", "coupon")
    assert held(settings_of(tmp_path, route), event("order.paid")) == []


# --- the file ----------------------------------------------------------------------------------------------------


def refused(settings: Settings, content: bytes, topic: str | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_sample(settings, "s.ndjson", content, topic)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_one_event_may_be_written_over_several_lines(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    assert read_sample(settings, "s", json.dumps(event("a"), indent=2).encode(), None).events == [event("a")]


def test_blank_lines_are_no_events(tmp_path: Path) -> None:
    assert len(read_sample(settings_of(tmp_path, ""), "s", b'{"a":1}\n\n{"a":2}\n', None).events) == 2


def test_each_line_that_is_no_event_is_named_by_its_number(tmp_path: Path) -> None:
    found = refused(settings_of(tmp_path, ""), b'{"a":1}\n\n[1]\n{"a":2}\n{"secret"')
    assert found[0] == "--sample: s.ndjson, line 3 is an array: an event is a JSON object"
    assert found[1].startswith("--sample: s.ndjson, line 5 is not JSON")
    assert "secret" not in "".join(found)


def test_of_many_bad_lines_the_first_are_named(tmp_path: Path) -> None:
    found = refused(settings_of(tmp_path, ""), b'{"a":1}\n' + b"x\n" * 30)
    assert len(found) == 11
    assert found[-1] == "--sample: s.ndjson: 20 more lines are no events"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "holds no event"), (b"[]", "is an array"), (b"\n\n", "holds no event")]
)
def test_a_file_without_events_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (line,) = refused(settings_of(tmp_path, ""), content)
    assert said in line


def test_the_topic_is_asked_for_where_the_routes_read_several(tmp_path: Path) -> None:
    routes = (ROUTE % ("name: a", "type")).replace("from: shop.orders", "from: [shop.orders, other]")
    settings = settings_of(tmp_path, routes, **{"shop.orders: {}": "shop.orders: {}\n  other: {}"})
    assert refused(settings, b"{}") == ["--topic: say which topic the sample is from: shop.orders, other"]
    assert "no route reads nowhere" in refused(settings, b"{}", "nowhere")[0]
    found = sample_findings(settings, read_sample(settings, "s", b'{"user":{"id":1}}', "other"))
    assert named(found) == [("routes[0].fields.customEventName", "always-null")]


# --- the catalogue -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds.SAMPLE_KINDS, ids=lambda kind: kind.name)
def test_each_kind_is_shown_by_its_event(tmp_path: Path, kind: MistakeKind) -> None:
    wrong, right = (load(with_piece(tmp_path, piece)) for piece in (kind.wrong, kind.right))
    assert warnings(wrong) == []
    sample = read_sample(wrong, "s", kind.event.encode(), None)
    assert kind.name in {mistake.name for mistake in sample_findings(wrong, sample)}
    assert sample_findings(right, sample) == []
