"""Where a partition of the real broker ends, also while the broker has only just begun to lead it."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

TIMEOUT = 10.0
# What a broker says that has just started, or has just created the topic.
_NOT_YET = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})


def ends_of(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """Its lowest offset and the one past its highest. Blocks; raises KafkaException when it stays without a leader."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return consumer.get_watermark_offsets(partition, timeout=TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
