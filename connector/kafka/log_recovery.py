"""Goes on reading where a partition's log is not the one that was read: see log_changes for what may have happened.

All of it runs on the thread that polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.fetching import Fetching
from connector.kafka.log_changes import LogChangeKind, Resumption, resumption, truncation
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.positions import Start, StartingPoint, known_leader_epoch, starting_points
from connector.kafka.read_problem import ReadProblem
from connector.kafka.source_interface import LogChange, SourceListener
from connector.kafka.topic_ids import TopicIds

# How long brokers are waited for: with watermarks, and with the ids of topics.
WATERMARK_SECONDS = 5.0
TOPIC_ID_SECONDS = 1.0
# The client tells by itself when a topic's id changes; the brokers are asked so often all the same.
ASK_EVERY_SECONDS = 30.0

log = structlog.get_logger()

Tell = Callable[..., None]


class StartPosition(NamedTuple):
    """Where a newly assigned partition is read from, the id of its topic ("": not known), and what happened to it."""

    point: StartingPoint
    topic_id: str
    change: LogChange | None


class LogRecovery:
    """Of one client; `tell` calls a listener's method on the event loop."""

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        epochs: OwnedPartitions,
        fetching: Fetching,
        topic_ids: TopicIds,
        *,
        listener: SourceListener,
        tell: Tell,
        trouble: ReadProblem,
    ) -> None:
        self._consumer = consumer
        self._group = group
        self._epochs = epochs
        self._fetching = fetching
        self._topic_ids = topic_ids
        self._listener = listener
        self._tell = tell
        self._trouble = trouble
        self._told: list[tuple[str, str]] = []  # topics and their ids, not looked at yet
        self._reads_as: dict[str, str] = {}  # topic → id, as this client has told last
        self._other: set[str] = set()  # topics whose id is another than the one that is read
        self._ask_at = 0.0
        self._validated: set[int] = set()  # epochs whose position was held against the log on our demand
        # What the client or the brokers did not let us do. Until it is done, the partition is read at offsets that may
        # be another log's: what comes of it is dropped, and read again.
        self._later: dict[Partition, Callable[[], None]] = {}
        self._said = ""  # the trouble that we told of

    # --- where an assignment begins ------------------------------------------------------------------------------

    def start_positions(self, partitions: Sequence[TopicPartition], start: Start) -> list[StartPosition]:
        """Raises KafkaException where the brokers do not answer."""

        def partitions_of(topic: str) -> list[int]:
            return self._topic_ids.partitions(topic, WATERMARK_SECONDS)

        points = starting_points(self._consumer, partitions, start, partitions_of, known=self._epochs.topic_ids)
        ids = self._topic_ids.fetch({point.topic for point in points}, TOPIC_ID_SECONDS)
        return [self._beginning(point, ids.get(point.topic, "")) for point in points]

    def _beginning(self, point: StartingPoint, asked: str) -> StartPosition:
        """`asked` is the id that the brokers say the topic has. Where the client has told another, the committed one
        decides between them: the client tells the right one before it reads."""
        committed = commit_metadata.decode(self._group, point.topic, point.partition, point.offset, point.metadata)
        read_as = "" if committed is None else committed.topic_id
        if point.metadata is None:  # what was committed went with the topic; what we know of it did not
            read_as = self._epochs.topic_ids.get(point.topic, "")
        ids = [
            each
            for each in (self._epochs.client_topic_ids.get(point.topic, ""), self._epochs.known_topic_id(asked))
            if each
        ]
        if not ids or read_as in ("", *ids):
            return StartPosition(point, read_as or next(iter(ids), ""), None)
        low, _ = self._watermarks((point.topic, point.partition))
        change = LogChange(LogChangeKind.RECREATED, point.topic, point.partition, max(point.offset, 0), low)
        return StartPosition(StartingPoint(point.topic, point.partition, low, None), ids[0], change)

    def assign(self, points: Sequence[StartingPoint]) -> None:
        """Assign these to the client, and have it hold their positions against the logs."""
        self._consumer.incremental_assign([topic_partition(*point[:3], point.leader_epoch) for point in points])
        self.partitions_removed([point[:2] for point in points])  # what was put off was meant for another offset
        for point in points:
            self._validate(point[:2], point.offset, point.leader_epoch)

    def partitions_removed(self, partitions: Iterable[Partition]) -> None:
        """What was put off of these partitions is not to be done any more."""
        for partition in partitions:
            self._later.pop(partition, None)

    def _validate(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """An assignment alone is not held against the log: only a seek is. Where the log that was read ends before the
        offset, the client says so (see `reset`)."""
        if offset <= 0 or leader_epoch < 0:
            return
        try:
            self._consumer.seek(topic_partition(*partition, offset, leader_epoch))
        except KafkaException as error:  # it does not read from this partition yet
            self._put_off(partition, error, lambda: self._validate(partition, offset, leader_epoch))
        else:
            self._later.pop(partition, None)

    # --- a topic that was made anew ------------------------------------------------------------------------------

    def on_topic_id(self, topic: str, topic_id: str) -> None:
        """The client has told the id under which it reads a topic from now on; see `drop_other_topics`."""
        self._told.append((topic, topic_id))

    def fetch_topic_ids(self, now: float) -> None:
        """Ask the brokers for the ids of topics of which the client tells none, if it is time. May block for
        TOPIC_ID_SECONDS."""
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_EVERY_SECONDS
        topics = {topic for topic, _ in self._epochs.epochs if topic not in self._epochs.client_topic_ids}
        for topic, topic_id in self._topic_ids.fetch(topics, TOPIC_ID_SECONDS).items():
            self._say_identified(self._epochs.set_topic_id(topic, topic_id), topic_id)
            if any(self._epochs.topic_id(each) != topic_id for each in self._epochs.of_topic(topic)):
                self._other.add(topic)

    def fetch_topic_ids_soon(self) -> None:
        """The brokers were away: whatever happened meanwhile."""
        self._ask_at = 0.0

    def drop_recreated_topics(self, messages: list[Message]) -> list[Message]:
        """The messages that may be handed over. Those of a topic whose id has changed were read at another topic's
        offsets: they are dropped, from this poll on, also if the client comes back to the old id."""
        for topic, topic_id in self._told:
            identified, other = self._epochs.client_reads_topic_id(topic, topic_id, self._reads_as.get(topic, ""))
            self._reads_as[topic] = topic_id
            self._say_identified(identified, topic_id)
            if other:
                self._other.add(topic)
        self._told.clear()
        if self._other:
            messages = [message for message in messages if message.topic() not in self._other]
        if self._later:
            messages = [each for each in messages if each.error() is not None or _partition(each) not in self._later]
        return messages

    @property
    def topic_recreated(self) -> bool:
        """Whether a topic's id has changed. The client is of no use any more: librdkafka keeps the leader epochs of the
        old topic's partitions, takes the new one's for outdated, and then reads nothing, without a word."""
        return bool(self._other)

    def _say_identified(self, epochs: frozenset[int], topic_id: str) -> None:
        if epochs:
            self._tell(self._listener.on_topic_id, epochs, topic_id)

    # --- an offset that is not in the log ------------------------------------------------------------------------

    def reset(self, partition: Partition, said: str) -> None:
        """The offset to read next is not in the log, `said` the client: find out what happened, and go on."""
        epoch = self._epochs.epochs.get(partition)
        if epoch is None:
            return
        try:
            same, topic_id = self._same_topic(partition)
            if same is False:
                self._other.add(partition[0])
                return
            low, high = self._watermarks(partition)
            wanted, leader_epoch = self._next(partition)
            truncated = truncation(said)
            if same and wanted > high and truncated is None and leader_epoch >= 0 and epoch not in self._validated:
                # The fetch failed before the position was held against the log: have that done from an offset that
                # can be fetched. The client then says where the log that was read ends.
                self._move(partition, high, -1)
                self._validated.add(epoch)
                self._epochs.set_start(partition, wanted, leader_epoch)
                self._validate(partition, wanted, leader_epoch)
                return
            resumed = resumption(wanted, low, high, truncated=truncated, same_topic=same)
            self._move(partition, resumed.offset, resumed.leader_epoch)
        except KafkaException as error:
            self._put_off(partition, error, lambda: self.reset(partition, said))
            return
        if resumed.change is LogChangeKind.EXPIRED:
            self._tell(self._listener.on_lost_to_retention, epoch, low)
        elif resumed.change is not None:
            self._claim_anew(partition, resumed, wanted, topic_id)

    def _same_topic(self, partition: Partition) -> tuple[bool | None, str]:
        """Whether the topic is the one that is read, and its id ("": not known). None: that cannot be known.

        The client's own word counts, then the brokers'; where they do not answer, nothing says that it is another.
        """
        topic, known = partition[0], self._epochs.topic_id(partition)
        now = self._epochs.client_topic_ids.get(topic, "")
        if not now:
            now = self._epochs.known_topic_id(self._topic_ids.fetch({topic}, TOPIC_ID_SECONDS).get(topic, ""))
        if not known:
            return None, now
        return not now or now == known, now or known

    @property
    def is_blocked(self) -> bool:
        """Whether a partition waits for something that was put off."""
        return bool(self._later)

    def retry(self) -> None:
        """Try again what the brokers did not let us do."""
        if not self._later:
            return
        for act in list(self._later.values()):
            act()
        if not self._later and self._trouble.current == self._said:
            self._trouble.clear()

    # --- both ----------------------------------------------------------------------------------------------------

    def _claim_anew(self, partition: Partition, resumption: Resumption, wanted: int, topic_id: str) -> None:
        """The offsets of before mean nothing any more: the partition gets an epoch of its own, and a position."""
        self._fetching.partitions_removed([partition])  # that it was paused was the old epoch's doing
        self._fetching.partitions_assigned([partition])
        point = StartingPoint(*partition, resumption.offset, None, resumption.leader_epoch)
        truncated_at = -1 if resumption.change is LogChangeKind.RECREATED else resumption.offset
        self._tell(self._listener.on_assigned, [self._epochs.assign(point, topic_id, truncated_at)])
        change: Any = resumption.change
        self.report_change(LogChange(change, *partition, max(wanted, 0), max(resumption.offset, 0)))

    def report_change(self, change: LogChange) -> None:
        """Log it and tell the listener."""
        log.error(_SAYS[change.change], group=self._group, topic=change.topic, partition=change.partition,
                  wanted=change.wanted, resumes_at=change.resumes_at)  # fmt: skip
        self._tell(self._listener.on_log_changed, change)

    def seek(self, partition: Partition, offset: int) -> None:
        """Read a partition from this offset on."""
        try:
            self._move(partition, offset, -1)
        except KafkaException as error:
            self._put_off(partition, error, lambda: self.seek(partition, offset))

    def next_offset(self, partition: Partition) -> int | None:
        """The offset to be read next; None if only the first record tells."""
        offset, _ = self._next(partition)
        return offset if offset >= 0 else None

    def _next(self, partition: Partition) -> tuple[int, int]:
        """The offset to be read next and the leader epoch of the one before it (-1: not known)."""
        here = self._consumer.position([TopicPartition(*partition)])[0]
        if here.offset < 0 or partition in self._later:  # nothing was read yet, or nothing that was handed over
            return self._epochs.start_of(partition)
        return here.offset, known_leader_epoch(here.leader_epoch)

    def _watermarks(self, partition: Partition) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=WATERMARK_SECONDS)
        return low, high

    def _move(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """A partition without a valid position cannot be sought; it is assigned anew."""
        self._epochs.set_start(partition, *self._next(partition))  # which the client forgets, and the rest may fail
        # An earlier try may have taken it away; were it still there, the next step would fail.
        with suppress(KafkaException):
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        self.assign([StartingPoint(*partition, offset, None, leader_epoch)])
        self._epochs.set_start(partition, offset, leader_epoch)

    def _put_off(self, partition: Partition, error: KafkaException, act: Callable[[], None]) -> None:
        if error.args[0].code() != KafkaError._STATE:  # a moment after it was assigned, a partition cannot be sought
            self._trouble.report(f"{partition[0]}/{partition[1]} cannot be reset: {error.args[0].str()}")
            self._said = self._trouble.current
        self._epochs.set_start(partition, *self._next(partition))  # nothing that comes from now on is handed over
        self._later[partition] = act


def _partition(message: Message) -> Any:
    return message.topic(), message.partition()


def topic_partition(
    topic: str, partition: int, offset: int, leader_epoch: int, metadata: str | None = None
) -> TopicPartition:
    """An offset as the client takes it, to read from or to commit; a negative leader epoch is none."""
    known: dict[str, Any] = {} if leader_epoch < 0 else {"leader_epoch": leader_epoch}
    if metadata is not None:
        known["metadata"] = metadata
    return TopicPartition(topic, partition, offset, **known)


_SAYS = {
    LogChangeKind.TRUNCATED: "a log was truncated below what was read of it: reading goes on where it ends",
    LogChangeKind.OVERWRITTEN: "a log was truncated and written anew past what was read of it: reading goes back",
    LogChangeKind.RECREATED: "a topic was deleted and made anew: it is read from its beginning",
}
