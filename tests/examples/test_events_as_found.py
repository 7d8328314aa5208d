"""Events as they are found: each goes through the example's configuration and comes out as its page says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.cli._preview_text import record_text
from connector.config.load import load
from connector.config.warnings import warnings
from connector.expressions import compile_expression
from connector.model import Item, Record
from connector.service.assembly import build_router
from connector.service.event_file import split_events
from connector.service.preview import FileRecord, Previewer
from connector.service.preview_file import summarise
from connector.settings.values import Settings
from connector.simulators.mytracker_rules import event_rules
from connector.simulators.switches import MyTrackerSwitches
from tests.support.events_as_found import HERE, TOPICS, preview_text, previewed, records, settings_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "events-as-found.md"

PAYMENT_KEY = "85783d035a716769502775afa287fce17040afe1"
SIGNED_UP_KEY = "8bd3ede30c49139a9410daf3c42329d40722b0c5"
REVIEW_KEY = "3d6146b18024fe9681c16e05b6f525acda0c9511"
BORIS = sha256(b"boris@example.com").hexdigest()
BROWSER = {"userAgent": "Mozilla/5.0 (X11; Linux x86_64)"}
NOBODY = "requires one of customUserId, instanceId, lvid, gaid, androidId, idfa, iosVendorId: all are missing or null"
NO_NUMBER = "number(x, ',') takes a number with a decimal comma, such as '1 200,50': this text is no such number"
NO_PHONE = "phone() takes digits, spaces, ( ) . - and one leading +: this text has something else"
NO_ZONE = "unix() takes a time with a zone, such as 2026-01-31T12:00:00Z or …+03:00: this has none"


def payment(user: str, order: str, total: float, at: int, **more: str) -> dict[str, Any]:
    return {
        "customUserId": user, "idTransaction": order, "currency": "RUB", "total": total, "eventTimestamp": at, **more
    }  # fmt: skip


def custom(user: str, name: str, at: int | None, **params: str) -> dict[str, Any]:
    body: dict[str, Any] = {"customUserId": user, "customEventName": name}
    if params:
        body["customEventParams"] = params
    return body if at is None else {**body, "eventTimestamp": at}


def points(value: str, order: str, **who: str) -> dict[str, Any]:
    return {**who, "event_key": PAYMENT_KEY, "value": value, "purchase_order_num": order}


def item(user: str, order: str, sku: str, category: str, amount: str, at: int) -> dict[str, Any]:
    return custom(user, "item_bought", at, order=order, sku=sku, category=category, sum=amount)


# A body that is sent, or why there is a dead letter.
Made = dict[str, Any] | str

# For each line of a file: route → the body that is sent, or why it becomes a dead letter. Routes that take nothing are
# not named. Where a route has `each`, one for each element.
EXPECTED: dict[tuple[str, str], list[dict[str, Made | list[Made]]]] = {
    ("debezium", "orders.tsv"): [
        {},  # a snapshot's row
        {},  # not yet paid
        {
            "payments": payment("1001", "A-5001", 1399.9, 1772355600),
            "order details": custom(
                "1001", "order_paid", 1772355600,
                number="A-5001", discount="100", days_to_delivery="4", utm_source="newsletter", coupon="SPRING10",
            ),
            "points for a payment": points("1399.9", "A-5001", origin_user_id="1001"),
        },
        {},  # paid before
        {
            "cancellations": custom(
                "1001", "order_cancelled", 1772434800, number="A-5001", total="1399.9", was="shipped"
            )
        },
        {
            "payments": payment("1002", "A-5002", 0.07, 1772355700),
            "order details": custom("1002", "order_paid", 1772355700, number="A-5002", days_to_delivery="0"),
            "points for a payment": points("0.07", "A-5002", origin_user_id="1002"),
        },
        {
            "payments": payment("1002", "A-5003", 0, 1772355800),
            "order details": custom(
                "1002", "order_paid", 1772355800, number="A-5003", discount="500", days_to_delivery="1"
            ),
        },
        {
            "payments": "eventTimestamp is missing or null: customRevenue requires it",
            "order details": custom("1003", "order_paid", None, number="A-5004"),
            "points for a payment": points("1200", "A-5004", origin_user_id="1003"),
        },
        {},  # a deleted order
        {},  # its tombstone
    ],
    ("debezium", "customers.tsv"): [
        {"registrations": {"customUserId": "1001", "age": 36, "eventTimestamp": 1735725600}},
        {
            "registrations": {"customUserId": "1002", "age": 59, "eventTimestamp": 1772352000},
            "points for a registration": {"user_phone": "79000001133", "event_key": SIGNED_UP_KEY},
        },
        {
            "registrations": {"customUserId": "1003", "eventTimestamp": 1772352100},
            "points for a registration": f"user_phone: {NO_PHONE}",
        },
        {},  # an update
        {"deletions": custom("1002", "account_deleted", 1772356100)},
        {},  # the tombstone
    ],
    ("debezium", "outbox.tsv"): [
        {"outbox lines": [
            custom("1001", "item_paid", 1772355600, number="A-5001", sku="kettle-3", sum="59.97"),
            custom("1001", "item_paid", 1772355600, number="A-5001", sku="lamp-1", sum="1439.93"),
            custom("1001", "item_paid", 1772355600, number="A-5001", sku="kettle-3", sum="59.97"),
        ]},
        {"outbox lines": [
            custom("1002", "item_paid", 1772355900, number="A-5002", sku="pin-1", sum="0.07"),
            "customEventParams.sum: * takes numbers, not a text; number() reads a number from a text",
            custom("1002", "item_paid", 1772355900, number="A-5002", sku="cup", sum="4.2"),
        ]},
        {},  # an order without lines
        {},  # another event of the same outbox
    ],
    ("cloudevents", "structured.ndjson"): [
        {
            "reviews": custom(
                "user-1", "review_posted", 1772355600, product="kettle-3", stars="4", source="/shop/loyalty"
            ),
            "points for loyalty": {"origin_user_id": "user-1", "event_key": REVIEW_KEY},
        },
        {
            "reviews": custom(
                "user-2", "review_posted", 1772355605, product="kettle-3", stars="5", source="/shop/loyalty"
            ),
            "points for loyalty": {"origin_user_id": "user-2", "event_key": REVIEW_KEY},
        },
        {
            "reviews": custom(
                "user-3", "review_posted", 1772355610, product="lamp-1", stars="1", source="/shop/loyalty"
            )
        },
        {"points for loyalty": {"origin_user_id": "user-1", "event_key": SIGNED_UP_KEY}},
        {},
        {
            "reviews": "customEventParams: json() takes a text that holds JSON: this text does not",
            "points for loyalty": {"origin_user_id": "user-4", "event_key": REVIEW_KEY},
        },
    ],
    ("cloudevents", "binary.tsv"): [
        {
            "payments": payment("user-1", "o-1001", 1499.9, 1772355600),
            "points for a payment": points("1499.9", "o-1001", origin_user_id="user-1"),
        },
        {
            "payments": payment("user-2", "o-1002", 0.07, 1772355660),
            "points for a payment": points("0.07", "o-1002", origin_user_id="user-2"),
        },
        {},  # another type
        {
            "payments": f"customRevenue {NOBODY}",
            "points for a payment": "fire requires one of user_phone, email, origin_user_id: all are missing or null",
        },
        {
            "payments": f"eventTimestamp: {NO_ZONE}",
            "points for a payment": points("30", "o-1005", origin_user_id="user-3"),
        },
    ],
    ("segment", "track.ndjson"): [
        {
            "payments": payment("u-1", "o-1", 1499.9, 1772355660, ipv4="203.0.113.7", **BROWSER),
            "order details": custom(
                "u-1", "order_completed", 1772355660,
                order="o-1", lines="2", units="4", goods="1499.9", skus="kettle-3,lamp-1", coupon="SPRING10",
            ),
            "lines": [
                item("u-1", "o-1", "kettle-3", "kitchen", "59.97", 1772355660),
                item("u-1", "o-1", "lamp-1", "light", "1439.93", 1772355660),
            ],
            "points by telephone": points("1499.9", "o-1", user_phone="79000001122"),
        },
        {
            "payments": payment(BORIS, "o-2", 0.07, 1772355720, ipv6="2001:db8::7", **BROWSER),
            "order details": custom(
                BORIS, "order_completed", 1772355720, order="o-2", lines="1", units="1", goods="0.07", skus="pin-1"
            ),
            "lines": [
                item(BORIS, "o-2", "pin-1", "office", "0.07", 1772355720),
            ],
            "points by e-mail": points("0.07", "o-2", email="boris@example.com"),
        },
        {
            "payments": payment("u-3", "o-3", 250, 1772355780, **BROWSER),
            "order details": custom(
                "u-3", "order_completed", 1772355780,
                order="o-3", lines="4", units="4", goods="250", skus="sku-0,sku-1,sku-2,sku-3",
            ),
            "lines": [
                item("u-3", "o-3", "sku-0", "toys", "62.5", 1772355780),
                item("u-3", "o-3", "sku-1", "toys", "62.5", 1772355780),
                item("u-3", "o-3", "sku-2", "toys", "62.5", 1772355780),
                item("u-3", "o-3", "sku-3", "toys", "62.5", 1772355780)],
            "points by telephone": points("250", "o-3", user_phone="79000001133"),
        },
        {
            "payments": f"total: {NO_NUMBER}",
            "order details": custom(
                "u-4", "order_completed", 1772355840, order="o-4", lines="1", units="1", goods="1499.9", skus="kettle-3"
            ),
            "lines": [
                item("u-4", "o-4", "kettle-3", "kitchen", "1499.9", 1772355840),
            ],
            "points by telephone": f"when: {NO_NUMBER}",
        },
        {
            "payments": payment("u-5", "o-5", 0, 1772355900, ipv4="203.0.113.7", **BROWSER),
            "order details": custom(
                "u-5", "order_completed", 1772355900, order="o-5", lines="0", units="0", goods="0"
            ),
        },
        {
            "registrations": {
                "customUserId": "u-6", "age": 34, "adTrackingEnabled": 0, "eventTimestamp": 1772355960,
            }
        },
        {
            "registrations": {
                "customUserId": "u-7", "idfa": "7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB", "adTrackingEnabled": 1,
                "eventTimestamp": 1772356020,
            }
        },
        {},  # a page
        {
            "payments": payment("u-9", "o-6", 1499.9, 1772356140, ipv4="203.0.113.7", **BROWSER),
            "order details": custom(
                "u-9", "order_completed", 1772356140, order="o-6", lines="1", units="1", goods="1499.9", skus="kettle-3"
            ),
            "lines": [
                item("u-9", "o-6", "kettle-3", "kitchen", "1499.9", 1772356140),
            ],
            "points by telephone": f"user_phone: {NO_PHONE}",
        },
        {  # nobody: an address of one space is no identity, and its hash would be everybody's
            "payments": f"customRevenue {NOBODY}",
            "order details": f"customEvent {NOBODY}",
            "lines": [f"customEvent {NOBODY}"],
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize(("example", "name"), EXPECTED)
def test_every_record_becomes_what_is_expected(example: str, name: str) -> None:
    settings = replace(settings_of(example), redact=())  # what is sent, not what people are shown
    assert [_made(settings, record) for record in records(example, name)] == EXPECTED[example, name]


def _made(settings: Settings, record: Record) -> dict[str | None, Made | list[Made]]:
    made: dict[str | None, Any] = {}
    for shown in previewed(settings, record):
        what = shown.body if shown.outcome == "sent" else shown.why
        if shown.element is not None:
            made.setdefault(shown.route, []).append(what)
        elif shown.outcome != "skipped":
            made[shown.route] = what
    return made


@pytest.mark.parametrize(("example", "name"), EXPECTED)
def test_my_tracker_would_take_what_is_sent(example: str, name: str) -> None:
    """By its simulator's rules, which share nothing with the connector's."""
    rules = event_rules(MyTrackerSwitches())
    settings = settings_of(example)
    router = build_router(settings, "mytracker")
    for record in records(example, name):
        for result in router.route(record):
            if isinstance(result, Item):
                assert rules[result.method].first_broken(json.loads(result.body)) is None


# Values that events hold by mistake, and numbers near the limits.
ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, True, [], [None], {"a": 1}, 19.99, 1e308, 5e-324, 2**64, 10**25, "9" * 300, "1e400",
    "1,123456789012345678", "{", "null", "2026-03-01T09:00:00Z", 1772355600123456,
)  # fmt: skip


@pytest.mark.parametrize("example", TOPICS)
def test_no_odd_value_does_more_than_make_a_dead_letter(example: str) -> None:
    settings = settings_of(example)
    routers = [build_router(settings, sink) for sink in settings.sinks]
    for name in TOPICS[example]:
        for record in records(example, name):
            for event in _spoilt(json.loads(record.value or b"null")):
                for router in routers:
                    router.route(record._replace(value=json.dumps(event).encode()))


def _spoilt(value: Any) -> Iterator[Any]:
    """Yield a JSON value with each of its parts, one after the other, replaced by each odd value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for at, member in list(members):
        for other in (*ODD, *_spoilt(member)):
            copy = value.copy()
            copy[at] = other
            yield copy


@pytest.mark.parametrize("example", TOPICS)
def test_whatever_the_event_preview_names_what_the_letter_says_among_all_that_is_wrong(example: str) -> None:
    """Of each 97th of the spoilt events, which are thousands."""
    previewer = Previewer(settings_of(example))
    for name in TOPICS[example]:
        for record in records(example, name):
            for event in islice(_spoilt(json.loads(record.value or b"null")), 0, None, 97):
                spoilt = record._replace(value=json.dumps(event).encode())
                previews = previewer.preview(spoilt, FileRecord(record.key))
                assert record_text(spoilt, "file", previews)
                for shown in previews:
                    letters = [problem.message for problem in shown.problems]
                    assert shown.outcome != "dead_letter" or shown.why in letters


def test_a_file_of_events_is_summed_up_as_its_events_are_previewed() -> None:
    settings, path = settings_of("segment"), HERE / "segment" / "track.ndjson"
    with path.open("rb") as file:
        lines = split_events(file)
        assert not isinstance(lines, bytes)
        summary = summarise(Previewer(settings), lines, None, 0, FileRecord())
    counts: Counter[tuple[str, str | None, str]] = Counter()
    for record in records("segment", "track.ndjson"):
        counts.update((shown.sink, shown.route, shown.outcome) for shown in previewed(settings, record))
    assert {
        (each.sink, each.route, outcome): count
        for each in summary.routes.values()
        for outcome, count in (("sent", each.sent), ("skipped", each.skipped), ("dead_letter", each.dead_letters))
        if count
    } == counts


def test_every_file_of_records_is_expected() -> None:
    assert list(EXPECTED) == [(example, name) for example, names in TOPICS.items() for name in names]


@pytest.mark.parametrize("example", TOPICS)
def test_the_preview_that_is_kept_is_what_preview_prints(example: str) -> None:
    """`python -m tests.support.events_as_found` writes them again; look at what changed."""
    assert (HERE / example / "preview.txt").read_text(encoding="utf-8") == preview_text(example)


@pytest.mark.parametrize("example", TOPICS)
def test_check_finds_nothing_but_missing_tokens(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MYTRACKER_TOKEN", "SAILPLAY_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    found = warnings(load(HERE / example / "connector.yaml"))
    assert [warning.path for warning in found] == ["sinks.mytracker.token", "sinks.sailplay.token"]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_the_page_quotes_the_configurations() -> None:
    quotes = _blocks("yaml")
    configurations = [_squeezed((HERE / example / "connector.yaml").read_text(encoding="utf-8")) for example in TOPICS]
    assert quotes
    for quote in quotes:
        yaml.safe_load(quote)
        assert any(_squeezed(quote) in configuration for configuration in configurations), quote


def test_the_page_quotes_the_previews() -> None:
    quotes = _blocks("console")
    previews = [_squeezed((HERE / example / "preview.txt").read_text(encoding="utf-8")) for example in TOPICS]
    assert quotes
    for quote in quotes:
        printed = "".join(line for line in quote.splitlines(keepends=True) if not line.startswith(("$ ", "> ")))
        assert any(_squeezed(printed) in preview for preview in previews), quote


def test_the_page_quotes_the_events() -> None:
    """Shortened by whole members: what is shown is in the event, as it is shown."""
    events = [
        json.loads(record.value)
        for example, names in TOPICS.items()
        for name in names
        for record in records(example, name)
        if record.value
    ]
    quotes = [json.loads(quote) for quote in _blocks("json")]
    assert quotes
    for quote in quotes:
        assert any(_within(quote, event) for event in events), quote


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and _within(value, whole[name]) for name, value in part.items())
    return bool(part == whole)


ROWS: list[tuple[str, str]] = re.findall(
    r"^\|[^|`]*\| `([^|`]+)` \| `([^|`]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)


def test_the_page_has_lines_to_write() -> None:
    assert len(ROWS) == 9


@pytest.mark.parametrize(("line", "gives"), ROWS)
def test_a_line_of_the_page_gives_what_it_says(line: str, gives: str) -> None:
    assert compile_expression(line)({}, Record("topic", 0, 0, -1, None, None, ())) == json.loads(gives)
