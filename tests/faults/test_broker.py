"""Brokers that fail: restarted, away, refusing commits and dead letters. It waits, and nothing is lost or dropped."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

# `admin` offers these without exporting them.
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic

from connector.simulators.kafka import KafkaRequest, MockKafka
from tests.faults.conftest import Check, NewWorld
from tests.faults.events import MYTRACKER, Draft, draft, number_of
from tests.faults.relay import Relay
from tests.faults.world import World, read_letters
from tests.support.server import Broker

COMMIT_ERRORS = [
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
]

PRODUCE_ERRORS = [
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
]

Drafts = Callable[[World], list[Draft]]

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


@pytest.mark.parametrize("clean", [pytest.param(True, marks=pytest.mark.soak), False], ids=["stopped", "killed"])
async def test_a_broker_that_restarts_costs_nothing(
    restartable_broker: Broker, new_world: NewWorld, check: Check, clean: bool
) -> None:
    """Events are under way while it goes; reading, committing and the coordinator come back by themselves."""
    async with new_world() as world:
        await world.produce(2000, bad=0.03)
        process = world.start()
        await world.accepted(100)
        await asyncio.to_thread(restartable_broker.stop if clean else restartable_broker.kill)
        await asyncio.sleep(0.5)
        assert process.running
        await asyncio.to_thread(restartable_broker.start)
        await world.produce(200)
        await world.caught_up(60)
        assert (await world.stop(process)).status == 0
        check(await world.evidence(), duplicates_may_be=True)


@pytest.mark.soak
async def test_brokers_that_are_away_for_a_while_cost_nothing(new_world: NewWorld, check: Check) -> None:
    """Away for longer than the session; what was sent meanwhile is not settled twice where it could be told."""
    async with new_world() as world, Relay(world.bootstrap) as relay:
        await world.produce(1500, bad=0.03)
        process = world.start(bootstrap=relay.address)
        await world.accepted(200)
        relay.cut()
        await asyncio.sleep(2.5)
        relay.heal()
        await world.produce(200)
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence(), duplicates_may_be=True)


@pytest.mark.soak
async def test_brokers_that_are_away_at_the_start_are_waited_for(new_world: NewWorld, check: Check) -> None:
    async with new_world() as world, Relay(world.bootstrap) as relay:
        relay.cut()
        await world.produce(200)
        process = world.start(bootstrap=relay.address)
        await asyncio.sleep(4.0)
        assert process.running
        relay.heal()
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence())


async def _on_a_mock(new_world: NewWorld, request: KafkaRequest, code: int, drafts: Drafts) -> None:
    """Answer its first two requests with the error while such events are under way; all that follows is settled."""
    with MockKafka() as kafka:
        async with new_world(letters=None) as world:
            kafka.create_topic(world.topic, world.partitions)
            kafka.create_topic(world.dead_letters, 1)
            world.bootstrap = kafka.bootstrap
            await world.produce_these(drafts(world))
            kafka.fail_requests(
                request, [code, code]
            )  # ahead of the start, so that these meet it and not our own producer
            process = world.start()
            await world.caught_up()
            await world.produce_these(drafts(world))
            await world.caught_up()
            assert process.running, process.tail()
            assert (await world.stop(process)).status == 0
            accepted = {number_of(MYTRACKER, entry.item) for entry in world.mytracker.ledger}
            assert accepted == {made.draft.number for made in world.made if made.draft.ends[MYTRACKER] == "accepted"}
            letters = await asyncio.to_thread(read_letters, kafka.bootstrap, world.dead_letters)
            places = {(letter.partition, letter.offset) for letter in letters}
            assert places == {(m.partition, m.offset) for m in world.made if m.draft.ends[MYTRACKER] == "letter"}


async def test_no_error_of_a_commit_loses_or_stops_anything(new_world: NewWorld) -> None:
    """Every error the coordinator can answer a commit with, staged by librdkafka's own cluster."""

    def drafts(world: World) -> list[Draft]:
        first = world.take_numbers(40)
        return [draft(first + at) for at in range(40)]

    async with asyncio.TaskGroup() as runs:
        for code in COMMIT_ERRORS:
            runs.create_task(_on_a_mock(new_world, KafkaRequest.OFFSET_COMMIT, code, drafts))


async def test_no_error_of_a_dead_letters_produce_request_loses_it(new_world: NewWorld) -> None:
    """Those among them that a client does not survive, too: another takes its place."""

    def drafts(world: World) -> list[Draft]:
        return [draft(world.take_numbers(1), "undecodable"), draft(world.take_numbers(1))]

    async with asyncio.TaskGroup() as runs:
        for code in PRODUCE_ERRORS:
            runs.create_task(_on_a_mock(new_world, KafkaRequest.PRODUCE, code, drafts))


async def test_a_coordinator_that_moves_costs_nothing(new_world: NewWorld) -> None:
    """To the other broker and back, with events under way; commits find the new one, and nothing comes twice."""
    with MockKafka(brokers=2) as kafka:
        async with new_world(letters=None) as world:
            kafka.create_topic(world.topic, world.partitions)
            kafka.create_topic(world.dead_letters, 1)
            world.bootstrap = kafka.bootstrap
            process = world.start()
            for coordinator in (2, 1):
                await world.produce(200, bad=0.05)
                await world.accepted(50)
                kafka.set_coordinator(f"{world.group}.{MYTRACKER}", coordinator)
                await world.produce(200, bad=0.05)
                await world.caught_up()
            assert (await world.stop(process)).status == 0, process.tail()
            accepted = sorted(number_of(MYTRACKER, entry.item) for entry in world.mytracker.ledger)
            wanted = (made.draft.number for made in world.made if made.draft.ends.get(MYTRACKER) == "accepted")
            assert accepted == sorted(wanted)


async def test_a_last_commit_that_fails_is_said_by_the_exit_status(new_world: NewWorld) -> None:
    with MockKafka() as kafka:
        async with new_world(letters=None, delivery={"commit_interval": "60s"}) as world:
            kafka.create_topic(world.topic, world.partitions)
            kafka.create_topic(world.dead_letters, 1)
            world.bootstrap = kafka.bootstrap
            process = world.start()
            await world.produce(100, bad=0.0)
            await world.accepted_all()
            kafka.fail_requests(KafkaRequest.OFFSET_COMMIT, [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 20)
            ended = await world.stop(process)
            assert ended.status == 1, process.tail()
            assert process.said("a last commit failed: its events will be read again") == 1


async def test_a_dead_letter_topic_that_is_missing_blocks_until_it_is_there(
    new_world: NewWorld, check: Check, admin: AdminClient
) -> None:
    async with new_world(letters=None) as world:
        await world.produce(400, bad=0.1)
        process = world.start()
        await world.accepted_all()
        await _blocked(world)
        await process.explained(" does not exist: create it")  # the client tells after three seconds
        topic = NewTopic(world.dead_letters, 1, 1, config={"message.timestamp.type": "LogAppendTime"})
        await asyncio.to_thread(admin.create_topics([topic])[world.dead_letters].result)
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence())


@pytest.mark.soak
async def test_a_dead_letter_topic_that_cannot_be_written_blocks_until_it_can(
    new_world: NewWorld, check: Check, admin: AdminClient
) -> None:
    """It refuses every record for its age; what is not written is not committed, and stopping says so."""
    refusing = {"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": "0"}
    async with new_world(letters=refusing) as world:
        await world.produce(400, bad=0.1)
        process = world.start()
        await world.accepted_all()
        await _blocked(world)
        assert (await world.stop(process)).status == 0, process.tail()
        process = world.start()
        await asyncio.sleep(1.0)
        await asyncio.to_thread(_set, admin, world.dead_letters, "message.timestamp.type", "LogAppendTime")
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence())


async def test_a_dead_letter_that_is_too_large_for_its_topic_blocks_and_says_which_limit(
    new_world: NewWorld, check: Check, admin: AdminClient
) -> None:
    async with new_world(letters={"max.message.bytes": "2000"}) as world:
        large = draft(world.take_numbers(1), "undecodable")
        await world.produce_these([large._replace(value=b"{" + random.Random(1).randbytes(5000))])
        await world.produce(100, bad=0.0)
        process = world.start()
        await world.accepted_all()
        await _blocked(world)
        await process.explained("raise its max.message.bytes")
        await asyncio.to_thread(_set, admin, world.dead_letters, "max.message.bytes", "1000000")
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence())


async def _blocked(world: World) -> None:
    """Events of a partition whose letter is not written stay uncommitted, however long."""
    await asyncio.sleep(1.0)  # several commits have come since
    committed = await asyncio.to_thread(world.committed, MYTRACKER)
    for made in world.made:
        if made.draft.ends.get(MYTRACKER) == "letter":
            assert committed[made.partition][0] <= made.offset, "committed past an event without its letter"


def _set(admin: AdminClient, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(10)
