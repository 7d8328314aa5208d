"""What a commit's metadata saves (rule 1): how many duplicates come with it and without, and when it must not count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.faults.conftest import Check, NewWorld
from tests.faults.events import MYTRACKER, Draft, draft
from tests.faults.world import World

EVENTS = 3000
MAX_IN_FLIGHT, BATCH = 32, 20

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


def _drafts(world: World, count: int, *, held: bool = False) -> list[Draft]:
    """Events of as many users; those that are held draw 503 until the faults are cleared, and are accepted then."""
    first = world.take_numbers(count)
    made = [draft(first + at, "refused" if held else "plain", keys=10**6) for at in range(count)]
    return [each._replace(ends={MYTRACKER: "accepted"}) for each in made]


async def _killed_behind_a_held_batch(world: World) -> None:
    """A batch with the first event of every partition is held, what follows is delivered and told by a commit; kill."""
    world.mytracker.faults.clear()
    world.refuse_the_marked(503)
    await world.produce_these(_drafts(world, 40, held=True))
    await world.produce_these(_drafts(world, EVENTS))
    process = world.start()
    await world.accepted(EVENTS - MAX_IN_FLIGHT * BATCH)
    accepted = 0
    while accepted < len(world.mytracker.ledger):  # until nothing more comes, and several commits have told of it
        accepted = len(world.mytracker.ledger)
        await asyncio.sleep(1.0)
    world.exits.append(await process.kill())
    world.mytracker.faults.clear()


@pytest.mark.parametrize(
    "metadata", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["with metadata", "without"]
)
async def test_after_a_kill_nothing_comes_twice_that_a_commits_metadata_told(
    new_world: NewWorld, check: Check, metadata: bool
) -> None:
    async with new_world() as world:
        await _killed_behind_a_held_batch(world)
        told = await asyncio.to_thread(_committed, world)
        assert all(each.metadata for each in told)
        if not metadata:
            await asyncio.to_thread(
                _commit, world, [TopicPartition(each.topic, each.partition, each.offset) for each in told]
            )
        process = world.start()
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        evidence = await world.evidence()
        if metadata:
            assert evidence.duplicates() == 0
            check(evidence, duplicates_may_be=True)
        else:
            assert evidence.duplicates() > EVENTS // 2
            check(evidence, duplicates_may_be=True, told_by_metadata=False)


async def test_metadata_that_is_stale_damaged_or_foreign_hides_no_event(
    new_world: NewWorld, admin: AdminClient
) -> None:
    """The topic is made anew under the same group, and what the old commits said is committed again, in four ways."""
    async with new_world(partitions=4) as world:
        await _killed_behind_a_held_batch(world)
        stale, moved, damaged, foreign = await asyncio.to_thread(_committed, world)
        await asyncio.to_thread(_make_anew, admin, world.topic)
        said = str(damaged.metadata)
        by_hand = [
            stale,
            TopicPartition(moved.topic, moved.partition, moved.offset + 1, moved.metadata),
            TopicPartition(
                damaged.topic, damaged.partition, damaged.offset, said[:-1] + ("B" if said[-1] == "A" else "A")
            ),
            TopicPartition(foreign.topic, foreign.partition, foreign.offset, "another consumer's"),
        ]
        before = len(world.mytracker.ledger)
        world.made.clear()
        await world.produce_these(_drafts(world, EVENTS))
        await asyncio.to_thread(_commit, world, by_hand)
        process = world.start()
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        begin = {each.partition: each.offset for each in by_hand}
        due = {made.draft.number for made in world.made if made.offset >= begin[made.partition]}
        accepted = {int(entry.item["customEventParams"]["n"]) for entry in world.mytracker.ledger.entries_after(before)}
        lacking = [made for made in world.made if made.draft.number in due - accepted]
        assert accepted == due, f"{lacking} of {by_hand}: {process.tail()}"


def _committed(world: World) -> list[TopicPartition]:
    """The group's commits, metadata included. Blocks."""
    consumer = _outsider(world)
    try:
        return consumer.committed([TopicPartition(world.topic, each) for each in range(world.partitions)], timeout=10)
    finally:
        consumer.close()


def _commit(world: World, offsets: Sequence[TopicPartition]) -> None:
    """Commit from outside, which is allowed as soon as the group has no member. Blocks."""
    consumer = _outsider(world)
    deadline = time.monotonic() + 10
    try:
        while True:
            try:
                consumer.commit(offsets=list(offsets), asynchronous=False)
            except KafkaException:
                assert time.monotonic() < deadline, "the killed member is still in the group"
                time.sleep(0.1)
            else:
                return
    finally:
        consumer.close()


def _outsider(world: World) -> Consumer:
    return Consumer({"bootstrap.servers": world.bootstrap, "group.id": f"{world.group}.{MYTRACKER}", "log_level": 0})


def _make_anew(admin: AdminClient, topic: str) -> None:
    """Delete a topic and create it. Blocks."""
    admin.delete_topics([topic], operation_timeout=10)[topic].result(15)
    deadline = time.monotonic() + 15
    while True:
        try:
            admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(15)
        except KafkaException:  # its files are still being deleted
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
