"""What reads on where a log has changed, on a client that behaves as librdkafka does and refuses what a test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.client_errors import ReadProblem
from connector.kafka.commit_metadata import Metadata
from connector.kafka.fetching import Fetching
from connector.kafka.log_recovery import LogRecovery, StartPosition
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.positions import Start, StartingPoint, known_leader_epoch, topic_partition
from connector.kafka.source_interface import LogChange
from connector.kafka.topic_ids import TopicIds

GROUP = "crm.mytracker"
OLD, NEW = "0123456789+/abcdefghij", "AbCdEfGhIjKlMnOpQrStUv"
USERS = ("users", 0)
LOST = KafkaException(KafkaError(KafkaError._TRANSPORT))


class Client:
    """A consumer: an assignment, the offset and leader epoch that each partition is fetched from, and positions.

    `refusals` counts how many of the next calls of a step it refuses.
    """

    def __init__(self) -> None:
        self.fetched: dict[Partition, tuple[int, int]] = {}
        self.sought: list[tuple[int, int]] = []
        self.ends: dict[Partition, tuple[int, int]] = {}
        self.commits: dict[Partition, tuple[int, str, int]] = {}
        self.refusals: Counter[str] = Counter()
        self.refusal = LOST
        self.calls: Counter[str] = Counter()
        self._read: dict[Partition, tuple[int, int]] = {}

    def _called(self, step: str) -> None:
        self.calls[step] += 1
        if self.refusals[step]:
            self.refusals[step] -= 1
            raise self.refusal

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        self._called("assign")
        for each in partitions:
            assert (each.topic, each.partition) not in self.fetched, "it is assigned already"
            self._fetch(each)

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        self._called("unassign")
        for each in partitions:
            if self.fetched.pop((each.topic, each.partition), None) is None:
                raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
            self._read.pop((each.topic, each.partition), None)

    def seek(self, partition: TopicPartition) -> None:
        self._called("seek")
        assert (partition.topic, partition.partition) in self.fetched
        self._fetch(partition)
        self.sought.append(self.fetched[partition.topic, partition.partition])

    def _fetch(self, each: TopicPartition) -> None:
        self.fetched[each.topic, each.partition] = each.offset, known_leader_epoch(each.leader_epoch)
        self._read.pop((each.topic, each.partition), None)

    def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        found = []
        for each in partitions:
            offset, leader_epoch = self._read.get((each.topic, each.partition), (OFFSET_INVALID, -1))
            found.append(topic_partition(each.topic, each.partition, offset, leader_epoch))
        return found

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        self._called("watermarks")
        return self.ends[partition.topic, partition.partition]

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._called("committed")
        found = []
        for each in partitions:
            place = each.topic, each.partition
            if place in self.commits:
                offset, metadata, leader_epoch = self.commits[place]
                found.append(TopicPartition(*place, offset, metadata, leader_epoch))
            else:
                found.append(TopicPartition(*place, OFFSET_INVALID))
        return found

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        self.commits |= {(each.topic, each.partition): (each.offset, "", -1) for each in offsets}

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Nothing is prefetched."""

    resume = pause

    def bring(self, partition: Partition = USERS, count: int = 1, leader_epoch: int = 0) -> list[Message]:
        """The next messages of a partition, from where it is fetched."""
        offset, _ = self.fetched[partition]
        messages: list[Message] = [
            Message(topic=partition[0], partition=partition[1], offset=each, leader_epoch=leader_epoch)
            for each in range(offset, offset + count)
        ]
        self.fetched[partition] = self._read[partition] = offset + count, leader_epoch
        return messages


class Ids(TopicIds):
    """Brokers that report the ids in `known`."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.asked: list[set[str]] = []
        self.numbers: dict[str, list[int]] = {}

    def partitions(self, topic: str, seconds: float) -> list[int]:
        return self.numbers[topic]

    def fetch(self, topics: Collection[str], seconds: float) -> dict[str, str]:
        self.asked.append(set(topics))
        return {topic: each for topic, each in self.known.items() if topic in topics}


class ListenerCalls:
    """A listener: every call by its name."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *told: self.calls.append((name, told[0] if len(told) == 1 else told))

    def of(self, name: str) -> list[Any]:
        return [told for each, told in self.calls if each == name]

    @property
    def changes(self) -> list[LogChange]:
        return self.of("on_log_changed")


class RecoveryBench:
    """A member that has partitions of `users`, and the thread's part in it."""

    def __init__(self) -> None:
        self.client, self.ids, self.listener, self.owned = Client(), Ids(), ListenerCalls(), OwnedPartitions()
        self.problems: list[str] = []
        self.problem = ReadProblem(GROUP, lambda problem, _: self.problems.append(problem))
        consumer: Any = self.client
        listener: Any = self.listener
        self.recovery = LogRecovery(
            consumer,
            GROUP,
            self.owned,
            Fetching(consumer, self.owned.epochs.keys(), 1.5),
            self.ids,
            listener=listener,
            notify=lambda call, *told: call(*told),
            problem=self.problem,
        )

    def assign(
        self,
        offset: int,
        *,
        topic_id: str = OLD,
        leader_epoch: int = -1,
        ends: tuple[int, int] = (0, 1_000),
        partition: int = 0,
    ) -> int:
        """Assign a partition, read from this offset; return its epoch."""
        point = StartingPoint("users", partition, offset, None, leader_epoch)
        self.client.ends["users", partition] = ends
        if topic_id:
            self.ids.known["users"] = topic_id
        epoch = self.owned.assign(point, topic_id).epoch
        self.recovery.assign([point])
        return epoch

    def begin(self, *partitions: int, start: Start = "earliest") -> list[StartPosition]:
        """Where an assignment of partitions of `users` begins, and a epoch for each."""
        found = self.recovery.start_positions([TopicPartition("users", each) for each in partitions], start)
        for each in found:
            self.owned.assign(each.point, each.topic_id)
        self.recovery.assign([each.point for each in found])
        return found

    def commit(self, offset: int, *, topic_id: str = "", leader_epoch: int = -1, partition: int = 0) -> None:
        metadata = commit_metadata.encode(GROUP, "users", partition, offset, Metadata(None, topic_id, leader_epoch))
        self.client.commits["users", partition] = offset, metadata, leader_epoch

    def poll_once(self, *messages: Message) -> list[int]:
        """Poll once, bringing these; return the offsets that are handed over."""
        handed = self.recovery.drop_stale(list(messages))
        self.recovery.retry()
        return [offset for each in handed if (offset := each.offset()) is not None]

    def read(self, count: int, *, leader_epoch: int = 0) -> list[int]:
        """So many messages are read and handed over, unless they are dropped."""
        return self.poll_once(*self.client.bring(count=count, leader_epoch=leader_epoch))
