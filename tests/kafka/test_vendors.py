"""The service on a real broker before vendors that leave things open, lose answers, expire tokens; many accounts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.switches import MyTrackerSwitches, SailPlaySwitches
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory
from tests.support.vendors import REFUSED_ADDRESS, TOKEN, PickyMyTracker, Vendors

SUM = "85783d035a716769502775afa287fce17040afe1"
FLAG = "8bd3ede30c49139a9410daf3c42329d40722b0c5"
MOMENT = "2026-01-02T03:04:05Z"
Sinks = Mapping[str, Mapping[str, Any]]

pytestmark = pytest.mark.kafka


def produce(broker: Broker, topic: str, events: Iterable[Mapping[str, Any]]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 20})
    for event in events:
        producer.produce(topic, json.dumps(event).encode(), str(event["user"]).encode())
    assert producer.flush(30) == 0


def settings(
    broker: Broker, topic: str, letters: str, sinks: Sinks, routes: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return configuration(
        broker.bootstrap, group=letters, dead_letters=letters, topics={topic: {}}, sinks=sinks,
        routes=[{"from": topic, **route} for route in routes],
    )  # fmt: skip


async def settled(connector: RunningConnector, expected: Mapping[str, int], seconds: float = 45) -> dict[str, Any]:
    """Wait until each sink has settled so many events; what became of them."""
    counts: dict[str, Any] = {}

    async def all_are() -> bool:
        for name in expected:
            counts[name] = (await connector.sink(name) or {"counts": {"delivered": 0, "dead_lettered": {}}})["counts"]
        return all(
            counts[name]["delivered"] + sum(counts[name]["dead_lettered"].values()) >= number
            for name, number in expected.items()
        )

    await until(all_are, seconds=seconds, what=f"all settled ({expected})")
    return {name: (each["delivered"], each["dead_lettered"]) for name, each in counts.items()}


LOGINS, PAYMENTS, FIRES = 60, 20, 20


def _events() -> list[dict[str, Any]]:
    """Logins with numbers as texts, one from no address and one that is large; payments; fires, one without a value."""
    logins = [{"type": "login", "user": f"u{n}", "age": "25", "ip": REFUSED_ADDRESS if n == 7 else "127.0.0.1",
               "agent": "M" * (2048 if n == 9 else 20)} for n in range(LOGINS)]  # fmt: skip
    payments = [{"type": "paid", "user": f"u{n}", "order": f"o{n}", "total": 1.5} for n in range(PAYMENTS)]
    fires = [{"type": "bonus", "user": f"c{n}", "value": None if n == 7 else n + 1} for n in range(FIRES)]
    return [*logins, *payments, *fires]


def _routes(name: str, kind: str) -> list[dict[str, Any]]:
    if kind == "sailplay":
        fields = {"origin_user_id": "user", "event_key": f"'{SUM}'", "value": "value"}
        return [{"to": f"{name}.fire", "when": "type == 'bonus'", "fields": fields}]
    login = {"customUserId": "user", "age": "age", "ipv4": "ip", "userAgent": "agent"}
    payment = {"customUserId": "user", "idTransaction": "order", "currency": "'USD'", "total": "total",
               "eventTimestamp": f"unix('{MOMENT}')"}  # fmt: skip
    return [
        {"to": f"{name}.login", "when": "type == 'login'", "fields": login},
        {"to": f"{name}.customRevenue", "when": "type == 'paid'", "fields": payment},
    ]


MYTRACKER = {
    "as-documented": MyTrackerSwitches(),
    "oversize-400": MyTrackerSwitches(max_bytes=2000, oversize="400"),
    "oversize-413": MyTrackerSwitches(max_bytes=2000, oversize="413"),
    "unknown-fields": MyTrackerSwitches(unknown_fields="accept"),
    "no-numeric-texts": MyTrackerSwitches(numeric_texts="refuse"),
    "partial": MyTrackerSwitches(refused_batch="partial"),
    "partial-once": MyTrackerSwitches(refused_batch="partial", id_transaction="once"),
    "slow": MyTrackerSwitches(rate=8),
    "no-probes": MyTrackerSwitches(probes="absent"),
}
SAILPLAY = {
    "as-said": SailPlaySwitches(),
    "gentle": SailPlaySwitches(rate=10),
    "unlimited": SailPlaySwitches(rate=0),
    "expiring": SailPlaySwitches(token_seconds=1),
    "code-text": SailPlaySwitches(status_code="text"),
    "code-absent": SailPlaySwitches(status_code="absent"),
    "late-clients": SailPlaySwitches(client_after=1),
}


async def test_the_service_delivers_under_every_switch(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """One process, a sink for each answer that the vendors' documents leave open."""
    topic, letters = topic_factory(2, prefix="events"), topic_factory(1, prefix="letters")
    produce(broker, topic, _events())
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        for name, switches in MYTRACKER.items():
            # A vendor that counts the requests it refuses is outwaited, not outrun.
            patient = {"retry": {"initial": "200ms", "max": "2s"}} if switches.rate else {}
            await vendors.mytracker(name, PickyMyTracker(switches=switches), **patient)
        for name, of in SAILPLAY.items():
            token = vendors.login() if name == "expiring" else TOKEN
            heal = {-4000: "1m"} if name == "late-clients" else {}
            await vendors.sailplay(name, SailPlaySimulator(switches=of), token, retry_codes=heal)
        routes = [route for name, of in vendors.sinks.items() for route in _routes(name, of["kind"])]
        wanted = dict.fromkeys(MYTRACKER, LOGINS + PAYMENTS) | dict.fromkeys(SAILPLAY, FIRES)
        async with RunningConnector(tmp_path, settings(broker, topic, letters, vendors.sinks, routes)) as connector:
            ended = await settled(connector, wanted)
            assert await connector.stop() == 0
        sent = {name: Counter(_mark(entry.item) for entry in of.ledger) for name, of in vendors.simulators.items()}
        statuses = {name: of.ledger.summary()["by_status"] for name, of in vendors.simulators.items()}

    users = {f"u{n}" for n in range(LOGINS)} - {"u7"} | {f"o{n}" for n in range(PAYMENTS)}
    for name in MYTRACKER:
        small = name.startswith("oversize")
        assert sent[name].keys() == users - ({"u9"} if small else set()), name
        assert ended[name] == (len(sent[name]), {"refused": 1 + small}), name
        twice = [mark for mark, times in sent[name].items() if times > 1]
        assert not twice or name.startswith("partial"), name
        assert name != "partial-once" or not any(mark.startswith("o") for mark in twice)
    for name in SAILPLAY:
        assert sent[name] == Counter(f"c{n}" for n in range(FIRES) if n != 7), name
        assert ended[name] == (FIRES - 1, {"refused": 1}), name
    assert statuses["oversize-413"]["413"] > 0
    assert statuses["slow"]["429"] > 0


def _mark(item: Mapping[str, Any]) -> str:
    return str(item.get("idTransaction") or item.get("customUserId") or item["origin_user_id"])


async def test_points_are_counted_where_answers_are_lost_and_tokens_expire(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """Of every fire's answer a third is lost, half of those after the points were given, under both policies; beside
    that a token from login that expires at least three times during the run."""
    topic, letters = topic_factory(2, prefix="events"), topic_factory(1, prefix="letters")
    clients = [f"c{n}" for n in range(90)]
    produce(broker, topic, [{"user": client} for client in clients])
    applied, lost = clients[::6], clients[3::6]
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        for policy in ("retry", "dead_letter"):
            simulator = SailPlaySimulator(switches=SailPlaySwitches(rate=0))
            kinds = ({"kind": "reset"}, {"kind": "status", "status": 502}, {"kind": "half_body"})
            for apply, some in (("after", applied), ("before", lost)):
                simulator.order(
                    [kinds[n % 3] | {"apply": apply, "match": {"contains": f"origin_user_id={client}&"}}
                     for n, client in enumerate(some)]
                )  # fmt: skip
            await vendors.sailplay(policy, simulator, rate="200/s", on_unknown_outcome=policy)
        expiring = SailPlaySimulator(switches=SailPlaySwitches(token_seconds=1))
        await vendors.sailplay("expiring", expiring, vendors.login(), rate="25/s")
        fields = {"origin_user_id": "user", "event_key": f"'{FLAG}'"}
        routes = [{"to": f"{name}.fire", "fields": fields} for name in vendors.sinks]
        async with RunningConnector(tmp_path, settings(broker, topic, letters, vendors.sinks, routes)) as connector:
            ended = await settled(connector, dict.fromkeys(vendors.sinks, len(clients)))
            assert await connector.stop() == 0
        shown = [await _show(tmp_path, f"{letters}/0/{number}") for number in range(3)]
        points = {
            name: {user: times for (_, user, _), times in of.fires_of_users().items()}
            for name, of in vendors.simulators.items()
        }
        logins = len(expiring.tokens) - 1  # the one it begins with
        refused = expiring.ledger.summary()["last_refusals"]
    once = dict.fromkeys(clients, 1)
    assert points["retry"] == once | dict.fromkeys(applied, 2)
    assert ended["retry"] == (90, {})
    assert points["dead_letter"] == {client: 1 for client in clients if client not in lost}
    assert ended["dead_letter"] == (60, {"ambiguous": 30})
    for letter in shown:
        (item,) = letter["today"]["items"]
        assert item["fired"]["times"] == (letter["value"]["user"] in applied)
    assert points["expiring"] == once
    assert ended["expiring"] == (90, {})
    assert logins >= 4
    assert {each["reason"] for each in refused} == {"Token expired"}


async def _show(directory: Path, letter: str) -> Any:
    """`connector dlq show` of this letter, which asks SailPlay whether its fire took effect."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connector", "dlq", "show", letter),
        *("--config", str(directory / "connector.yaml"), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return json.loads(said)


async def test_many_accounts_have_everything_of_their_own(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """Two apps and two departments: tokens, groups and offsets of their own; a refused token stops one."""
    topic, letters = topic_factory(1, prefix="events"), topic_factory(1, prefix="letters")
    produce(broker, topic, [{"user": f"u{n}", "brand": "red" if n % 2 else "blue"} for n in range(40)])
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        await vendors.mytracker("red-app", MyTrackerSimulator(token="red", app_id=1), "red", app_id=1)  # noqa: S106
        await vendors.mytracker("blue-app", MyTrackerSimulator(token="blue", app_id=2), "stale", app_id=2)  # noqa: S106
        red = SailPlaySimulator(token="red", store_department_id=11)  # noqa: S106
        blue = SailPlaySimulator(token="blue", store_department_id=12)  # noqa: S106
        await vendors.sailplay("red-shop", red, "red", store_department_id=11)
        await vendors.sailplay("blue-shop", blue, "blue", store_department_id=12)
        fields = {"app": {"customUserId": "user"}, "shop": {"origin_user_id": "user", "event_key": f"'{FLAG}'"}}
        routes = [
            {"to": f"{brand}-{what}.{method}", "when": f"brand == '{brand}'", "fields": fields[what]}
            for brand in ("red", "blue")
            for what, method in (("app", "login"), ("shop", "fire"))
        ]
        async with RunningConnector(tmp_path, settings(broker, topic, letters, vendors.sinks, routes)) as connector:
            await settled(connector, {"red-app": 20, "red-shop": 20, "blue-shop": 20})

            async def caught_up() -> bool:
                return all(_committed(broker, f"{letters}.{name}", topic) == 40 for name in vendors.sinks
                           if name != "blue-app")  # fmt: skip

            await until(caught_up, seconds=20, what="the well sinks have committed")
            blue_app = await connector.sink("blue-app")
            assert (blue_app["state"], blue_app["counts"]["delivered"]) == ("misconfigured", 0)
            assert _committed(broker, f"{letters}.blue-app", topic) < 40
            vendors.secret("blue-app", "blue")
            await settled(connector, {"blue-app": 20})
            assert await connector.stop() == 0
        sent = {name: [_mark(entry.item) for entry in of.ledger] for name, of in vendors.simulators.items()}
    for name, users in sent.items():
        assert users == [f"u{n}" for n in range(40) if n % 2 == (name.startswith("red"))], name


def _committed(broker: Broker, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    try:
        return int(consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset)
    finally:
        consumer.close()


async def test_a_wrong_event_key_is_said_at_the_start_and_delays_nothing(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """events/list hangs at first: events are delivered meanwhile. Then the log and /status say what is wrong."""
    topic, letters = topic_factory(1, prefix="events"), topic_factory(1, prefix="letters")
    produce(broker, topic, [{"user": f"u{n}"} for n in range(10)])
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        simulator = SailPlaySimulator()
        simulator.order({"kind": "hang", "times": "until_reset", "match": {"method": "events/list"}})
        await vendors.sailplay("sailplay", simulator, timeout="1s")
        key = {"good": f"'{FLAG}'", "typo": "'no-such-key'", "sum": f"'{SUM}'"}
        routes = [
            {"name": name, "to": "sailplay.fire", "when": None if name == "good" else "user == 'nobody'",
             "fields": {"origin_user_id": "user", "event_key": key[name]}}
            for name in key
        ]  # fmt: skip
        routes = [{name: value for name, value in route.items() if value is not None} for route in routes]
        async with RunningConnector(tmp_path, settings(broker, topic, letters, vendors.sinks, routes)) as connector:
            assert await settled(connector, {"sailplay": 10}) == {"sailplay": (10, {})}
            assert (await connector.sink("sailplay"))["warnings"] == []
            simulator.faults.clear()

            async def warned() -> bool:
                return bool((await connector.sink("sailplay"))["warnings"])

            await until(warned, seconds=20, what="/status warns")
            shown = await connector.sink("sailplay")
            assert await connector.stop() == 0
        log = [json.loads(line) for line in connector.log.read_text().splitlines() if line.startswith("{")]
    assert [each["path"] for each in shown["warnings"]] == ["routes[1].fields.event_key", "routes[2].fields.value"]
    assert shown["vendor_events"] == {FLAG: "Регистрация на сайте (flag)", SUM: "Оплата заказа (sum)"}
    said = [line for line in log if line.get("path")]
    assert [line["path"] for line in said] == [each["path"] for each in shown["warnings"]]
    assert "'no-such-key' is no event of this department" in said[0]["what"]
