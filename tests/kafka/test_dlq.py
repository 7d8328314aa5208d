"""Dead letters on a real broker: `connector dlq` in processes of its own, between the service and a strict vendor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from connector.kafka.dead_letter import failed_record, read_letter
from connector.kafka.topic_reader import TopicReader
from tests.support.dead_letters import NEW, OLD, Desk, refusing, unmappable

pytestmark = pytest.mark.kafka


async def test_a_fixed_mapping_is_a_fix_for_the_dead_and_nothing_is_sent_twice(desk: Desk) -> None:
    desk.bury_unmappable(60)
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
    desk.bury_unmappable(3)
    assert (await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))))).status == 0
    admin = AdminClient({"bootstrap.servers": desk.broker.bootstrap})
    resource = ConfigResource(ConfigResource.Type.TOPIC, desk.receipts)
    assert admin.describe_configs([resource])[resource].result()["cleanup.policy"].value == "compact"


@pytest.mark.parametrize("command", [("replay", "--yes"), ("discard", "--yes", "--because", "a test")])
async def test_a_misspelt_dead_letter_topic_is_named_and_makes_no_receipts_topic(
    desk: Desk, admin: AdminClient, command: tuple[str, ...]
) -> None:
    config = desk.write(desk.settings(NEW) | {"dead_letters": f"{desk.letters}.typo"})
    refused = await desk.dlq(*command, "--config", str(config))
    assert refused.status == 1
    assert refused.err == f"topic {desk.letters}.typo does not exist: create it, or check dead_letters\n"
    assert not [name for name in admin.list_topics(timeout=20).topics if name.startswith(f"{desk.letters}.typo")]


async def test_a_receipts_topic_that_would_forget_is_refused_with_the_command_that_mends_it(
    desk: Desk, admin: AdminClient
) -> None:
    desk.bury_unmappable(1)
    admin.create_topics([NewTopic(desk.receipts, 1, 1)])[desk.receipts].result()
    refused = await desk.dlq("replay", "--config", str(desk.write(desk.settings(NEW))))
    assert refused.status == 1
    assert "kafka-configs.sh" in refused.err
    assert desk.vendor.ledger.requests == 0


async def test_what_is_refused_again_becomes_a_new_letter_that_is_open_and_counts_its_replays(desk: Desk) -> None:
    desk.bury_unmappable(40)
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


async def test_the_new_group_protocol_in_the_configuration_does_not_disturb_a_replay(desk: Desk) -> None:
    desk.bury_unmappable(3)
    config = str(desk.write(desk.settings(NEW, kafka={"group.protocol": "consumer"})))
    assert (await desk.dlq("replay", "--config", config)).status == 0
    assert desk.accepted() == {f"u{number}": 1 for number in range(3)}


async def test_the_events_of_a_key_are_sent_in_their_order(desk: Desk) -> None:
    desk.bury_unmappable(200)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.order(refusing('"u14"'))  # its letter moves behind those of later events of its key
    await desk.dlq("replay", "--config", config, "--limit", "100")
    desk.vendor.faults.clear()
    before = desk.vendor.ledger.events
    assert (await desk.dlq("replay", "--config", config)).status == 0
    for key in range(7):
        sent = [int(entry.item["customUserId"][1:]) for entry in desk.vendor.ledger.entries_after(before)]
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
    desk.vendor.order(refusing('"u1"', method="loginBatch"))
    desk.vendor.order(refusing('"u1"', method="login"))
    first = await desk.dlq("replay", "--config", config, "--json")
    assert (first.json["accepted"], first.json["refused"]) == (2, 1)
    assert desk.accepted() == {"u0": 2, "u1": 1, "u2": 2}
    (group,) = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    assert (group["method"], group["reason"], group["open"]) == ("login", "refused", 1)
    desk.vendor.faults.clear()
    assert (await desk.dlq("replay", "--config", config)).status == 0
    assert desk.accepted() == {"u0": 2, "u1": 2, "u2": 2}


async def test_the_time_of_the_record_is_mapped_and_not_the_letters(desk: Desk) -> None:
    desk.bury(desk.settings(OLD), [unmappable(1)], timestamp=1_600_000_000_999)
    fields = {**NEW, "eventTimestamp": "timestamp()"}
    assert (await desk.dlq("replay", "--config", str(desk.write(desk.settings(fields))))).status == 0
    assert [entry.item["eventTimestamp"] for entry in desk.vendor.ledger] == [1_600_000_000]
