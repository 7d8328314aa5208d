"""Dead letters on a real broker: `connector dlq` in processes of its own, between the service and a strict vendor."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from connector.deadletters.letter import failed_record, read_letter
from connector.deadletters.reader import TopicReader
from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import until
from tests.support.dead_letters import Desk, ended
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

OLD = {"customUserId": "user.id", "customEventName": "name"}
NEW = {"customUserId": "user.id || user_id", "customEventName": "name"}
# What one process may have under way at a vendor, a fifth of the default 32 places and 20 events each.
IN_FLIGHT = 6 * 20


@pytest.fixture
async def vendor() -> AsyncIterator[MyTrackerSimulator]:
    async with MyTrackerSimulator() as simulator:
        yield simulator


@pytest.fixture
def desk(broker: Broker, topic_factory: TopicFactory, tmp_path: Path, vendor: MyTrackerSimulator) -> Desk:
    return Desk(broker, topic_factory, tmp_path, vendor)


def unmappable(number: int) -> tuple[bytes, Any]:
    """An event that OLD cannot map and NEW can."""
    return f"k{number % 7}".encode(), {"type": "level.up", "user_id": f"u{number}", "name": "level"}


def letters_of(desk: Desk, count: int) -> None:
    """This many dead letters."""
    desk.bury(desk.settings(OLD), (unmappable(number) for number in range(count)))


def refusing(text: str, times: Any = "until_reset") -> dict[str, Any]:
    """An order to the vendor: refuse what contains this text."""
    body = {"error": f"Bad Request for {text}"}
    return {"kind": "status", "status": 400, "body": body, "times": times, "match": {"contains": text}}


async def test_a_fixed_mapping_is_a_fix_for_the_dead_and_nothing_is_sent_twice(desk: Desk) -> None:
    letters_of(desk, 60)
    old, new = str(desk.write(desk.settings(OLD))), str(desk.write(desk.settings(NEW)))
    still_failing = await desk.dlq("replay", "--config", old, "--json")
    assert (still_failing.status, still_failing.json["unmappable"], desk.vendor.ledger.events) == (1, 60, 0)

    canary = await desk.dlq("replay", "--config", new, "--limit", "20", "--json")
    assert (canary.status, canary.json["accepted"], desk.vendor.ledger.events) == (0, 20, 20)
    rest = await desk.dlq("replay", "--config", new, "--json")
    assert (rest.status, rest.json["accepted"]) == (0, 40)
    again = await desk.dlq("replay", "--config", new, "--json")
    assert (again.status, again.json["selected"]) == (0, 0)
    assert desk.accepted() == {f"u{number}": 1 for number in range(60)}


async def test_a_dry_run_sends_nothing_writes_nothing_and_says_what_would_pass(desk: Desk) -> None:
    desk.bury(desk.settings(OLD), [*(unmappable(number) for number in range(30)), (b"x", b"{broken")])
    plan = await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))), "--dry-run", "--json")
    assert (plan.status, plan.json["passing"], plan.json["failing"]) == (0, 30, 1)
    assert plan.json["sinks"]["mytracker"]["requests"] == 2
    assert desk.vendor.ledger.requests == 0
    topics = AdminClient({"bootstrap.servers": desk.broker.bootstrap}).list_topics(timeout=20).topics
    assert desk.receipts not in topics


async def test_the_receipts_topic_is_made_and_compacted(desk: Desk) -> None:
    letters_of(desk, 3)
    assert (await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))))).status == 0
    admin = AdminClient({"bootstrap.servers": desk.broker.bootstrap})
    resource = ConfigResource(ConfigResource.Type.TOPIC, desk.receipts)
    assert admin.describe_configs([resource])[resource].result()["cleanup.policy"].value == "compact"


async def test_a_receipts_topic_that_would_forget_is_refused_with_the_command_that_mends_it(
    desk: Desk, admin: AdminClient
) -> None:
    letters_of(desk, 1)
    admin.create_topics([NewTopic(desk.receipts, 1, 1)])[desk.receipts].result()
    refused = await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))))
    assert refused.status == 1
    assert "kafka-configs.sh" in refused.err
    assert desk.vendor.ledger.requests == 0


async def test_what_is_refused_again_becomes_a_new_letter_that_is_open_and_counts_its_replays(desk: Desk) -> None:
    letters_of(desk, 40)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.order(refusing('"u7"'))
    first = await desk.dlq("replay", "--config", config, "--json")
    assert (first.status, first.json["accepted"], first.json["refused"]) == (1, 39, 1)

    summary = (await desk.dlq("summary", "--config", config, "--json")).json
    (group,) = summary["groups"]
    assert (summary["open"], group["reason"], group["open"]) == (1, "refused", 1)
    shown = (await desk.dlq("show", group["example"], "--config", config, "--json")).json
    assert [failure["replays"] for failure in shown["failures"]] == [0, 1]
    assert shown["receipts"][-1]["what"] == "refused"

    desk.vendor.faults.clear()
    second = await desk.dlq("replay", "--config", config, "--json")
    assert (second.status, second.json["accepted"]) == (0, 1)
    assert desk.accepted() == {f"u{number}": 1 for number in range(40)}


async def test_a_new_letter_is_its_record_byte_for_byte(desk: Desk) -> None:
    headers = [("connector.route", b"not ours"), ("trace", b"\xff\x00")]
    desk.bury(desk.settings(OLD), [(b"\x00key", b'{ "user_id":"u7",  "name":"level" }')], tuple(headers))
    desk.vendor.order(refusing('"u7"'))
    assert (await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))))).status == 1
    with TopicReader({"bootstrap.servers": desk.broker.bootstrap}, desk.letters) as reader:
        messages = [message for chunk in reader.read() for message in chunk]
    letters = [read_letter(message) for message in messages]
    records = [failed_record(letter, message) for letter, message in zip(letters, messages, strict=True) if letter]
    assert [letter.replays for letter in letters if letter] == [0, 1]
    assert records[0] == records[1]
    assert records[1].value == b'{ "user_id":"u7",  "name":"level" }'
    assert records[1].key == b"\x00key"
    assert records[1].headers == tuple(headers)
    assert records[1].timestamp == 1_700_000_000_000


async def test_a_letter_that_comes_after_its_receipt_is_open_again(desk: Desk) -> None:
    """An operator sets the offsets back: the event fails once more, and that is news."""
    letters_of(desk, 5)
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("replay", "--config", config)).status == 0
    letters_of(desk, 5)
    summary = (await desk.dlq("summary", "--config", config, "--json")).json
    assert (summary["open"], summary["records"]) == (5, 10)


async def test_a_letter_written_twice_is_one(desk: Desk) -> None:
    letters_of(desk, 1)
    letters_of(desk, 1)
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 1
    assert (await desk.dlq("replay", "--config", config, "--json")).json["accepted"] == 1
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 0
    assert desk.accepted() == {"u0": 1}


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_second_replay_is_refused_at_once_and_the_first_goes_on(
    desk: Desk, admin: AdminClient, partitions: int
) -> None:
    """However many partitions an operator gave the receipts topic, on which the lock stands."""
    topic = NewTopic(desk.receipts, partitions, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([topic])[desk.receipts].result()
    letters_of(desk, 60)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.reset({"latency_ms": 3000})
    first = await desk.start("replay", "--config", config, "--json")
    await until(lambda: _some_in_flight(desk), seconds=30, what="the first replay sends")
    second = await desk.dlq("replay", "--config", config)
    assert second.status == 1
    assert "another replay is running" in second.err
    assert (await ended(first)).json["accepted"] == 60
    assert desk.accepted() == {f"u{number}": 1 for number in range(60)}


async def test_a_killed_replay_is_resumed_and_at_most_what_was_in_flight_is_sent_twice(desk: Desk) -> None:
    letters_of(desk, 600)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.reset({"latency_ms": 100})
    killed = await desk.start("replay", "--config", config)
    await until(lambda: _accepted_some(desk, 200), seconds=30, what="200 accepted")
    killed.kill()
    await killed.wait()
    resumed = await desk.dlq("replay", "--config", config, "--json")
    assert resumed.status == 0, resumed.err
    accepted = desk.accepted()
    assert set(accepted) == {f"u{number}" for number in range(600)}
    assert accepted.total() - 600 <= IN_FLIGHT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_what_is_left_is_said_and_nothing_is_sent_twice(
    desk: Desk, number: signal.Signals
) -> None:
    letters_of(desk, 400)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.reset({"latency_ms": 100})
    stopped = await desk.start("replay", "--config", config)
    await until(lambda: _accepted_some(desk, 100), seconds=30, what="100 accepted")
    stopped.send_signal(number)
    end = await ended(stopped)
    left = 400 - desk.vendor.ledger.events
    assert end.status == 1
    assert f"{left} letters not answered for" in end.err
    assert (await desk.dlq("replay", "--config", config, "--json")).json["selected"] == left
    assert desk.accepted() == {f"u{each}": 1 for each in range(400)}


async def test_it_stops_by_itself_when_too_many_are_refused_again(desk: Desk) -> None:
    letters_of(desk, 300)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.order(refusing("u"))
    end = await desk.dlq("replay", "--config", config, "--max-failures", "10%", "--json")
    assert end.status == 1
    assert "more than --max-failures allows" in end.json["stopped"]
    assert 20 <= end.json["refused"] < 300
    assert end.json["refused"] + end.json["remaining"] == 300
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 300


async def test_the_new_group_protocol_in_the_configuration_does_not_disturb_a_replay(desk: Desk) -> None:
    letters_of(desk, 3)
    config = str(desk.write(desk.settings(NEW, kafka={"group.protocol": "consumer"})))
    assert (await desk.dlq("replay", "--config", config)).status == 0
    assert desk.accepted() == {f"u{number}": 1 for number in range(3)}


async def test_the_events_of_a_key_are_sent_in_their_order(desk: Desk) -> None:
    letters_of(desk, 200)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.order(refusing('"u14"'))  # its letter moves behind those of later events of its key
    await desk.dlq("replay", "--config", config, "--limit", "100")
    desk.vendor.faults.clear()
    before = desk.vendor.ledger.events
    assert (await desk.dlq("replay", "--config", config)).status == 0
    for key in range(7):
        sent = [int(entry.item["customUserId"][1:]) for entry in desk.vendor.ledger.after(before)]
        of_key = [number for number in sent if number % 7 == key]
        assert of_key == sorted(of_key)


async def test_an_event_that_had_not_come_to_a_route_is_routed_anew_and_closed_when_all_its_routes_are(
    desk: Desk, tmp_path: Path
) -> None:
    strict, lenient = tmp_path / "strict.json", tmp_path / "lenient.json"
    strict.write_text(json.dumps({"required": ["absent"]}))
    lenient.write_text("{}")
    settings = desk.settings(NEW)
    settings["routes"] += [{"from": desk.events, "to": "mytracker.login", "fields": {"customUserId": "user_id"}}]
    settings["topics"] = {desk.events: {"schema": str(strict)}}
    desk.bury(settings, (unmappable(number) for number in range(3)))
    settings["topics"] = {desk.events: {"schema": str(lenient)}}
    config = str(desk.write(settings))
    desk.vendor.order({**refusing('"u1"'), "match": {"method": "loginBatch", "contains": '"u1"'}})
    desk.vendor.order({**refusing('"u1"'), "match": {"method": "login", "contains": '"u1"'}})
    first = await desk.dlq("replay", "--config", config, "--json")
    assert (first.json["accepted"], first.json["refused"]) == (2, 1)
    assert desk.accepted() == {"u0": 2, "u1": 1, "u2": 2}
    (group,) = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    assert (group["method"], group["reason"], group["open"]) == ("login", "refused", 1)
    desk.vendor.faults.clear()
    assert (await desk.dlq("replay", "--config", config)).status == 0
    assert desk.accepted() == {"u0": 2, "u1": 2, "u2": 2}


async def test_each_groups_command_replays_that_group_alone(desk: Desk) -> None:
    events = [{"type": "it's", "user_id": "u1", "name": "n"}, {"type": "other", "user_id": "u2", "name": "n"}]
    desk.bury(desk.settings(OLD), [(b"a", event) for event in events])
    config = str(desk.write(desk.settings(NEW)))
    groups = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    (wanted,) = (group for group in groups if group["type"] == "it's")
    assert (await desk.dlq(*shlex.split(wanted["replay"])[2:])).status == 0
    assert desk.accepted() == {"u1": 1}


async def test_discarded_letters_are_not_sent_and_the_reason_is_kept(desk: Desk) -> None:
    letters_of(desk, 4)
    config = str(desk.write(desk.settings(NEW)))
    end = await desk.dlq("discard", "--config", config, "--because", "a load test", "--json")
    assert (end.status, end.json) == (0, {"discarded": 4})
    assert (await desk.dlq("replay", "--config", config, "--json")).json["selected"] == 0
    summary = (await desk.dlq("summary", "--config", config, "--all", "--json")).json
    assert (summary["open"], summary["discarded"]) == (0, 4)
    shown = (await desk.dlq("show", summary["groups"][0]["example"], "--config", config, "--json")).json
    assert (shown["state"], shown["receipts"][-1]["why"]) == ("discarded", "a load test")


async def test_what_redact_names_is_in_nothing_that_is_shown(desk: Desk) -> None:
    event = {"user_id": "u1", "name": "n", "mail": "anna@example.com"}
    desk.bury(desk.settings(OLD), [(b"anna@example.com", event)], (("mail", b"anna@example.com"),))
    fields = {**NEW, "customEventParams": {"to": "mail", "hash": "sha256(mail)"}}
    config = str(desk.write(desk.settings(fields, redact=["mail"])))
    shown = await desk.dlq("show", f"{desk.events}/0/0", "--config", config, "--json")
    assert "anna" not in shown.out
    assert shown.json["today"]["items"][0]["body"]["customEventParams"] == {"to": "•••", "hash": "•••"}
    assert "anna" not in (await desk.dlq("show", f"{desk.events}/0/0", "--config", config)).out
    export = await desk.dlq("export", "--config", config)
    assert "anna" not in export.out
    assert export.json["value"]["user_id"] == "u1"
    assert "anna" in (await desk.dlq("export", "--config", config, "--unredacted")).out


async def test_the_vendors_words_are_in_the_letter_without_the_events_values(desk: Desk) -> None:
    desk.vendor.order(refusing("u12345"))
    config = str(desk.write(desk.settings(NEW)))
    desk.bury(desk.settings(OLD), [(b"k", {"user_id": "u12345", "name": "level"})])
    assert (await desk.dlq("replay", "--config", config)).status == 1
    (group,) = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    assert "Bad Request for •••" in group["message"]


async def test_the_time_of_the_record_is_mapped_and_not_the_letters(desk: Desk) -> None:
    desk.bury(desk.settings(OLD), [unmappable(1)], timestamp=1_600_000_000_999)
    fields = {**NEW, "eventTimestamp": "timestamp()"}
    assert (await desk.dlq("replay", "--config", str(desk.write(desk.settings(fields))))).status == 0
    assert [entry.item["eventTimestamp"] for entry in desk.vendor.ledger] == [1_600_000_000]


async def test_records_that_are_no_letters_are_counted_and_left_alone(desk: Desk) -> None:
    letters_of(desk, 1)
    producer = Producer({"bootstrap.servers": desk.broker.bootstrap})
    producer.produce(desk.letters, b"from somebody else", headers=[("__connect.errors.topic", b"t")])
    assert producer.flush(30) == 0
    config = str(desk.write(desk.settings(NEW)))
    summary = (await desk.dlq("summary", "--config", config, "--json")).json
    assert (summary["open"], summary["foreign"]) == (1, 1)
    assert (await desk.dlq("replay", "--config", config)).status == 0


async def test_mistakes_are_said_in_a_sentence(desk: Desk) -> None:
    settings = desk.settings(NEW)
    config = str(desk.write(settings))
    wrong = await desk.dlq("show", "nowhere", "--config", config)
    assert (wrong.status, "topic/partition/offset" in wrong.err) == (2, True)
    wrong = await desk.dlq("summary", "--config", config, "--reason", "odd", "--since", "yesterday")
    assert (wrong.status, "--reason" in wrong.err, "--since" in wrong.err) == (2, True, True)
    nothing = await desk.dlq("show", f"{desk.letters}/0/7", "--config", config)
    assert (nothing.status, "no dead letter lies there" in nothing.err) == (1, True)
    absent = await desk.dlq("summary", "--config", str(desk.write({**settings, "dead_letters": "absent"})))
    assert (absent.status, "topic absent does not exist" in absent.err) == (1, True)


async def _some_in_flight(desk: Desk) -> bool:
    await asyncio.sleep(0)
    return desk.vendor.ledger.in_flight > 0


async def _accepted_some(desk: Desk, count: int) -> bool:
    await asyncio.sleep(0)
    return desk.vendor.ledger.events >= count
