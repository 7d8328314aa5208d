"""Nothing that the service emits shows a token or what an event holds, whatever the vendors do.

Canaries lie in tokens, keys, values and headers; the vendors fail in every way and repeat what they were sent. Then all
that the process wrote and served is searched.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.kafka.records import record_of
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Simulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

TOKEN = "canary+token/of=the.account"  # noqa: S105 - it guards nothing; as hard to find in a URL as can be
NAME = "canaryevent"  # a plain word, as a name is
MAIL = "canary@example.com"
KEY = "canarykey"
HEADER = "canaryheader"
CANARIES = (TOKEN, quote(TOKEN, safe=""), NAME, MAIL, quote(MAIL, safe=""), KEY, HEADER)
EVENT_KEY = "85783d035a716769502775afa287fce17040afe1"
ECHO = f"cannot take {NAME} of {MAIL} with {TOKEN} or {quote(TOKEN, safe='')}"
FAULTS: tuple[Mapping[str, Any], ...] = (
    *({"kind": "status", "status": status, "body": {"error": ECHO}, "times": 2} for status in (500, 503, 429, 403)),
    {"kind": "status", "status": 302, "headers": {"Location": f"http://127.0.0.1:9/?token={quote(TOKEN)}"}},
    {"kind": "status", "status": 502, "body": f"<html>{ECHO}</html>"},
    *({"kind": kind} for kind in ("reset", "close", "half_header", "half_body", "html_200", "truncated_json")),
    *({"kind": kind} for kind in ("gzip_bomb", "bad_gzip", "outage")),
    {"kind": "hang"},
)
REFUSAL = {"kind": "status", "status": 422, "body": {"error": ECHO, "message": ECHO}, "times": "until_reset"}


def settings(broker: Broker, topic: str, letters: str, urls: dict[str, str], token: Path) -> dict[str, Any]:
    account = {"token": {"file": str(token)}, "timeout": "1s", "retry": {"initial": "50ms", "max": "200ms"}}
    shop = {"kind": "sailplay", "store_department_id": 11, "http_method": "get", "base_url": urls["sailplay"]}
    return configuration(
        broker.bootstrap,
        group=letters,
        dead_letters=letters,
        topics={topic: {}},
        sinks={
            "mytracker": {"kind": "mytracker", "app_id": 1, "base_url": urls["mytracker"]} | account,
            "sailplay": shop | account,
        },
        routes=[
            {
                "from": topic,
                "to": "mytracker.customEvent",
                "fields": {"customUserId": "mail", "customEventName": "name", "eventTimestamp": "at"},
            },
            {
                "from": topic,
                "to": "sailplay.fire",
                "fields": {
                    "origin_user_id": "mail",
                    "event_key": f"'{EVENT_KEY}'",
                    "value": "number(amount)",
                    "purchase_order_num": "name",  # a vendor can only repeat what it was sent
                },
            },
        ],
    )


def produce(broker: Broker, topic: str) -> int:
    """Events that go, that cannot be mapped, that are no events; returns how many."""
    good = {"name": NAME, "mail": MAIL, "at": 1_700_000_000, "amount": 1}
    values: list[bytes] = [json.dumps(good).encode() for _ in range(60)]
    bad = ({**good, "at": NAME}, {**good, "amount": NAME}, {**good, "mail": [NAME]})
    values += [json.dumps(each).encode() for each in bad]
    values += [f'{{"cut": "{NAME}'.encode(), f'"{NAME}"'.encode()]
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number, value in enumerate(values):
        producer.produce(topic, value, f"{KEY}{number}", headers={"trace": HEADER})
    assert producer.flush(20) == 0
    return len(values)


async def served(connector: RunningConnector) -> str:
    """All pages, with their headers."""

    def get(path: str) -> str:
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{connector.port}{path}", timeout=10)
        except urllib.error.HTTPError as refusal:  # not ready yet
            answer = refusal
        with answer:
            return f"{answer.headers}{answer.read().decode()}"

    pages = [await asyncio.to_thread(get, path) for path in ("/", "/status", "/metrics", "/healthz", "/readyz")]
    return "".join(pages)


def letters_of(broker: Broker, topic: str) -> list[tuple[str, bytes]]:
    """The headers that the connector added to each dead letter."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "canary", "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        added: list[tuple[str, bytes]] = []
        while (message := consumer.poll(10)) is not None and message.error() is None:
            added += [(name, value or b"") for name, value in record_of(message).headers if name != "trace"]
    finally:
        consumer.close()
    return added


async def test_no_token_and_no_event_is_in_anything_that_the_service_emits(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    topic, letters, token = topic_factory(2), topic_factory(1), tmp_path / "token"
    token.write_text(TOKEN)
    emitted: list[str] = []
    async with (
        MyTrackerSimulator(token=TOKEN, app_id=1) as mytracker,
        SailPlaySimulator(token=TOKEN, store_department_id=11) as sailplay,
    ):
        vendors: tuple[Simulator, ...] = (mytracker, sailplay)
        for vendor in vendors:
            vendor.order(list(FAULTS))
        count = produce(broker, topic)
        urls = {"mytracker": mytracker.url, "sailplay": sailplay.url}
        async with RunningConnector(tmp_path, settings(broker, topic, letters, urls, token)) as connector:

            async def ended(total: int) -> bool:
                found = [await connector.sink(name) for name in urls]
                if all(found):
                    emitted.append(await served(connector))
                counts = [each.get("counts", {"delivered": 0, "dead_lettered": {}}) for each in found]
                return all(each["delivered"] + sum(each["dead_lettered"].values()) == total for each in counts)

            await until(lambda: ended(count), seconds=60, what="every event's end, through all faults")
            for vendor in vendors:
                assert not vendor.faults.as_json(), "not every fault was met"
                vendor.order(REFUSAL)
            count += produce(broker, topic)
            await until(lambda: ended(count), seconds=60, what="dead letters of what the vendors refuse")
            for vendor in vendors:
                vendor.order({"revoke_token": True})
            assert await connector.stop() == 0
        emitted.append(connector.log.read_text())
    added = letters_of(broker, letters)
    assert {value for name, value in added if name == "connector.reason"} >= {b"undecodable", b"unmappable", b"refused"}
    emitted.append(repr(added))
    everything = "\n".join(emitted)
    assert everything.count("cannot take •••") > 10, "the vendors' echoes are not among what was emitted"
    for canary in CANARIES:
        at = everything.find(canary)
        assert at < 0, f"{canary!r} shows: …{everything[max(at - 400, 0) : at + 100]}…"
