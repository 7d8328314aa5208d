"""The high watermarks of our partitions, against which lag is counted."""

from __future__ import annotations

from collections.abc import Collection

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from connector.kafka.owned_partitions import Partition

# Fetch responses carry the watermarks. While there is no demand, or a slow vendor leaves the client with enough
# prefetched records, nothing is fetched: then the brokers are asked, and more seldom.
EVERY_SECONDS, EVERY_SECONDS_ASKED = 1.0, 5.0


class Watermarks:
    """Queries the watermarks of one client's partitions from time to time, on the polling thread.

    `answer_seconds` is how long to wait for the brokers' answer.
    """

    def __init__(self, consumer: Consumer, answer_seconds: float) -> None:
        self._consumer = consumer
        self._answer_seconds = answer_seconds
        self._next = 0.0

    def high_watermarks(
        self, now: float, owned: Collection[Partition], *, fetching: bool
    ) -> dict[Partition, int] | None:
        """Return one past the last offset of each owned partition, as far as it is known; None if it is not time yet.

        `now` is in monotonic seconds. Empty if the brokers do not answer: nothing is known any more. May block for
        `answer_seconds` unless `fetching`, which says that the client has fetched since the last query.
        """
        if now < self._next:
            return None
        self._next = now + (EVERY_SECONDS if fetching else EVERY_SECONDS_ASKED)
        try:
            if fetching:
                return self._cached(owned)
            # The answer ends below the first open transaction, what was fetched last may reach past that.
            asked, fetched = self._asked(owned), self._cached(owned)
            return {each: max(end, fetched.get(each, end)) for each, end in asked.items()}
        except KafkaException:  # what is wrong is reported by polling (ReadProblem)
            return {}

    def ask(self, partitions: Collection[Partition]) -> bool:
        """Return True if the brokers answer for every one of these partitions now. May block for `answer_seconds`."""
        try:
            return len(self._asked(partitions)) == len(partitions)
        except KafkaException:
            return False

    def _cached(self, owned: Collection[Partition]) -> dict[Partition, int]:
        highs = {}
        for each in owned:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*each), cached=True)
            if high >= 0:
                highs[each] = high
        return highs

    def _asked(self, owned: Collection[Partition]) -> dict[Partition, int]:
        # ListOffsets with OFFSET_END in place of a time returns the last stable offset: the high watermark, but for
        # transactions that are open.
        ends = [TopicPartition(topic, partition, OFFSET_END) for topic, partition in owned]
        found = self._consumer.offsets_for_times(ends, timeout=self._answer_seconds) if ends else []
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0 and each.error is None}
