"""`connector skip` on a real broker: a sink that stands at a record nobody can unpack, and every way to be refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.clock import SystemClock
from connector.config.load import load
from connector.errors import ConnectorError
from connector.kafka.dead_letter import DeadLetter, failed_record, read_letter
from connector.kafka.group_offsets import Committed, GroupOffsets
from connector.kafka.records import Address
from connector.kafka.topic_reader import TopicReader
from connector.model import Record
from connector.service.skip import skip_offset
from tests.support.connector import RunningConnector, until
from tests.support.dead_letters import NEW, Desk
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

# With these the client unpacks no more than 1 MB of a batch in zstd; the default is 100 MB.
TIGHT = {"fetch.max.bytes": 1_000_000, "receive.message.max.bytes": 1_000_512}
PADDING = "a" * 3_000_000


def event(user: str, **more: str) -> bytes:
    return json.dumps({"user": {"id": user}, "name": "level", **more}).encode()


def produce(desk: Desk, values: Sequence[bytes], **settings: Any) -> None:
    """To partition 0, in one batch where the settings allow it."""
    room = {"message.max.bytes": 100_000_000, "batch.size": 100_000_000, "linger.ms": 300}
    producer = Producer({"bootstrap.servers": desk.broker.bootstrap, "acks": "all", **room, **settings})
    for value in values:
        producer.produce(desk.events, value, b"k", partition=0)
    assert producer.flush(60) == 0


def commit(desk: Desk, position: int, metadata: str = "") -> None:
    consumer = Consumer({"bootstrap.servers": desk.broker.bootstrap, "group.id": f"{desk.letters}.mytracker"})
    consumer.commit(offsets=[TopicPartition(desk.events, 0, position, metadata)], asynchronous=False)
    consumer.close()


def committed_partition(desk: Desk) -> TopicPartition:
    consumer = Consumer({"bootstrap.servers": desk.broker.bootstrap, "group.id": f"{desk.letters}.mytracker"})
    (found,) = consumer.committed([TopicPartition(desk.events, 0)], timeout=20)
    consumer.close()
    return found


def committed(desk: Desk) -> int:
    offset: int = committed_partition(desk).offset
    return offset


def letters(desk: Desk) -> Iterator[tuple[DeadLetter, Record]]:
    with TopicReader({"bootstrap.servers": desk.broker.bootstrap}, desk.letters) as reader:
        for messages in reader.read():
            for message in messages:
                letter = read_letter(message)
                assert letter is not None
                yield letter, failed_record(letter, message)


def stands_at(desk: Desk, running: RunningConnector, offset: int) -> Callable[[], Awaitable[bool]]:
    """Whether the sink waits at this offset for somebody to do something, and has committed what lies before it."""

    async def stands() -> bool:
        sink = await running.sink("mytracker")
        if not sink or sink["waiting_for"]["cause"] != "unreadable":
            return False
        return [each["offset"] for each in sink["standing"]] == [offset] and committed(desk) == offset

    return stands


async def run_until_it_stands(desk: Desk, settings: Mapping[str, Any], config: str, directory: Path) -> None:
    """Deliver u0 to u2, stand at offset 3 and say so, and show that it cannot be skipped meanwhile."""
    async with RunningConnector(directory, settings) as running:
        await until(stands_at(desk, running, 3), seconds=40, what="it stands at offset 3")
        (standing,) = (await running.sink("mytracker"))["standing"]
        assert (standing["topic"], standing["partition"], standing["offset"]) == (desk.events, 0, 3)
        assert "Decompression" in standing["why"]
        refused = await desk.skip(3, config)
        assert refused.status == 1
        assert f"group {desk.letters}.mytracker has a member" in refused.err
        assert "rdkafka at 127.0.0.1" in refused.err
        assert await running.stop() == 0


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_sink_that_stands_at_a_record_goes_on_behind_it(desk: Desk, tmp_path: Path, protocol: str) -> None:
    """Two records of one batch cannot be unpacked: each is skipped, and all else is delivered once."""
    produce(desk, [event(f"u{number}") for number in range(3)])
    produce(desk, [event("lost1", pad=PADDING), event("lost2", pad=PADDING)], **{"compression.type": "zstd"})
    produce(desk, [event(f"u{number}") for number in range(3, 6)])
    settings = desk.settings(NEW, kafka={**TIGHT, "group.protocol": protocol})
    config = str(desk.write(settings))
    await run_until_it_stands(desk, settings, config, tmp_path)

    first = await desk.skip(3, config, "damaged, see OPS-17")
    assert first.status == 0, first.err
    assert (first.json["settled"], first.json["position"]) == ("moved", {"before": 3, "after": 4})
    assert (first.json["next_unreadable"], first.json["may_come_twice"]) == (4, 0)
    assert "Decompression" in first.json["unreadable"]
    assert (await desk.skip(4, config)).json["next_unreadable"] is None
    again = await desk.skip(3, config)
    assert (again.status, "settled already" in again.err) == (1, True)

    await desk.deliver(settings, 3)
    assert desk.accepted() == {f"u{number}": 1 for number in range(6)}
    found = {letter.offset: (letter, record) for letter, record in letters(desk)}
    assert found.keys() == {3, 4}
    letter, record = found[3]
    assert (letter.reason, letter.stage, letter.sink, letter.attempts) == ("undecodable", "skip", "mytracker", 0)
    assert letter.message.startswith("damaged, see OPS-17 (it cannot be read: Decompression")
    assert (record.key, record.value, record.headers) == (None, None, ())


async def test_above_the_position_it_is_noted_and_never_sent(desk: Desk) -> None:
    produce(desk, [event(f"u{number}") for number in range(5)])
    commit(desk, 1)
    settings = desk.settings(NEW)
    config = str(desk.write(settings))
    noted = await desk.skip(3, config)
    assert (noted.status, noted.json["settled"], noted.json["position"]) == (0, "noted", {"before": 1, "after": 1})
    again = await desk.skip(3, config)
    assert (again.status, "settled already" in again.err) == (1, True)
    moved = await desk.skip(1, config)
    assert moved.json["position"] == {"before": 1, "after": 2}
    passed = await desk.skip(2, config)
    assert passed.json["position"] == {"before": 2, "after": 4}
    assert committed_partition(desk).leader_epoch == 0, "a truncation below the position could not be noticed"

    await desk.deliver(settings, 1)
    assert desk.accepted() == {"u4": 1}
    assert {letter.offset: record.value for letter, record in letters(desk)} == {
        offset: event(f"u{offset}") for offset in (1, 2, 3)
    }


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_what_cannot_be_read_and_was_noted_is_passed_when_its_turn_has_come(desk: Desk, protocol: str) -> None:
    """The client stands at it all the same: the run in which it comes goes on behind it, with no second skip."""
    produce(desk, [event(f"u{number}") for number in range(3)])
    produce(desk, [event("lost1", pad=PADDING), event("lost2", pad=PADDING)], **{"compression.type": "zstd"})
    produce(desk, [event("u5")])
    commit(desk, 0)
    settings = desk.settings(NEW, kafka={**TIGHT, "group.protocol": protocol})
    config = str(desk.write(settings))
    for offset in (3, 4):
        noted = await desk.skip(offset, config)
        assert (noted.json["settled"], noted.json["position"]) == ("noted", {"before": 0, "after": 0})
    await desk.deliver(settings, 4)
    assert desk.accepted() == {"u0": 1, "u1": 1, "u2": 1, "u5": 1}
    assert committed(desk) == 6
    assert {letter.offset for letter, _ in letters(desk)} == {3, 4}


async def test_behind_what_was_noted_it_stands_at_what_was_not(desk: Desk, tmp_path: Path) -> None:
    """The offset that is told is the one to skip next."""
    produce(desk, [event("u0")])
    produce(desk, [event("lost1", pad=PADDING), event("lost2", pad=PADDING)], **{"compression.type": "zstd"})
    produce(desk, [event("u3")])
    commit(desk, 0)
    settings = desk.settings(NEW, kafka=TIGHT)
    config = str(desk.write(settings))
    assert (await desk.skip(1, config)).json["settled"] == "noted"
    async with RunningConnector(tmp_path, settings) as running:
        await until(stands_at(desk, running, 2), seconds=40, what="it stands at offset 2")
        assert await running.stop() == 0
    assert (await desk.skip(2, config)).json["settled"] == "moved"
    await desk.deliver(settings, 1)
    assert desk.accepted() == {"u0": 1, "u3": 1}


async def test_a_group_that_moved_meanwhile_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that started, committed and stopped between the look and the commit: that would take it back."""
    produce(desk, [event("u0"), event("u1")])
    commit(desk, 0)
    config, read = desk.write(desk.settings(NEW)), GroupOffsets.committed

    def and_then_it_moves(offsets: GroupOffsets, topic: str, partition: int) -> Committed | None:
        found = read(offsets, topic, partition)
        commit(desk, 2)
        return found

    monkeypatch.setattr(GroupOffsets, "committed", and_then_it_moves)
    conf, address = {"bootstrap.servers": desk.broker.bootstrap}, Address(desk.events, 0, 0)
    with pytest.raises(ConnectorError, match="has moved meanwhile, nothing was committed"):
        await asyncio.to_thread(skip_offset, load(config), conf, "mytracker", address, "a test", SystemClock())
    assert committed(desk) == 2


async def test_its_letter_is_shown_as_what_it_is_and_no_replay_sends_it(desk: Desk) -> None:
    produce(desk, [event("u0"), event("u1")])
    commit(desk, 0)
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.skip(0, config, "it was a mistake")).status == 0

    (group,) = (await desk.dlq("summary", "--config", config, "--json")).json["groups"]
    assert (group["message"], group["reason"], group["open"]) == ("it was a mistake", "undecodable", 1)
    assert (group["skipped"], group["replay"]) == (True, None)
    assert "skipped by an operator" in (await desk.dlq("summary", "--config", config)).out
    shown = (await desk.dlq("show", f"{desk.events}/0/0", "--config", config, "--json")).json
    assert (shown["message"], shown["stage"], shown["value"]["user"]) == ("it was a mistake", "skip", {"id": "u0"})
    assert (shown["today"]["items"], shown["today"]["obstacle"]) == ([], "skipped by an operator")
    plan = (await desk.dlq("replay", "--config", config, "--dry-run", "--json")).json
    assert plan["sinks"]["mytracker"]["failing"] == {"skipped by an operator": 1}
    replay = await desk.dlq("replay", "--config", config)
    assert replay.status == 0
    assert "mytracker: 1 left as it is: skipped by an operator" in replay.out
    assert desk.vendor.ledger.requests == 0
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 1


async def test_a_commit_that_fails_costs_a_second_letter_of_the_same_event_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce(desk, [event("u0"), event("u1")])
    commit(desk, 0)
    config = desk.write(desk.settings(NEW))

    def killed(*_: Any) -> None:
        raise ConnectorError("killed")

    conf, address = {"bootstrap.servers": desk.broker.bootstrap}, Address(desk.events, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(GroupOffsets, "commit", killed)
        with pytest.raises(ConnectorError, match="killed"):
            await asyncio.to_thread(skip_offset, load(config), conf, "mytracker", address, "a test", SystemClock())
    assert (committed(desk), len(list(letters(desk)))) == (0, 1)
    assert (await desk.skip(0, str(config))).status == 0
    assert (committed(desk), len(list(letters(desk)))) == (1, 2)
    summary = (await desk.dlq("summary", "--config", str(config), "--json")).json
    assert (summary["records"], summary["open"]) == (2, 1)


async def test_a_letter_too_large_for_its_topic_is_written_without_its_value(
    desk: Desk, topic_factory: TopicFactory
) -> None:
    desk.letters = topic_factory(config={"max.message.bytes": "2000"}, prefix="letters")
    produce(desk, [event("u0", pad=PADDING)], **{"compression.type": "gzip"})
    commit(desk, 0)
    config = str(desk.write(desk.settings(NEW)))
    done = await desk.skip(0, config, "too large")
    assert (done.status, done.json["value_left_out"], done.json["position"]["after"]) == (0, True, 1)
    ((letter, record),) = letters(desk)
    assert letter.message.startswith("too large (its value, 3,0")
    assert (record.key, record.value) == (b"k", None)


async def test_a_letter_that_nobody_takes_leaves_the_position_where_it_is(desk: Desk) -> None:
    produce(desk, [event("u0")])
    config = str(desk.write(desk.settings(NEW) | {"dead_letters": f"{desk.letters}.typo"}))
    commit(desk, 0)
    refused = await desk.skip(0, config)
    assert refused.status == 1
    assert "so nothing was committed" in refused.err
    assert "does not exist: create it" in refused.err
    assert committed(desk) == 0


async def test_where_no_record_lies_it_is_said(desk: Desk) -> None:
    """A transaction's mark, an aborted record, before, behind and beside the log; and a group without a position."""
    producer = Producer({"bootstrap.servers": desk.broker.bootstrap, "transactional.id": desk.events})
    producer.init_transactions(20)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(desk.events, event("u0"), partition=0)
        producer.flush(20)
        end(20)
    config = str(desk.write(desk.settings(NEW)))

    async def says(offset: int, text: str, partition: int = 0) -> None:
        refused = await desk.skip(offset, config, partition=partition)
        assert (refused.status, text in refused.err) == (1, True), refused.err

    await says(0, "has committed nothing")
    commit(desk, 0)
    await says(1, "has no record at 1 (compacted away, or a transaction's mark or aborted): the next record is 4")
    await says(2, "the next record is 4")
    await says(5, "no record follows")
    await says(6, "has no offset 6: its offsets are 0 to 5")
    await says(0, "has no partition 9", partition=9)
    commit(desk, 99)
    await says(4, "is not in the log (0 to 6)")
    commit(desk, 1)
    assert (await desk.skip(4, config)).json["position"] == {"before": 1, "after": 5}
    await says(4, "settled already")
