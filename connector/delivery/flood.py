"""What the flood guard holds back while it holds: failures that are not written, records that are not looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from connector.model import Failure, Record


class DeferredRecords:
    """Records that were read, and failures that were found, while the flood guard held the sink. Pure."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self.failures: deque[Failure] = deque()
        self.bytes = 0

    def defer(self, records: Sequence[Record]) -> None:
        """Keep records for later, in their order."""
        self.records.extend(records)
        self.bytes += sum(len(record.value or b"") for record in records)

    def next_record(self) -> Record:
        """The oldest record that was kept."""
        record = self.records.popleft()
        self.bytes -= len(record.value or b"")
        return record

    def take_failures(self) -> Sequence[Failure]:
        """The failures that were kept; they are kept no longer."""
        failures, self.failures = self.failures, deque()
        return failures

    def drop(self, epochs: AbstractSet[int]) -> None:
        """Drop what belongs to these epochs."""
        self.failures = deque(failure for failure in self.failures if failure.record.assignment_epoch not in epochs)
        self.records = deque(record for record in self.records if record.assignment_epoch not in epochs)
        self.bytes = sum(len(record.value or b"") for record in self.records)
