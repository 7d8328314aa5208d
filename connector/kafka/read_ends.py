"""How far our partitions are read, past offsets that hold no record as well.

Of a transaction, its mark (commit or abort) and all its records if it was aborted take offsets that never come as a
record, and so do records that compaction has removed. librdkafka's position moves past the mark as soon as it is
consumed; where a log ends in a batch that compaction has emptied, only the report of the partition's end
(PARTITION_EOF) tells that nothing is left.

All of it runs on the polling thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import Consumer, TopicPartition

from connector.kafka.owned_partitions import Partition
from connector.kafka.positions import known_leader_epoch
from connector.kafka.source_interface import ReadEnd
from connector.model import Record

EVERY_SECONDS = 1.0


class ReadEnds:
    """Finds how far each owned partition is read; `epochs` is a live view of their assignment epochs.

    The client may return a position of an earlier assignment for a moment. A position counts only after the client has
    been seen without one under this epoch, or a record or the end of the partition was handed over under it.
    """

    def __init__(self, consumer: Consumer, epochs: Mapping[Partition, int]) -> None:
        self._consumer = consumer
        self._epochs = epochs
        self._next = 0.0
        self._valid: dict[int, bool] = {}  # by epoch: True if a position is of this epoch
        self._ends: dict[int, int] = {}  # by epoch: the end of the partition that was reported last

    def note_records(self, records: Iterable[Record]) -> None:
        """Note that these records are handed over."""
        if not all(self._valid.values()):
            self._valid |= {record.assignment_epoch: True for record in records}

    def note_end(self, epoch: int, offset: int) -> None:
        """Note that the client has reached the end of a partition: nothing is unread below `offset`."""
        self._valid[epoch] = True
        self._ends[epoch] = offset
        self._next = 0.0

    def find(self, now: float, is_stale: Callable[[Partition], bool]) -> dict[int, ReadEnd]:
        """Return how far each epoch is read, once in EVERY_SECONDS, and at once for new epochs and reported ends.

        To be called after the messages polled so far were handed over. `now` is in monotonic seconds. Partitions that
        are `is_stale` are left out: what the client reads of them is not handed over.
        """
        if now < self._next and all(epoch in self._valid for epoch in self._epochs.values()):
            return {}
        self._next = now + EVERY_SECONDS
        ours = set(self._epochs.values())
        self._valid = {epoch: valid for epoch, valid in self._valid.items() if epoch in ours}
        self._ends = {epoch: end for epoch, end in self._ends.items() if epoch in ours}
        asked = [TopicPartition(*partition) for partition in self._epochs if not is_stale(partition)]
        found = {}
        for each in self._consumer.position(asked) if asked else ():
            epoch = self._epochs[each.topic, each.partition]
            read = self._read_end(epoch, each.offset, known_leader_epoch(each.leader_epoch))
            if read is not None:
                found[epoch] = read
        return found

    def _read_end(self, epoch: int, position: int, leader_epoch: int) -> ReadEnd | None:
        valid = self._valid.setdefault(epoch, position < 0)
        self._valid[epoch] = valid or position < 0
        end = self._ends.get(epoch, -1)
        if end > max(position, -1):
            return ReadEnd(end, -1)  # the leader epoch of a batch that is empty is not reported
        return ReadEnd(position, leader_epoch) if valid and position >= 0 else None
