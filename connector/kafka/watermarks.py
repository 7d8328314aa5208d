"""Where the partitions end: what lag is counted against."""

from __future__ import annotations

from collections.abc import Collection

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

# What is fetched says the ends. While nothing is wanted, or a slow vendor leaves the client with enough to read,
# nothing is fetched: then the brokers are asked, and more seldom.
EVERY_SECONDS, EVERY_SECONDS_ASKED = 1.0, 5.0
TIMEOUT_SECONDS = 0.5


class Watermarks:
    """Looks at the ends now and then; belongs to the thread that owns the consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._next = 0.0

    def high_watermarks(
        self, now: float, held: Collection[tuple[str, int]], *, fetching: bool
    ) -> dict[tuple[str, int], int]:
        """One past the last offset of each partition held; empty if it is not time yet or the brokers do not say."""
        if now < self._next:
            return {}
        self._next = now + (EVERY_SECONDS if fetching else EVERY_SECONDS_ASKED)
        try:
            return self._cached(held) if fetching else self._asked(held)
        except KafkaException:  # what keeps them from being read is told as trouble
            return {}

    def _cached(self, held: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        highs = {}
        for each in held:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*each), cached=True)
            if high >= 0:
                highs[each] = high
        return highs

    def _asked(self, held: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        ends = [TopicPartition(topic, partition, OFFSET_END) for topic, partition in held]
        found = self._consumer.offsets_for_times(ends, timeout=TIMEOUT_SECONDS) if ends else []
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0 and each.error is None}
