"""Findings of whole routes: where they stand, what a route accepts, and routes that send an event twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.warnings import warnings, warnings_of_file
from connector.errors import Mistake
from connector.mistakes import lint as kinds
from connector.mistakes.catalogue import MISTAKES
from connector.mistakes.kind import MistakeKind
from tests.unit.config.routes import FIELDS, IDLE, written

BASE = {
    "from": "shop.orders",
    "to": "mytracker.customEvent",
    "fields": "{customUserId: user.id, customEventName: type}",
}


def found(directory: Path, routes: str, *, idle: str = IDLE) -> list[Mistake]:
    return warnings(load(written(directory, routes, idle=idle)))


def named(mistakes: list[Mistake]) -> list[tuple[str, str]]:
    return [(mistake.path, mistake.name) for mistake in mistakes]


def test_a_finding_stands_at_its_expression_with_its_name(tmp_path: Path) -> None:
    routes = """  - from: shop.orders
    when: user.vip == true
    to: mytracker.customEvent
    fields: {customUserId: user.id, customEventName: '"paid"', customEventParams: {currency: RUB, x: "'a' + y"}}
"""
    assert named(found(tmp_path, routes)) == [
        ("routes[0].when", "bare-literal"),
        ("routes[0].fields.customEventName", "double-quoted-text"),
        ("routes[0].fields.customEventParams.currency", "unquoted-text"),
        ("routes[0].fields.customEventParams.x", "never-right-argument"),
    ]


def test_a_route_accepts_what_is_meant_and_no_other_route_does(tmp_path: Path) -> None:
    route = "  - {from: shop.orders, name: %s, when: vip == true, to: mytracker.login, fields: {customUserId: RUB}%s}\n"
    routes = route % ("one", ", accept: [bare-literal]") + (route % ("two", "")).replace("vip", "new")
    assert named(found(tmp_path, routes)) == [
        ("routes[0].fields.customUserId", "unquoted-text"),
        ("routes[1].when", "bare-literal"),
        ("routes[1].fields.customUserId", "unquoted-text"),
    ]


def test_a_route_may_accept_a_warning_of_older_versions(tmp_path: Path) -> None:
    route = (
        "  - {from: shop.orders, to: mytracker.customRevenue, fields: {customUserId: a, idTransaction: \"'x'\", "
        "currency: c, total: t, eventTimestamp: unix(at)}%s}\n"
    )
    assert named(found(tmp_path, route % "")) == [("routes[0].fields.idTransaction", "constant-transaction-id")]
    accepted = found(tmp_path, route % ", accept: [constant-transaction-id]")
    assert ("routes[0].fields.idTransaction", "constant-transaction-id") not in named(accepted)


def test_an_unknown_name_in_accept_is_named_with_the_nearest(tmp_path: Path) -> None:
    route = f"  - {{from: shop.orders, to: mytracker.customEvent, {FIELDS}, accept: [bare-litteral]}}\n"
    (finding,) = found(tmp_path, route)
    assert (finding.path, finding.name) == ("routes[0].accept", "unknown-accept")
    assert finding.message.endswith("did you mean bare-literal?")


def test_a_topic_that_the_route_does_not_read_is_never_its_topic(tmp_path: Path) -> None:
    route = f"  - {{from: shop.orders, when: topic() == '%s', to: mytracker.customEvent, {FIELDS}}}\n"
    assert named(found(tmp_path, route % "orders")) == [("routes[0].when", "never-equal")]
    assert found(tmp_path, route % "shop.orders") == []


# --- routes that send an event twice -----------------------------------------------------------------------------

PAID, VIP = "type == 'order.paid'", "type == 'order.paid' && user.vip"


def fire(when: str | None, key: str = "k", rest: str = "") -> str:
    condition = f'when: "{when}", ' if when else ""
    return (
        f"  - {{from: shop.orders, {condition}to: sailplay.fire, fields: {{event_key: \"'{key}'\", email: e{rest}}}}}\n"
    )


@pytest.mark.parametrize(
    ("routes", "paths"),
    [
        (fire(PAID) + fire(VIP), ["routes[1].when"]),
        (fire(VIP) + fire(PAID), ["routes[0].when"]),
        (fire(PAID) + fire("'order.paid' == type"), ["routes[1].when"]),
        (fire(None) + fire(PAID), ["routes[1].when"]),
        (fire(None) + fire(None), ["routes[1]"]),
        (fire("total > 100") + fire("total > 500", rest=", value: total"), ["routes[1].when"]),
        (fire("contains(['a', 'b'], type)") + fire("type == 'a'"), ["routes[1].when"]),
    ],
)
def test_a_route_whose_events_another_takes_too_is_named(tmp_path: Path, routes: str, paths: list[str]) -> None:
    mytracker = f"  - {{from: shop.orders, to: mytracker.customEvent, {FIELDS}}}\n"
    assert named(found(tmp_path, routes, idle=mytracker)) == [(path, "overlaps-route") for path in paths]


@pytest.mark.parametrize(
    "routes",
    [
        fire("type == 'a'") + fire("type == 'b'"),
        fire("total > 100") + fire("total <= 100"),
        fire(PAID) + fire("user.vip"),
        fire(PAID, key="paid") + fire(VIP, key="vip"),  # two events of SailPlay for one order: meant
        fire("products[0]") + fire("products[1]"),
    ],
)
def test_routes_that_share_no_whole_are_not_named(tmp_path: Path, routes: str) -> None:
    mytracker = f"  - {{from: shop.orders, to: mytracker.customEvent, {FIELDS}}}\n"
    assert found(tmp_path, routes, idle=mytracker) == []


def test_events_of_other_names_are_meant(tmp_path: Path) -> None:
    """An order by its own name, and its first product by another."""
    route = (
        "  - {from: shop.orders, when: type == 'paid'%s, to: mytracker.customEvent, fields: {customUserId: u, %s}}\n"
    )
    route = route.replace("when: ", 'when: "').replace(", to", '", to')
    order, item = "customEventName: type", "customEventName: \"'item'\""
    assert found(tmp_path, route % ("", order) + route % (" && items[0]", item)) == []
    written_otherwise = "customEventName: upper(type)"
    assert found(tmp_path, route % ("", written_otherwise) + route % (" && items[0]", item)) == []
    same = found(tmp_path, route % ("", order) + route % (" && items[0]", order))
    assert named(same) == [("routes[1].when", "overlaps-route")]


def test_another_method_another_sink_and_another_topic_are_meant(tmp_path: Path) -> None:
    routes = f"""  - {{from: shop.orders, to: mytracker.customEvent, {FIELDS}}}
  - from: shop.orders
    when: {PAID}
    to: mytracker.customRevenue
    fields: {{customUserId: a, idTransaction: b, currency: c, total: t, eventTimestamp: unix(at)}}
{fire(PAID)}  - {{from: other, to: mytracker.customEvent, {FIELDS}}}
"""
    path = written(tmp_path, routes, idle="")
    path.write_text(path.read_text().replace("  shop.orders: {}", "  shop.orders: {}\n  other: {}"))
    assert warnings(load(path)) == []


def test_a_pattern_that_matches_the_topic_reads_it_too(tmp_path: Path) -> None:
    routes = fire(None).replace("from: shop.orders", "from: '^shop'") + fire(PAID)
    path = written(tmp_path, routes, idle=f"  - {{from: shop.orders, to: mytracker.customEvent, {FIELDS}}}\n")
    path.write_text(path.read_text().replace("  shop.orders: {}", "  shop.orders: {}\n  '^shop': {}"))
    assert named(warnings(load(path))) == [("routes[1].when", "overlaps-route")]


# --- the catalogue -----------------------------------------------------------------------------------------------


def with_piece(directory: Path, piece: str) -> Path:
    """Write a configuration of one route with the keys of a piece of the catalogue, or with its routes."""
    if piece.startswith("routes:"):
        path = written(directory, piece.removeprefix("routes:\n") + "\n", idle="")
    else:
        given = {line.partition(":")[0] for line in piece.splitlines()}
        keys = [f"{key}: {value}" for key, value in BASE.items() if key not in given]
        nested = piece.replace("{customEvent", "{customUserId: user.id, customEvent", 1)
        nested = nested.replace("{eventTimestamp", "{customUserId: user.id, eventTimestamp", 1)
        if "customEventName" not in nested:
            nested = nested.replace("user.id,", "user.id, customEventName: type,", 1)
        path = written(directory, "  - " + "\n    ".join([*keys, nested]) + "\n", idle="")
    text = path.read_text()
    path.write_text("\n".join(line for line in text.splitlines() if "kind: sailplay" not in line) + "\n")
    return path


def names_of(path: Path) -> list[str]:
    settings = load(path)
    return [each.name for each in (*warnings(settings), *warnings_of_file(settings, path))]


@pytest.mark.parametrize("kind", [*kinds.KINDS, *kinds.FILE_KINDS], ids=lambda kind: kind.name)
def test_each_kind_is_shown_by_its_wrong_piece_and_not_by_its_right_one(tmp_path: Path, kind: MistakeKind) -> None:
    assert names_of(with_piece(tmp_path, kind.wrong)) == [kind.name]
    assert names_of(with_piece(tmp_path, kind.right)) == []


def test_the_kinds_stand_in_the_catalogue() -> None:
    assert MISTAKES.keys() >= {kind.name for kind in (*kinds.KINDS, *kinds.FILE_KINDS, *kinds.SAMPLE_KINDS)}
