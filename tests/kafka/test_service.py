"""The main job on a real broker: 20,000 mixed events, each delivered or dead-lettered exactly once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connector.kafka.records import record_of
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory

EVENTS = 20_000
PARTITIONS = 8
TOKEN = "a-token-to-look-for"  # noqa: S105 - it guards nothing
KEYS = 500
EVENT_KEY = "85783d035a716769502775afa287fce17040afe1"
READ = (("mytracker", "games"), ("mytracker", "orders"), ("sailplay", "orders"))
MOMENT = "2026-01-02T03:04:05Z"

pytestmark = pytest.mark.kafka


class Made(NamedTuple):
    """One produced event: where it must end up, by a mark that each destination shows."""

    topic: str
    key: bytes
    value: bytes | None
    mytracker: str | None = None
    sailplay: str | None = None
    letters: tuple[tuple[str, str], ...] = ()  # (sink, reason)


def _order(number: int) -> Iterator[Made]:
    total = 250 if number % 400 == 0 else 40.5
    order = {"type": "order.paid", "order": {"id": f"o{number}", "currency": "USD", "total": total}}
    order |= {"user": {"id": f"u{number % KEYS}"}, "occurred_at": MOMENT}
    yield Made("orders", b"k%d" % (number % KEYS), _json(order), f"o{number}", f"o{number}" if total > 100 else None)


def _game(number: int) -> Iterator[Made]:
    data: dict[str, Any] = {"n": number, "text": "ж" * (number % 40)}
    event = {"event_type": "levelUp", "user": {"id": number % KEYS}, "data": data, "occurred_at": MOMENT}
    yield Made("games", b"k%d" % (number % KEYS), _json(event), f"g{number}")


def _misfit(number: int) -> Iterator[Made]:
    """What cannot be delivered, each in its own way, and what nobody wants."""
    key = b"k%d" % (number % KEYS)
    both = (("mytracker", "undecodable"), ("sailplay", "undecodable"))
    event = {"event_type": "levelUp", "user": {"id": "u"}, "occurred_at": MOMENT}
    yield (
        Made("orders", key, b'{"cut', letters=both),
        Made("games", key, _json({**event, "user": {}}), letters=(("mytracker", "unmappable"),)),
        Made("games", key, _json({**event, "data": {"n": "x" * 256}}), letters=(("mytracker", "unmappable"),)),
        Made("games", key, _json({**event, "agent": "ж" * 2048, "data": {f"p{i}": "я" * 250 for i in range(20)}}),
             letters=(("mytracker", "oversize"),)),
        Made("orders", key, _json({"type": "order.opened"})),
        Made("games", key, None),
        Made("orders", key, _json({"type": "order.paid", "order": {"id": f"t{number}", "currency": "USD", "total": 1}}
                                  | {"user": {"id": "u"}, "occurred_at": "2026-01-02T03:04:05"}),
             letters=(("mytracker", "unmappable"),)),
    )[number % 7]  # fmt: skip


def _events() -> list[Made]:
    makers = {0: _misfit, 1: _order, 2: _game}
    return [made for number in range(EVENTS) for made in makers[0 if number % 50 == 7 else 1 + number % 2](number)]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _settings(
    bootstrap: str, topics: dict[str, str], letters: str, urls: dict[str, str], token: Path
) -> dict[str, Any]:
    secret = {"file": str(token)}
    mytracker = {"kind": "mytracker", "base_url": urls["mytracker"], "app_id": 666, "token": secret}
    sailplay = {"kind": "sailplay", "base_url": urls["sailplay"], "store_department_id": 11, "token": secret}
    paid = "type == 'order.paid'"
    return configuration(
        bootstrap,
        group=letters,
        dead_letters=letters,
        topics={name: {} for name in topics.values()},
        sinks={"mytracker": mytracker, "sailplay": sailplay | {"rate": "45/s"}},
        routes=[
            {
                "from": topics["games"],
                "to": "mytracker.customEvent",
                "fields": {
                    "customUserId": "user.id",
                    "customEventName": "event_type",
                    "userAgent": "agent",
                    "customEventParams": "data",
                    "eventTimestamp": "unix(occurred_at)",
                },
            },
            {
                "from": topics["orders"],
                "when": paid,
                "to": "mytracker.customRevenue",
                "fields": {
                    "customUserId": "user.id",
                    "idTransaction": "order.id",
                    "currency": "order.currency",
                    "total": "order.total",
                    "eventTimestamp": "unix(occurred_at)",
                },
            },
            {
                "from": topics["orders"],
                "when": f"{paid} && order.total > `100`",
                "to": "sailplay.fire",
                "fields": {
                    "origin_user_id": "user.id",
                    "event_key": f"'{EVENT_KEY}'",
                    "value": "order.total",
                    "purchase_order_num": "order.id",
                },
            },
        ],
    )


async def test_each_event_ends_where_it_must_exactly_once(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """Ledgers + dead letters = what was produced; batches within the limits and full; committed = end offsets."""
    topics = {name: topic_factory(PARTITIONS, prefix=name) for name in ("orders", "games")}
    letters = topic_factory(1, prefix="letters")
    made = _events()
    _produce(broker.bootstrap, topics, made)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with (
        MyTrackerSimulator(token=TOKEN, app_id=666) as mytracker,
        SailPlaySimulator(token=TOKEN, store_department_id=11) as sailplay,
    ):
        urls = {"mytracker": mytracker.url, "sailplay": sailplay.url}
        settings = _settings(broker.bootstrap, topics, letters, urls, token)
        async with RunningConnector(tmp_path, settings) as connector:

            async def committed() -> bool:
                return all(_caught_up(broker.bootstrap, f"{letters}.{sink}", topics[name]) for sink, name in READ)

            await until(committed, seconds=60, what="committed offsets equal end offsets")
            assert await connector.stop() == 0, connector.log.read_text()[-3000:]
        summary = mytracker.ledger.summary()
        accepted = Counter(_mark(entry.item) for entry in mytracker.ledger)
        fired = Counter(entry.item["purchase_order_num"] for entry in sailplay.ledger)

    assert accepted == Counter(each.mytracker for each in made if each.mytracker)
    assert fired == Counter(each.sailplay for each in made if each.sailplay)
    assert Counter(_letters(broker.bootstrap, letters)) == Counter(
        (topics[each.topic], each.key, each.value, *letter) for each in made for letter in each.letters
    )
    assert summary["max_items"] <= 20
    assert summary["max_bytes"] <= 10_000
    assert summary["duplicates"] == 0
    assert set(summary["by_status"]) == {"200"}
    assert summary["mean_items"] > 15
    assert TOKEN not in connector.log.read_text()


def _mark(item: dict[str, Any]) -> str:
    return str(item["idTransaction"]) if "idTransaction" in item else f"g{item['customEventParams']['n']}"


def _produce(bootstrap: str, topics: dict[str, str], made: list[Made]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    for each in made:
        producer.produce(topics[each.topic], value=each.value, key=each.key)
        producer.poll(0)
    assert producer.flush(30) == 0


def _caught_up(bootstrap: str, group: str, topic: str) -> bool:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return all(
            each.offset == consumer.get_watermark_offsets(each, timeout=10)[1]
            for each in consumer.committed(partitions, timeout=10)
        )
    except KafkaException as error:
        # A broker that has just started may still be loading the group's offsets.
        if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_COORDINATOR:
            raise
        return False
    finally:
        consumer.close()


def _letters(bootstrap: str, topic: str) -> Iterator[tuple[str, bytes | None, bytes | None, str, str]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        for _ in range(end):
            message = consumer.poll(10)
            assert message is not None
            record = record_of(message)
            texts = {name: value.decode() for name, value in record.headers if value is not None}
            yield (
                texts["__connect.errors.topic"],
                record.key,
                record.value,
                texts["connector.sink"],
                texts["connector.reason"],
            )
    finally:
        consumer.close()
