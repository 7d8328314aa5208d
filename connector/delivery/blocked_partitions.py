"""Partitions whose next record cannot be read. Everything here runs on the event loop's thread."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from connector.delivery.assignment import Assignment

log = structlog.get_logger()


class BlockedPartition(NamedTuple):
    """A partition whose next record, at `offset` (None: not known), cannot be read, and why."""

    topic: str
    partition: int
    offset: int | None
    why: str


class BlockedPartitions:
    """Every blocked partition of one sink, by epoch."""

    def __init__(self, assignment: Assignment, sink: str) -> None:
        self._assignment = assignment
        self._sink = sink
        self._blocked: dict[int, BlockedPartition] = {}

    def report(self, epoch: int, blocked: BlockedPartition) -> None:
        """Note that an epoch is blocked; log it if that is new."""
        if self._blocked.get(epoch) != blocked:
            log.error("a record cannot be read: its partition stands", sink=self._sink, topic=blocked.topic,
                      partition=blocked.partition, offset=blocked.offset, why=blocked.why)  # fmt: skip
        self._blocked[epoch] = blocked

    def list_blocked(self) -> list[BlockedPartition]:
        """Return those that are still blocked, and forget the others: not ours any more, or read past the record."""
        for epoch, blocked in list(self._blocked.items()):
            offsets = self._assignment.offsets.get(epoch)
            # An unknown offset means that nothing was read yet: any record that was read since lies past it.
            if offsets is None or (offsets.next_offset or 0) > (blocked.offset or 0):
                del self._blocked[epoch]
        return list(self._blocked.values())
