"""Reads a topic from its beginning to where it ended when the reading began, without a group and beside everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.consuming import FETCH_BACKOFF_MS, QUEUED_KBYTES
from connector.kafka.logs import client_logger
from connector.kafka.records import record_of
from connector.model import Record

TIMEOUT_SECONDS = 15.0
CHUNK = 500
# The brokers have answered and then say nothing for so long: something is wrong with them.
SILENCE_SECONDS = 60.0
# What every consumer here needs; no offset is ever committed.
READING: Mapping[str, Any] = {
    "group.id": "connector.reading-dead-letters",  # asked for by the client; it is never joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # What is wrong is said once, by the error that ends the reading.
    "log_level": 0,
    "queued.max.messages.kbytes": QUEUED_KBYTES,
    "fetch.queue.backoff.ms": FETCH_BACKOFF_MS,
    # What retention deletes between looking and reading is passed over.
    "auto.offset.reset": "earliest",
}


class TopicReader:
    """One topic, all partitions, up to the ends found at the start. Each `read` begins anew, up to the same ends.

    Raises ConnectorError where the brokers cannot be reached or refuse. Blocking; one thread at a time.
    """

    def __init__(self, conf: Mapping[str, Any], topic: str) -> None:
        self.topic = topic
        self._trouble = ""
        self._consumer = Consumer({**conf, **READING, "error_cb": self._on_error, "logger": client_logger("reader")})
        self.ends: dict[int, tuple[int, int]] = {}  # partition → first offset, one past the last
        self.exists = False
        try:
            self._look()
        except KafkaException as error:
            self._consumer.poll(0)  # what the client has to say comes by the callback
            self.close()
            raise ConnectorError(f"topic {topic} cannot be read: {self._trouble or error.args[0].str()}") from error

    @property
    def records(self) -> int:
        """How many records lie between the ends, at most: a compacted topic holds fewer."""
        return sum(high - low for low, high in self.ends.values())

    def expect_topic(self) -> None:
        """Raise ConnectorError where the topic does not exist."""
        if not self.exists:
            raise ConnectorError(f"topic {self.topic} does not exist: create it, or check dead_letters")

    def _look(self) -> None:
        found = self._consumer.list_topics(self.topic, timeout=TIMEOUT_SECONDS).topics[self.topic]
        if found.error is not None:
            if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return
            raise KafkaException(found.error)
        self.exists = True
        for partition in found.partitions:
            place = TopicPartition(self.topic, partition)
            self.ends[partition] = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - it says less than the one before
            self._trouble = error.str()

    def read(self) -> Iterator[Sequence[Record]]:
        """Chunks of records, each partition in its order."""
        waiting = {partition for partition, (low, high) in self.ends.items() if low < high}
        self._consumer.assign([TopicPartition(self.topic, partition, OFFSET_BEGINNING) for partition in waiting])
        heard = time.monotonic()
        while waiting:
            messages = self._consumer.consume(CHUNK, 0.2)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                why = f": {self._trouble}" if self._trouble else ""
                raise ConnectorError(f"topic {self.topic}: the brokers sent nothing for {SILENCE_SECONDS:.0f} s{why}")
            yield [record_of(message) for message in messages if self._counts(message, waiting)]
        self._consumer.unassign()

    def _counts(self, message: Message, waiting: set[int]) -> bool:
        """Whether it is a record before the end; takes a partition out of `waiting` at its end."""
        partition, offset = message.partition() or 0, message.offset() or 0
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - a public name, for all its underscore
                raise ConnectorError(f"topic {self.topic} cannot be read: {error.str()}")
            waiting.discard(partition)
            return False
        end = self.ends[partition][1]
        if offset >= end - 1:
            waiting.discard(partition)
        return offset < end

    def at(self, partition: int, offset: int) -> Record | None:
        """The record at one place; None if nothing lies there."""
        low, high = self.ends.get(partition, (0, 0))
        if not low <= offset < high:
            return None
        self._consumer.assign([TopicPartition(self.topic, partition, offset)])
        deadline = time.monotonic() + TIMEOUT_SECONDS
        try:
            while time.monotonic() < deadline:
                for message in self._consumer.consume(1, 0.2):
                    return record_of(message) if message.error() is None and message.offset() == offset else None
        finally:
            self._consumer.unassign()
        raise ConnectorError(f"topic {self.topic}: the brokers did not answer within {TIMEOUT_SECONDS:.0f} s")

    def close(self) -> None:
        """Close the client."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
