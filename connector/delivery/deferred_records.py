"""The records and failures that the flood guard defers. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from connector.model import Failure, Record


class DeferredRecords:
    """Records that were read, and failures that were found, while the guard was deferring; in order."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self.failures: deque[Failure] = deque()
        self.bytes = 0  # of the records

    def defer(self, records: Sequence[Record]) -> None:
        """Append records."""
        self.records.extend(records)
        self.bytes += sum(record.value_size for record in records)

    def next_record(self) -> Record:
        """Remove and return the oldest record."""
        record = self.records.popleft()
        self.bytes -= record.value_size
        return record

    def take_failures(self) -> Sequence[Failure]:
        """Remove and return all failures."""
        failures, self.failures = self.failures, deque()
        return failures

    def drop_deferred(self, epochs: AbstractSet[int]) -> None:
        """Drop what belongs to these epochs."""
        self.failures = deque(failure for failure in self.failures if failure.record.assignment_epoch not in epochs)
        self.records = deque(record for record in self.records if record.assignment_epoch not in epochs)
        self.bytes = sum(record.value_size for record in self.records)
