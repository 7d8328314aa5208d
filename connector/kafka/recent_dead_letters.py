"""The letters of the last minutes, read back at the start: a restart must not let the flood guard count afresh."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connector.kafka import dead_letter
from connector.kafka.logs import client_logger
from connector.kafka.records import record_of
from connector.model import Record

# The first records wait for this; what was not read by then is not counted.
READ_SECONDS = 2.0
CHUNK = 2000
WAIT_SECONDS = 0.05


class RecentLetter(NamedTuple):
    """One letter: the sink and the reason, its origin's place, and when it was written (seconds since the epoch)."""

    sink: str
    reason: str
    topic: str
    partition: int
    offset: int
    at: float


def recent_letters(conf: Mapping[str, Any], topic: str, since: float) -> list[RecentLetter]:
    """What was written to the dead-letter topic from `since` (seconds since the epoch) to now; replays' letters aside.

    Blocks for READ_SECONDS at most and joins no group. Where the brokers do not answer or the topic does not exist,
    there is nothing to count.
    """
    consumer = Consumer(
        {
            **conf,
            "group.id": "connector.recent-letters",  # asked for by the client; it is never joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
            "logger": client_logger("consumer"),
        }
    )
    try:
        return [letter for record in _records(consumer, topic, since) if (letter := _letter(record)) is not None]
    except KafkaException:  # what keeps the topic from being read is told when a letter is to be written
        return []
    finally:
        consumer.close()


def _records(consumer: Consumer, topic: str, since: float) -> Iterator[Record]:
    deadline = time.monotonic() + READ_SECONDS

    def left() -> float:
        return max(0.001, deadline - time.monotonic())

    partitions = consumer.list_topics(topic, timeout=left()).topics[topic].partitions
    asked = [TopicPartition(topic, partition, int(since * 1000)) for partition in partitions]
    begins = [each for each in consumer.offsets_for_times(asked, timeout=left()) if each.offset >= 0] if asked else []
    ends = {each.partition: consumer.get_watermark_offsets(each, timeout=left())[1] for each in begins}
    waiting = {each.partition for each in begins if each.offset < ends[each.partition]}
    consumer.assign([each for each in begins if each.partition in waiting])
    while waiting and time.monotonic() < deadline:
        for message in consumer.consume(CHUNK, WAIT_SECONDS):
            error, partition, offset = message.error(), message.partition(), message.offset()
            if error is not None:
                raise KafkaException(error)
            if partition is None or offset is None:
                continue
            if offset >= ends[partition] - 1:
                waiting.discard(partition)
            yield record_of(message)


def _letter(record: Record) -> RecentLetter | None:
    """The letter that a record is; None if the connector did not write it, or wrote it when it was sent again."""
    told = dead_letter.added(record.headers)
    sink, reason, topic = (told.get(name) for name in (dead_letter.SINK, dead_letter.REASON, dead_letter.TOPIC))
    partition = dead_letter.whole_number(told.get(dead_letter.PARTITION), dead_letter.MAX_INT32)
    offset = dead_letter.whole_number(told.get(dead_letter.OFFSET), dead_letter.MAX_INT64)
    if sink is None or reason is None or topic is None or partition is None or offset is None:
        return None
    if told.get(dead_letter.REPLAYS) != b"0":
        return None
    return RecentLetter(_text(sink), _text(reason), _text(topic), partition, offset, record.timestamp / 1000)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
