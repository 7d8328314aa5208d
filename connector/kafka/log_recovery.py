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
from connector.kafka.log_changes import Change, Resumption, resume_at, truncation
from connector.kafka.owned_partitions import Claims, Partition
from connector.kafka.positions import Start, StartingPoint, known_epoch, starting_points
from connector.kafka.read_problem import Trouble
from connector.kafka.source_interface import Listener, LogChange
from connector.kafka.topic_ids import TopicIds

# How long brokers are waited for: with watermarks, and with the ids of topics.
WATERMARK_SECONDS = 5.0
TOPIC_ID_SECONDS = 1.0
# The client tells by itself when a topic's id changes; the brokers are asked so often all the same.
ASK_EVERY_SECONDS = 30.0

log = structlog.get_logger()

Tell = Callable[..., None]


class Beginning(NamedTuple):
    """Where a newly assigned partition is read from, the id of its topic ("": not known), and what happened to it."""

    point: StartingPoint
    topic_id: str
    change: LogChange | None


class Resuming:
    """Of one client; `tell` calls a listener's method on the event loop."""

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        claims: Claims,
        fetching: Fetching,
        topic_ids: TopicIds,
        *,
        listener: Listener,
        tell: Tell,
        trouble: Trouble,
    ) -> None:
        self._consumer = consumer
        self._group = group
        self._claims = claims
        self._fetching = fetching
        self._topic_ids = topic_ids
        self._listener = listener
        self._tell = tell
        self._trouble = trouble
        self._told: list[tuple[str, str]] = []  # topics and their ids, not looked at yet
        self._reads_as: dict[str, str] = {}  # topic → id, as this client has told last
        self._other: set[str] = set()  # topics whose id is another than the one that is read
        self._ask_at = 0.0
        self._validated: set[int] = set()  # claims whose position was held against the log on our demand
        # What the client or the brokers did not let us do. Until it is done, the partition is read at offsets that may
        # be another log's: what comes of it is dropped, and read again.
        self._later: dict[Partition, Callable[[], None]] = {}
        self._said = ""  # the trouble that we told of

    # --- where an assignment begins ------------------------------------------------------------------------------

    def beginnings(self, partitions: Sequence[TopicPartition], start: Start) -> list[Beginning]:
        """Raises KafkaException where the brokers do not answer."""

        def partitions_of(topic: str) -> list[int]:
            return self._topic_ids.partitions(topic, WATERMARK_SECONDS)

        points = starting_points(self._consumer, partitions, start, partitions_of, known=self._claims.topics)
        ids = self._topic_ids.ask({point.topic for point in points}, TOPIC_ID_SECONDS)
        return [self._beginning(point, ids.get(point.topic, "")) for point in points]

    def _beginning(self, point: StartingPoint, asked: str) -> Beginning:
        """`asked` is the id that the brokers say the topic has. Where the client has told another, the committed one
        decides between them: the client tells the right one before it reads."""
        committed = commit_metadata.decode(self._group, point.topic, point.partition, point.offset, point.metadata)
        read_as = "" if committed is None else committed.topic_id
        if point.metadata is None:  # what was committed went with the topic; what we know of it did not
            read_as = self._claims.topics.get(point.topic, "")
        ids = [each for each in (self._claims.told.get(point.topic, ""), self._claims.current(asked)) if each]
        if not ids or read_as in ("", *ids):
            return Beginning(point, read_as or next(iter(ids), ""), None)
        low, _ = self._watermarks((point.topic, point.partition))
        change = LogChange(Change.RECREATED, point.topic, point.partition, max(point.offset, 0), low)
        return Beginning(StartingPoint(point.topic, point.partition, low, None), ids[0], change)

    def begin(self, points: Sequence[StartingPoint]) -> None:
        """Assign these to the client, and have it hold their positions against the logs."""
        self._consumer.incremental_assign([at(*point[:3], point.leader_epoch) for point in points])
        self.left([point[:2] for point in points])  # what was put off was meant for another offset
        for point in points:
            self._validate(point[:2], point.offset, point.leader_epoch)

    def left(self, partitions: Iterable[Partition]) -> None:
        """What was put off of these partitions is not to be done any more."""
        for partition in partitions:
            self._later.pop(partition, None)

    def _validate(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """An assignment alone is not held against the log: only a seek is. Where the log that was read ends before the
        offset, the client says so (see `reset`)."""
        if offset <= 0 or leader_epoch < 0:
            return
        try:
            self._consumer.seek(at(*partition, offset, leader_epoch))
        except KafkaException as error:  # it does not read from this partition yet
            self._put_off(partition, error, lambda: self._validate(partition, offset, leader_epoch))
        else:
            self._later.pop(partition, None)

    # --- a topic that was made anew ------------------------------------------------------------------------------

    def on_topic_id(self, topic: str, topic_id: str) -> None:
        """The client has told the id under which it reads a topic from now on; see `drop_other_topics`."""
        self._told.append((topic, topic_id))

    def ask(self, now: float) -> None:
        """Ask the brokers for the ids of topics of which the client tells none, if it is time. May block for
        TOPIC_ID_SECONDS."""
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_EVERY_SECONDS
        topics = {topic for topic, _ in self._claims.numbers if topic not in self._claims.told}
        for topic, topic_id in self._topic_ids.ask(topics, TOPIC_ID_SECONDS).items():
            self._say_identified(self._claims.identify(topic, topic_id), topic_id)
            if any(self._claims.topic_id(each) != topic_id for each in self._claims.of_topic(topic)):
                self._other.add(topic)

    def ask_soon(self) -> None:
        """The brokers were away: whatever happened meanwhile."""
        self._ask_at = 0.0

    def drop_other_topics(self, messages: list[Message]) -> list[Message]:
        """The messages that may be handed over. Those of a topic whose id has changed were read at another topic's
        offsets: they are dropped, from this poll on, also if the client comes back to the old id."""
        for topic, topic_id in self._told:
            identified, other = self._claims.hear(topic, topic_id, self._reads_as.get(topic, ""))
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
    def reads_other_topics(self) -> bool:
        """Whether a topic's id has changed. The client is of no use any more: librdkafka keeps the leader epochs of the
        old topic's partitions, takes the new one's for outdated, and then reads nothing, without a word."""
        return bool(self._other)

    def _say_identified(self, claims: frozenset[int], topic_id: str) -> None:
        if claims:
            self._tell(self._listener.on_identified, claims, topic_id)

    # --- an offset that is not in the log ------------------------------------------------------------------------

    def reset(self, partition: Partition, said: str) -> None:
        """The offset to read next is not in the log, `said` the client: find out what happened, and go on."""
        claim = self._claims.numbers.get(partition)
        if claim is None:
            return
        try:
            same, topic_id = self._same_topic(partition)
            if same is False:
                self._other.add(partition[0])
                return
            low, high = self._watermarks(partition)
            wanted, epoch = self._next(partition)
            truncated = truncation(said)
            if same and wanted > high and truncated is None and epoch >= 0 and claim not in self._validated:
                # The fetch failed before the position was held against the log: have that done from an offset that
                # can be fetched. The client then says where the log that was read ends.
                self._move(partition, high, -1)
                self._validated.add(claim)
                self._claims.move(partition, wanted, epoch)
                self._validate(partition, wanted, epoch)
                return
            resumption = resume_at(wanted, low, high, truncated=truncated, same_topic=same)
            self._move(partition, resumption.offset, resumption.leader_epoch)
        except KafkaException as error:
            self._put_off(partition, error, lambda: self.reset(partition, said))
            return
        if resumption.change is Change.EXPIRED:
            self._tell(self._listener.on_expired, claim, low)
        elif resumption.change is not None:
            self._claim_anew(partition, resumption, wanted, topic_id)

    def _same_topic(self, partition: Partition) -> tuple[bool | None, str]:
        """Whether the topic is the one that is read, and its id ("": not known). None: that cannot be known.

        The client's own word counts, then the brokers'; where they do not answer, nothing says that it is another.
        """
        topic, known = partition[0], self._claims.topic_id(partition)
        now = self._claims.told.get(topic, "")
        if not now:
            now = self._claims.current(self._topic_ids.ask({topic}, TOPIC_ID_SECONDS).get(topic, ""))
        if not known:
            return None, now
        return not now or now == known, now or known

    @property
    def stands(self) -> bool:
        """Whether a partition waits for something that was put off."""
        return bool(self._later)

    def retry(self) -> None:
        """Try again what the brokers did not let us do."""
        if not self._later:
            return
        for act in list(self._later.values()):
            act()
        if not self._later and self._trouble.now == self._said:
            self._trouble.over()

    # --- both ----------------------------------------------------------------------------------------------------

    def _claim_anew(self, partition: Partition, resumption: Resumption, wanted: int, topic_id: str) -> None:
        """The offsets of before mean nothing any more: the partition gets a claim of its own, and a position."""
        self._fetching.left([partition])  # that it was paused was the old claim's doing
        self._fetching.came([partition])
        point = StartingPoint(*partition, resumption.offset, None, resumption.leader_epoch)
        cut_at = -1 if resumption.change is Change.RECREATED else resumption.offset
        self._tell(self._listener.on_assigned, [self._claims.add(point, topic_id, cut_at)])
        change: Any = resumption.change
        self.say(LogChange(change, *partition, max(wanted, 0), max(resumption.offset, 0)))

    def say(self, change: LogChange) -> None:
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
            return self._claims.began_at(partition)
        return here.offset, known_epoch(here.leader_epoch)

    def _watermarks(self, partition: Partition) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=WATERMARK_SECONDS)
        return low, high

    def _move(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """A partition without a valid position cannot be sought; it is assigned anew."""
        self._claims.move(partition, *self._next(partition))  # which the client forgets, and the rest may fail
        # An earlier try may have taken it away; were it still there, the next step would fail.
        with suppress(KafkaException):
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        self.begin([StartingPoint(*partition, offset, None, leader_epoch)])
        self._claims.move(partition, offset, leader_epoch)

    def _put_off(self, partition: Partition, error: KafkaException, act: Callable[[], None]) -> None:
        if error.args[0].code() != KafkaError._STATE:  # a moment after it was assigned, a partition cannot be sought
            self._trouble.say(f"{partition[0]}/{partition[1]} cannot be reset: {error.args[0].str()}")
            self._said = self._trouble.now
        self._claims.move(partition, *self._next(partition))  # nothing that comes from now on is handed over
        self._later[partition] = act


def _partition(message: Message) -> Any:
    return message.topic(), message.partition()


def at(topic: str, partition: int, offset: int, leader_epoch: int, metadata: str | None = None) -> TopicPartition:
    """An offset as the client takes it, to read from or to commit; a negative leader epoch is none."""
    known: dict[str, Any] = {} if leader_epoch < 0 else {"leader_epoch": leader_epoch}
    if metadata is not None:
        known["metadata"] = metadata
    return TopicPartition(topic, partition, offset, **known)


_SAYS = {
    Change.TRUNCATED: "a log was truncated below what was read of it: reading goes on where it ends",
    Change.OVERWRITTEN: "a log was truncated and written anew past what was read of it: reading goes back",
    Change.RECREATED: "a topic was deleted and made anew: it is read from its beginning",
}
