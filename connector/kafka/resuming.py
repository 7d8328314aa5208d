"""Goes on reading where a partition's log is not the one that was read: see log_changes for what may have happened.

All of it runs on the thread that polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.claims import Claims, Partition
from connector.kafka.fetching import Fetching
from connector.kafka.handover import Listener, LogChange
from connector.kafka.log_changes import Change, Resumption, resume_at, truncation
from connector.kafka.positions import Start, StartingPoint, known_epoch, starting_points
from connector.kafka.topic_ids import TopicIds
from connector.kafka.trouble import Trouble

# How long brokers are waited for: with watermarks, and with the ids of topics.
WATERMARK_SECONDS = 5.0
TOPIC_ID_SECONDS = 1.0
# How often the id of a topic is asked for whose log has changed, before its log is read from the beginning.
ID_TRIES = 15
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
        self._told: dict[str, str] = {}  # topic → id, not looked at yet
        self._ask_at = 0.0
        self._validated: set[int] = set()  # claims whose position was held against the log on our demand
        # What the client or the brokers did not let us do. Until it is done, the partition is read at offsets that may
        # be another log's: what comes of it is dropped, and read again.
        self._later: dict[Partition, Callable[[], None]] = {}
        self._said = ""  # the trouble that we told of

    # --- where an assignment begins ------------------------------------------------------------------------------

    def beginnings(self, partitions: Sequence[TopicPartition], start: Start) -> list[Beginning]:
        """Raises KafkaException where the brokers do not answer."""
        points = starting_points(self._consumer, partitions, start, known=self._claims.topics)
        ids = self._topic_ids.ask({point.topic for point in points}, TOPIC_ID_SECONDS)
        return [self._beginning(point, self._claims.current(ids.get(point.topic, ""))) for point in points]

    def _beginning(self, point: StartingPoint, topic_id: str) -> Beginning:
        told = commit_metadata.decode(self._group, point.topic, point.partition, point.offset, point.metadata)
        read_as = told.topic_id if told is not None else ""
        if point.metadata is None:  # what was committed went with the topic; what we know of it did not
            read_as = self._claims.topics.get(point.topic, "")
        if not topic_id or read_as in ("", topic_id):
            return Beginning(point, topic_id or read_as, None)
        self._claims.forsake(read_as)
        low, _ = self._watermarks((point.topic, point.partition))
        change = LogChange(Change.RECREATED, point.topic, point.partition, point.offset, low)
        return Beginning(StartingPoint(point.topic, point.partition, low, None), topic_id, change)

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
        """The client has told a topic's id; see `drop_other_topics`."""
        self._told[topic] = topic_id

    def ask(self, now: float) -> None:
        """Ask the brokers for the topics' ids if it is time. May block for TOPIC_ID_SECONDS."""
        if now >= self._ask_at:
            self._ask_at = now + ASK_EVERY_SECONDS
            self._told |= self._topic_ids.ask({topic for topic, _ in self._claims.numbers}, TOPIC_ID_SECONDS)

    def ask_soon(self) -> None:
        """The brokers were away: whatever happened meanwhile."""
        self._ask_at = 0.0

    def drop_other_topics(self, messages: list[Message]) -> list[Message]:
        """The messages that may be handed over. Where a topic's id has changed, its messages were read at the old
        topic's offsets: they are dropped, and the new topic is read from its beginning."""
        if self._told:
            told, self._told = self._told, {}
            other = {topic for topic, topic_id in told.items() if self._follow(topic, topic_id)}
            messages = [message for message in messages if message.topic() not in other] if other else messages
        if self._later:
            messages = [each for each in messages if each.error() is not None or _partition(each) not in self._later]
        return messages

    def _follow(self, topic: str, topic_id: str) -> bool:
        """Read a topic by the id it has now; returns whether that is another than before."""
        identified = self._claims.identify(topic, topic_id)
        if identified:
            self._tell(self._listener.on_identified, identified, topic_id)
        partitions = self._claims.read_under_another(topic, topic_id)
        for partition in partitions:
            self._claims.forsake(self._claims.topic_id(partition))
        for partition in partitions:
            self._begin_anew(partition, topic_id)
        return bool(partitions)

    def _begin_anew(self, partition: Partition, topic_id: str) -> None:
        """Read a partition of a topic that was made anew from its beginning."""
        wanted, _ = self._next(partition)
        try:
            low, _ = self._watermarks(partition)
        except KafkaException:
            low = OFFSET_BEGINNING
        try:
            self._move(partition, low, -1)
        except KafkaException as error:
            self._put_off(partition, error, lambda: self._begin_anew(partition, topic_id))
            return
        self._claim_anew(partition, Resumption(low, -1, Change.RECREATED), wanted, topic_id)

    # --- an offset that is not in the log ------------------------------------------------------------------------

    def reset(self, partition: Partition, said: str, tries: int = 1) -> None:
        """The offset to read next is not in the log, `said` the client: find out what happened, and go on."""
        claim = self._claims.numbers.get(partition)
        if claim is None:
            return
        try:
            known, topic_id = self._claims.topic_id(partition), self._id_of(partition, last_try=tries >= ID_TRIES)
            low, high = self._watermarks(partition)
            wanted, epoch = self._next(partition)
            truncated = truncation(said)
            same = known == topic_id if known and topic_id else None
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
            self._put_off(partition, error, lambda: self.reset(partition, said, tries + 1))
            return
        if resumption.change is Change.EXPIRED:
            self._tell(self._listener.on_expired, claim, low)
        elif resumption.change is not None:
            self._claim_anew(partition, resumption, wanted, topic_id or known)

    def _id_of(self, partition: Partition, *, last_try: bool) -> str:
        """The id that the partition's topic has now; "" if it cannot be known. Raises KafkaException where it could be
        known before and the brokers do not answer."""
        told = self._topic_ids.ask({partition[0]}, TOPIC_ID_SECONDS)
        found = self._claims.current(told.get(partition[0], ""))
        if not found and self._claims.topic_id(partition) and not last_try:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the topic's id is not told"))
        return found

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
        self._tell(self._listener.on_assigned, [self._claims.add(point, topic_id)])
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
        with suppress(
            KafkaException
        ):  # an earlier try has taken it away; were it still there, the next step would fail
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
