"""Dead letters on a real broker, as `connector dlq` shows, counts and discards them."""

from __future__ import annotations

import shlex

import pytest
from confluent_kafka import Producer

from tests.support.dead_letters import NEW, OLD, Desk, refusing

pytestmark = pytest.mark.kafka


async def test_a_letter_that_comes_after_its_receipt_is_open_again(desk: Desk) -> None:
    """An operator sets the offsets back: the event fails once more, and that is news."""
    desk.bury_unmappable(5)
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("replay", "--config", config)).status == 0
    desk.bury_unmappable(5)
    summary = (await desk.dlq("summary", "--config", config, "--json")).json
    assert (summary["open"], summary["records"]) == (5, 10)


async def test_a_letter_written_twice_is_one(desk: Desk) -> None:
    desk.bury_unmappable(1)
    desk.bury_unmappable(1)
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 1
    assert (await desk.dlq("replay", "--config", config, "--json")).json["accepted"] == 1
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 0
    assert desk.accepted() == {"u0": 1}


async def test_each_groups_command_replays_that_group_alone(desk: Desk) -> None:
    events = [{"type": "it's", "user_id": "u1", "name": "n"}, {"type": "other", "user_id": "u2", "name": "n"}]
    desk.bury(desk.settings(OLD), [(b"a", event) for event in events])
    config = str(desk.write(desk.settings(NEW)))
    groups = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    (wanted,) = (group for group in groups if group["type"] == "it's")
    assert (await desk.dlq(*shlex.split(wanted["replay"])[2:])).status == 0
    assert desk.accepted() == {"u1": 1}


async def test_discarded_letters_are_not_sent_and_the_reason_is_kept(desk: Desk) -> None:
    desk.bury_unmappable(4)
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


async def test_records_that_are_no_letters_are_counted_and_left_alone(desk: Desk) -> None:
    desk.bury_unmappable(1)
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
