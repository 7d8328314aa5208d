"""Looks up one record by its address, without a group: nothing is committed, and nobody's position moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.client_errors import UNREADABLE
from connector.kafka.records import record_of
from connector.model import Record

TIMEOUT_SECONDS = 15.0


class UnreadableError(ConnectorError):
    """Something lies at the offset, and the client can make nothing of it. `why` is the client's word."""

    def __init__(self, address: Address, why: str) -> None:
        super().__init__(f"{address} cannot be read: {why}")
        self.why = why


class NothingThereError(ConnectorError):
    """No record lies at the offset. `following` is the next offset at which something does, None at the end."""

    def __init__(self, text: str, following: int | None) -> None:
        super().__init__(text)
        self.following = following


class Address(NamedTuple):
    """Where a record lies: `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_address(text: str) -> Address:
    """The address that a text is. Raises ValueError with what would be right."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (partition.isascii() and partition.isdigit()) or not (offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text!r} is no address: topic/partition/offset, such as shop.orders/3/1204")
    return Address(topic, int(partition), int(offset))


def read_record(conf: Mapping[str, Any], address: Address) -> Record:
    """The record at an address.

    Raises ConnectorError where it is not there (NothingThereError where others of its partition are), saying which
    offsets are, where the client can make nothing of it (UnreadableError), and where the brokers do not answer.
    """
    settings = {
        **conf,
        "group.id": "connector.lookup",  # asked for by the client; it is never joined
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,  # nothing else tells that what is left of the log holds no record
        "allow.auto.create.topics": False,
        "log_level": 0,  # what is wrong is said once, below
        "error_cb": lambda error: troubles.append(error.str()),
    }
    troubles: list[str] = []
    consumer = Consumer(settings)
    try:
        return _read(consumer, address, troubles)
    except KafkaException as error:
        consumer.poll(0)  # lets the client call back
        why = troubles[0] if troubles else error.args[0].str()
        raise ConnectorError(f"{address.topic}/{address.partition} cannot be read: {why}") from error
    finally:
        consumer.close()


def _read(consumer: Consumer, address: Address, troubles: Sequence[str]) -> Record:
    topic, partition, offset = address
    _expect_partition(consumer, topic, partition)
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS)
    if not low <= offset < high:
        there = f"its offsets are {low} to {high - 1}" if low < high else "it is empty"
        raise NothingThereError(f"{topic}/{partition} has no offset {offset}: {there}", low if offset < low else None)
    consumer.assign([TopicPartition(topic, partition, offset)])
    messages = consumer.consume(1, TIMEOUT_SECONDS)
    if not messages:
        why = f": {troubles[0]}" if troubles else ""
        raise ConnectorError(f"{address} did not come within {TIMEOUT_SECONDS:g} s{why}")
    (message,) = messages
    at: Any = message.offset()  # an error that is about records has one, too
    if (error := message.error()) is not None:
        _refuse(address, error, at)
    if at != offset:
        raise _nothing_at(address, at)
    return record_of(message)


def _refuse(address: Address, error: KafkaError, at: int) -> NoReturn:
    """Raise what an error means that came instead of a record, with the offset `at`.

    Of a batch that cannot be unpacked that is the batch's first: at or below ours it is our own batch.
    """
    if error.code() == KafkaError._PARTITION_EOF:
        if at > address.offset:
            raise _nothing_at(address, None)
        raise ConnectorError(f"{address} is not to be read yet: it belongs to a transaction that is still open")
    if error.code() in UNREADABLE:
        if at > address.offset:
            raise _nothing_at(address, at)
        raise UnreadableError(address, error.str())
    raise KafkaException(error)


def _nothing_at(address: Address, following: int | None) -> NothingThereError:
    there = "no record follows" if following is None else f"the next record is {following}"
    return NothingThereError(
        f"{address.topic}/{address.partition} has no record at {address.offset} (compacted away, or a transaction's "
        f"mark or aborted): {there}",
        following,
    )


def _expect_partition(consumer: Consumer, topic: str, partition: int) -> None:
    """Ask before reading: a client goes on asking for what does not exist."""
    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConnectorError(f"topic {topic} does not exist")
        raise KafkaException(found.error)
    if partition not in found.partitions:
        raise ConnectorError(f"topic {topic} has no partition {partition}: it has {len(found.partitions)}, from 0")
