"""How far partitions are read: what the client says of its position counts only where it is about this assignment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, Message, TopicPartition

from connector.kafka.positions import topic_partition
from connector.kafka.read_ends import EVERY_SECONDS, ReadEnds
from connector.kafka.source_interface import ReadEnd
from tests.support.records import record
from tests.unit.kafka.bench import Bench, Event

HERE, THERE = ("users", 0), ("users", 1)
NOWHERE = (OFFSET_INVALID, -1)


class Client:
    """A consumer that only knows its positions: offset and leader epoch."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, int], tuple[int, int]] = {}
        self.asked = 0

    def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        self.asked += 1
        return [
            topic_partition(each.topic, each.partition, *self.at.get((each.topic, each.partition), NOWHERE))
            for each in partitions
        ]


class Reading:
    """The thread's part: it asks how far is read, a second after it did last."""

    def __init__(self) -> None:
        self.client = Client()
        self.epochs = {HERE: 1}
        self.ends = ReadEnds(self.client, self.epochs)  # type: ignore[arg-type]
        self.now = 0.0
        self.stale: set[tuple[str, int]] = set()

    def find(self) -> dict[int, ReadEnd]:
        self.now += EVERY_SECONDS
        return self.ends.find(self.now, lambda partition: partition in self.stale)


@pytest.fixture
def reading() -> Reading:
    return Reading()


def test_a_position_past_the_last_record_is_how_far_is_read(reading: Reading) -> None:
    assert reading.find() == {}
    reading.client.at[HERE] = (4, 7)
    assert reading.find() == {1: ReadEnd(4, 7)}


def test_a_position_from_before_the_assignment_is_none_until_something_of_this_one_is_read(reading: Reading) -> None:
    """To pass what an earlier assignment read could pass records that this one is to read again."""
    reading.client.at[HERE] = (900, 3)
    assert reading.find() == {}
    assert reading.find() == {}
    reading.ends.note_records([record(7)])
    reading.client.at[HERE] = (8, 3)
    assert reading.find() == {1: ReadEnd(8, 3)}
    reading.epochs[HERE] = 2
    assert reading.find() == {}
    reading.client.at[HERE] = NOWHERE
    assert reading.find() == {}
    reading.client.at[HERE] = (5, 3)
    assert reading.find() == {2: ReadEnd(5, 3)}


def test_the_end_of_a_partition_is_read_even_where_the_position_stays_behind(reading: Reading) -> None:
    """A batch that compaction has emptied moves the client's fetches, but not its position."""
    reading.find()
    reading.client.at[HERE] = (4, 7)
    reading.ends.note_end(1, 9)
    assert reading.ends.find(reading.now, lambda _: False) == {1: ReadEnd(9, -1)}, "at once, without a leader epoch"
    reading.client.at[HERE] = (12, 7)
    assert reading.find() == {1: ReadEnd(12, 7)}


def test_nothing_is_said_of_a_partition_whose_messages_are_dropped(reading: Reading) -> None:
    reading.epochs[THERE] = 2
    reading.find()
    reading.client.at |= {HERE: (4, 0), THERE: (5, 0)}
    reading.stale.add(HERE)
    assert reading.find() == {2: ReadEnd(5, 0)}
    reading.stale.add(THERE)
    assert reading.find() == {}


def test_the_client_is_asked_once_a_second_and_of_new_epochs_at_once(reading: Reading) -> None:
    reading.find()
    reading.ends.find(reading.now, lambda _: False)
    assert reading.client.asked == 1
    reading.epochs[THERE] = 2
    reading.ends.find(reading.now, lambda _: False)
    assert reading.client.asked == 2


def test_what_is_read_is_told_after_the_records_before_it_and_before_errors_behind_it(bench: Bench) -> None:
    told: list[str] = []
    listener = bench.listener
    listener.on_poll = lambda records, *_: told.append(f"{len(records)} records")  # type: ignore[method-assign]
    listener.on_read_up_to = lambda ends: told.append(f"up to {ends[1].offset}")  # type: ignore[method-assign]
    listener.on_unreadable = lambda *_: told.append("unreadable")  # type: ignore[attr-defined]
    end = Message(topic="users", partition=0, offset=9, error=KafkaError(KafkaError._PARTITION_EOF))
    damaged = Message(topic="users", partition=0, offset=9, error=KafkaError(KafkaError._BAD_COMPRESSION, "damaged"))
    bench.client.messages.extend([Event(), end, damaged])
    bench.source._poll_once()
    assert told == ["1 records", "up to 9", "unreadable"]
    assert bench.listener.problems == []


def test_the_end_of_a_partition_that_is_not_ours_or_waits_to_be_moved_says_nothing(bench: Bench) -> None:
    bench.source._owned.epochs["users", 1] = 2
    bench.source._member.recovery.recover(("users", 1), "out of range")
    for partition in (1, 7):
        error = KafkaError(KafkaError._PARTITION_EOF)
        bench.client.messages.append(Message(topic="users", partition=partition, offset=9, error=error))
    bench.source._poll_once()
    assert not any(2 in ends for ends in bench.listener.ends)
