"""Decides which of our partitions are fetched: not paused ones, and none while there is no demand for long."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connector.kafka.owned_partitions import Partition

# librdkafka's thread for a broker from which nothing is fetched sleeps so long.
SLEEP_SECONDS = 1.0
# Where a fetch may take longer (fetch.wait.max.ms), waiting for the answer behind it would cost more than the sleep.
LONGEST_ANSWER_SECONDS = 2.0


class Fetching:
    """Pauses and resumes the partitions of one client, on the polling thread. A pause throws away what was prefetched.

    `owned` is a live view of the partitions that are ours. `paused` is True while all of them are paused.
    `answer_seconds` is how long to wait for the brokers' answer.
    """

    def __init__(self, consumer: Consumer, owned: Collection[Partition], answer_seconds: float) -> None:
        self.paused = False
        self._answer_seconds = answer_seconds
        self._consumer = consumer
        self._owned = owned
        self._paused_partitions: set[Partition] = set()

    @property
    def nothing_paused(self) -> bool:
        """True if no partition is paused, by `pause` or `pause_partition`."""
        return not self.paused and not self._paused_partitions

    def pause(self) -> None:
        """Pause all partitions, and those that will be assigned."""
        if not self.paused:
            self.paused = True
            self._consumer.pause(_partitions(self._owned))

    def resume(self) -> None:
        """End `pause`, except for partitions that `pause_partition` has paused."""
        if self.paused:
            self.paused = False
            self._fetch([partition for partition in self._owned if partition not in self._paused_partitions])

    def pause_partition(self, partition: Partition) -> None:
        """Pause one partition, until `resume_partition`."""
        if partition in self._owned:
            self._paused_partitions.add(partition)
            self._consumer.pause(_partitions([partition]))

    def resume_partition(self, partition: Partition) -> None:
        """Fetch one partition again, unless all are paused."""
        if partition in self._paused_partitions:
            self._paused_partitions.discard(partition)
            if not self.paused:
                self._fetch([partition])

    def partitions_assigned(self, partitions: Iterable[Partition]) -> None:
        """Apply the current state to newly assigned partitions: the client keeps a pause from an earlier assignment."""
        if self.paused:
            self._consumer.pause(_partitions(partitions))
        else:
            self._consumer.resume(_partitions(partitions))

    def partitions_removed(self, partitions: Iterable[Partition]) -> None:
        """Forget the pauses of partitions that are not ours any more."""
        self._paused_partitions.difference_update(partitions)

    def wake(self) -> None:
        """Wake librdkafka's broker threads: neither resume() nor the end of a rebalance does (up to SLEEP_SECONDS).

        A thread that is awake may have sent a fetch: its broker answers ours after that one. To give up before would
        break the connection. So this may block for `answer_seconds`.
        """
        self._wake([partition for partition in self._owned if partition not in self._paused_partitions])

    def _fetch(self, partitions: Collection[Partition]) -> None:
        self._consumer.resume(_partitions(partitions))
        self._wake(partitions)

    def _wake(self, partitions: Collection[Partition]) -> None:
        """Send the partitions' leaders a ListOffsets request, only because any request wakes the client's threads for
        them; its answer is ignored."""
        if not partitions or self._answer_seconds > LONGEST_ANSWER_SECONDS:
            return
        try:
            self._consumer.offsets_for_times(
                [TopicPartition(*partition, 0) for partition in partitions], timeout=self._answer_seconds
            )
        except KafkaException:
            return  # then they wake by themselves


def _partitions(partitions: Iterable[Partition]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for topic, partition in partitions]
