"""Reads topics without joining a group: nothing is committed, and no member's position moves. All calls block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.client_errors import UNREADABLE
from connector.kafka.consuming import FETCH_BACKOFF_MS, QUEUED_KBYTES
from connector.kafka.logs import client_logger
from connector.kafka.records import Address, record_of
from connector.model import Record

# How long to wait for the brokers' answer, and for one record.
TIMEOUT_SECONDS = 15.0
# The brokers have answered and then send nothing for so long: something is wrong with them.
SILENCE_SECONDS = 60.0
# How long `read_one_each` takes at most.
ONE_EACH_SECONDS = 6.0
CHUNK = 500
POLL_SECONDS = 0.05


class UnreadableError(ConnectorError):
    """A record lies at the offset, but the client cannot decode it; `why` is the text of the client's error."""

    def __init__(self, address: Address, why: str) -> None:
        super().__init__(f"{address} cannot be read: {why}")
        self.why = why


class NothingThereError(ConnectorError):
    """No record lies at the offset. `following` is the next offset that has one, None at the end of the log."""

    def __init__(self, text: str, following: int | None) -> None:
        super().__init__(text)
        self.following = following


class FirstRecords(NamedTuple):
    """The findings of `read_one_each`: the records' times by partition (ms since the epoch, -1: without one; None: no
    record is there), errors by topic, and the partitions that did not answer in time."""

    times: dict[tuple[str, int], int | None]
    errors: dict[str, str]
    silent: set[tuple[str, int]]


def reader_config(conf: Mapping[str, Any], group: str) -> dict[str, Any]:
    """Return the settings of a client that reads without joining `group`: the client only demands a name."""
    return {
        **conf,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,  # nothing else says that the rest of a log holds no record
        "auto.offset.reset": "earliest",  # what retention deletes between asking and reading is skipped
        "allow.auto.create.topics": False,
        "queued.max.messages.kbytes": QUEUED_KBYTES,
        "fetch.queue.backoff.ms": FETCH_BACKOFF_MS,
        "log_level": 0,  # a problem is reported once, by the error that ends the reading
        "logger": client_logger("reader"),
    }


class ReaderClient:
    """A consumer without a group, and why it could not reach the brokers.

    `conf` is kept: the service changes the credentials in it while a client waits for the brokers.
    """

    def __init__(self, conf: Mapping[str, Any], group: str) -> None:
        self.problem = ""
        self._conf = conf
        self.consumer = Consumer({**reader_config(conf, group), "error_cb": self._on_error})

    def _on_error(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # it follows an error that says why
            self.problem = error.str()

    def renew_credentials(self) -> None:
        """Use the credentials that `conf` has now from the next connection on."""
        username, password = (self._conf.get(f"sasl.{name}") for name in ("username", "password"))
        if username is not None and password is not None:
            self.consumer.set_sasl_credentials(str(username), str(password))

    def why(self, error: KafkaException) -> str:
        """Return the text of what went wrong: the client's own report says more than the call that timed out."""
        self.consumer.poll(0)  # lets the client call back
        return self.problem or str(error.args[0].str())

    def partitions(self, topic: str, timeout: float) -> list[int] | None:
        """Return the numbers of a topic's partitions; None if it does not exist. Raises KafkaException."""
        found = self.consumer.list_topics(topic, timeout=timeout).topics[topic]
        if found.error is None:
            return list(found.partitions)
        if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise KafkaException(found.error)

    def watermarks(self, topic: str, partition: int, timeout: float) -> tuple[int, int]:
        """Return the lowest offset of a partition, and one past the highest. Raises KafkaException."""
        low, high = self.consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout)
        return low, high

    def message_at(self, address: Address) -> Message | None:
        """Return the first message at or behind an offset, which may be an error; None if none comes in time."""
        self.consumer.assign([TopicPartition(*address)])
        deadline = time.monotonic() + TIMEOUT_SECONDS
        try:
            while time.monotonic() < deadline:
                for message in self.consumer.consume(1, 0.2):
                    return message
        finally:
            self.consumer.unassign()
        return None

    def read(
        self,
        starts: Sequence[TopicPartition],
        ends: Mapping[int, int],
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> Iterator[Sequence[Record]]:
        """Yield chunks of one topic's records from `starts` to below `ends`, each partition in its order.

        Ends early once `stop_requested`. Raises KafkaException, and TimeoutError where the brokers send
        nothing for SILENCE_SECONDS.
        """
        remaining = {each.partition for each in starts}
        self.consumer.assign(list(starts))
        received_at = time.monotonic()
        while remaining and not stop_requested():
            now = time.monotonic()
            messages = self.consumer.consume(CHUNK, POLL_SECONDS)
            if messages:
                received_at = now
            elif now - received_at > SILENCE_SECONDS:
                raise TimeoutError
            yield [record_of(message) for message in messages if _is_before_end(message, ends, remaining)]
        self.consumer.unassign()


def _is_before_end(message: Message, ends: Mapping[int, int], remaining: set[int]) -> bool:
    """True if the message is a record below its partition's end; removes a partition from `remaining` at its end."""
    partition, offset = message.partition() or 0, message.offset() or 0
    error = message.error()
    if error is not None:
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(_with_offset(error, partition, message.offset()))
        remaining.discard(partition)
        return False
    if offset >= ends[partition] - 1:
        remaining.discard(partition)
    return offset < ends[partition]


def _with_offset(error: KafkaError, partition: int, offset: int | None) -> KafkaError:
    """Return the error of a record with the offset in its text; any other error as it is."""
    if error.code() not in UNREADABLE or offset is None or offset < 0:
        return error
    return KafkaError(error.code(), f"{error.str()} (partition {partition}, offset {offset})")


class TopicReader:
    """Reads all partitions of one topic up to the ends that they had when the reader was made.

    `ends` has the first offset of each partition, and one past its last. Raises ConnectorError where the brokers
    cannot be reached or refuse. One thread at a time.
    """

    def __init__(self, conf: Mapping[str, Any], topic: str) -> None:
        self.topic = topic
        self.ends: dict[int, tuple[int, int]] = {}
        self._client = ReaderClient(conf, "connector.reading-dead-letters")
        try:
            partitions = self._client.partitions(topic, TIMEOUT_SECONDS)
            for partition in partitions or ():
                self.ends[partition] = self._client.watermarks(topic, partition, TIMEOUT_SECONDS)
        except KafkaException as error:
            why = self._client.why(error)
            self.close()
            raise ConnectorError(f"topic {topic} cannot be read: {why}") from error
        self.exists = partitions is not None

    @property
    def records(self) -> int:
        """Return how many records lie between the ends, at most: a compacted topic holds fewer."""
        return sum(high - low for low, high in self.ends.values())

    def expect_topic(self) -> None:
        """Raise ConnectorError where the topic does not exist."""
        if not self.exists:
            raise ConnectorError(f"topic {self.topic} does not exist: create it, or check dead_letters")

    def read(self) -> Iterator[Sequence[Record]]:
        """Yield chunks of records from the beginning to the ends, each partition in its order; may be called again."""
        starts = [
            TopicPartition(self.topic, partition, OFFSET_BEGINNING)
            for partition, (low, high) in self.ends.items()
            if low < high
        ]
        try:
            yield from self._client.read(starts, {partition: high for partition, (_, high) in self.ends.items()})
        except KafkaException as error:
            raise ConnectorError(f"topic {self.topic} cannot be read: {error.args[0].str()}") from error
        except TimeoutError as error:
            why = f": {self._client.problem}" if self._client.problem else ""
            raise ConnectorError(
                f"topic {self.topic}: the brokers sent nothing for {SILENCE_SECONDS:.0f} s{why}"
            ) from error

    def at(self, partition: int, offset: int) -> Record | None:
        """Return the record at one offset; None if there is none, or none that can be decoded."""
        low, high = self.ends.get(partition, (0, 0))
        if not low <= offset < high:
            return None
        message = self._client.message_at(Address(self.topic, partition, offset))
        if message is None:
            raise ConnectorError(f"topic {self.topic}: the brokers did not answer within {TIMEOUT_SECONDS:.0f} s")
        return record_of(message) if message.error() is None and message.offset() == offset else None

    def close(self) -> None:
        """Close the client."""
        self._client.consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_record(conf: Mapping[str, Any], address: Address) -> Record:
    """Return the record at an address.

    Raises NothingThereError where there is none, saying which offsets there are, UnreadableError where the client
    cannot decode it, and any other ConnectorError where the partition does not exist or the brokers do not answer.
    """
    client = ReaderClient(conf, "connector.lookup")
    try:
        return _read_record(client, address)
    except KafkaException as error:
        raise ConnectorError(f"{address.topic}/{address.partition} cannot be read: {client.why(error)}") from error
    finally:
        client.consumer.close()


def _read_record(client: ReaderClient, address: Address) -> Record:
    topic, partition, offset = address
    # A client goes on asking for a partition that does not exist.
    partitions = client.partitions(topic, TIMEOUT_SECONDS)
    if partitions is None:
        raise ConnectorError(f"topic {topic} does not exist")
    if partition not in partitions:
        raise ConnectorError(f"topic {topic} has no partition {partition}: it has {len(partitions)}, from 0")
    low, high = client.watermarks(topic, partition, TIMEOUT_SECONDS)
    if not low <= offset < high:
        there = f"its offsets are {low} to {high - 1}" if low < high else "it is empty"
        raise NothingThereError(f"{topic}/{partition} has no offset {offset}: {there}", low if offset < low else None)
    message = client.message_at(address)
    if message is None:
        why = f": {client.problem}" if client.problem else ""
        raise ConnectorError(f"{address} did not come within {TIMEOUT_SECONDS:g} s{why}")
    at: Any = message.offset()  # an error about records has one, too
    if (error := message.error()) is not None:
        _raise_for(address, error, at)
    if at != offset:
        raise _nothing_at(address, at)
    return record_of(message)


def _raise_for(address: Address, error: KafkaError, at: int) -> NoReturn:
    """Raise what an error means that came in place of a record, with the offset `at`.

    Of a batch that cannot be decoded that is the batch's first offset: at or below ours, it is the batch of our record.
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


def read_one_each(consumer: Consumer, at: Iterable[tuple[str, int, int]]) -> FirstRecords:
    """Read one record at or behind each topic, partition and offset, of a consumer made with `reader_config`."""
    starts = [TopicPartition(*each) for each in at]
    read = FirstRecords({}, {}, {(each.topic, each.partition) for each in starts})
    if not starts:
        return read
    consumer.assign(starts)
    deadline = time.monotonic() + ONE_EACH_SECONDS
    while read.silent and time.monotonic() < deadline:
        for message in consumer.consume(len(starts), 0.1):
            _take_first(consumer, message, read)
    consumer.unassign()
    return read


def _take_first(consumer: Consumer, message: Message, read: FirstRecords) -> None:
    topic, partition, error = message.topic(), message.partition(), message.error()
    if topic is None or partition is None:
        return  # an error of the client itself: if it matters, partitions stay silent
    key = (topic, partition)
    if key not in read.silent:
        return
    if error is None:
        read.times[key] = record_of(message).timestamp
    elif error.code() == KafkaError._PARTITION_EOF:
        read.times[key] = None
    else:
        read.errors[topic] = error.str()
    read.silent.discard(key)
    consumer.incremental_unassign([TopicPartition(topic, partition)])
