"""The batches of one sink that were taken to be sent and are not settled yet, and which of them probes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from connector.batching.batcher import Batch
from connector.batching.isolation import SubBatches
from connector.model import Item

# In an outage the oldest batch alone is sent; but a vendor may hang on just that one.
PROBES_OF_ONE = 3


class InFlightBatch:
    """One batch from its first request until every item of it is settled; it holds its keys as long."""

    __slots__ = ("batch", "in_flight", "retry_at", "sub_batches")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.sub_batches = SubBatches(batch.items)
        self.retry_at = 0.0
        self.in_flight = False


class InFlightBatches:
    """Every flight, in the air (its request is under way) or held (it waits for another try)."""

    def __init__(self) -> None:
        self.awaiting_retry = 0
        self._all: dict[int, InFlightBatch] = {}  # by the batch's number
        self._probed_last = 0  # the number of the batch that was the last probe; 0: begin with the oldest
        self._probes_of_one = 0  # how often in a row it was

    def __len__(self) -> int:
        return len(self._all)

    # --- coming and going ----------------------------------------------------------------------------------------

    def admit(self, batch: Batch) -> InFlightBatch:
        """A batch was taken: it is held until it departs."""
        flight = self._all[batch.number] = InFlightBatch(batch)
        self.awaiting_retry += 1
        return flight

    def start(self, flight: InFlightBatch) -> None:
        """Its request goes out."""
        flight.in_flight = True
        self.awaiting_retry -= 1

    def finish(self, flight: InFlightBatch) -> None:
        """Its request came back, whatever it said."""
        flight.in_flight = False
        self.awaiting_retry += 1

    def remove(self, flight: InFlightBatch) -> None:
        """All of a held flight is settled."""
        del self._all[flight.batch.number]
        self.awaiting_retry -= 1

    def drop(self, gone: Callable[[Item], bool]) -> tuple[list[Item], list[InFlightBatch]]:
        """Drop the items that are `gone` from what is held; returns them, and the flights that have nothing left."""
        held = [flight for flight in self._all.values() if not flight.in_flight]
        dropped = [item for flight in held for item in flight.sub_batches.drop(gone)]
        return dropped, [flight for flight in held if flight.sub_batches.done]

    # --- what is where -------------------------------------------------------------------------------------------

    def items_in_flight(self, epochs: AbstractSet[int] | None = None) -> int:
        """How many items of these epochs (None: of all) are in a request now."""
        return sum(
            1
            for flight in self._all.values()
            if flight.in_flight
            for item in flight.sub_batches.current.items
            if epochs is None or item.record.assignment_epoch in epochs
        )

    def records_in_flight(self) -> set[tuple[int, int]]:
        """Of which records, as epoch and offset, something is in a request now."""
        return {
            (item.record.assignment_epoch, item.record.offset)
            for flight in self._all.values()
            if flight.in_flight
            for item in flight.sub_batches.current.items
        }

    def items_awaiting_retry(self) -> int:
        """How many items are not in the air: they wait for another try, or for the rest of their batch."""
        return sum(len(flight.sub_batches.items()) for flight in self._all.values()) - self.items_in_flight()

    def epochs(self) -> set[int]:
        """The epochs of all items, settled ones of their batches included."""
        return {item.record.assignment_epoch for flight in self._all.values() for item in flight.batch.items}

    # --- which goes next -----------------------------------------------------------------------------------------

    def due_for_retry(self, now: float) -> InFlightBatch | None:
        """A held flight whose time for another try has come."""
        if not self.awaiting_retry:
            return None
        return next((each for each in self._all.values() if not each.in_flight and each.retry_at <= now), None)

    def next_retry(self) -> float | None:
        """When the next held flight is due; None if none is held."""
        if not self.awaiting_retry:
            return None
        return min(flight.retry_at for flight in self._all.values() if not flight.in_flight)

    def last_probe(self) -> InFlightBatch | None:
        """The last probe, if it is to go again."""
        flight = self._all.get(self._probed_last)
        return flight if self._probes_of_one < PROBES_OF_ONE and flight is not None and not flight.in_flight else None

    def next_probe(self) -> InFlightBatch | None:
        """The oldest held flight that comes after the last probe."""
        held = (flight for flight in self._all.values() if not flight.in_flight)
        later = (flight for flight in held if flight.batch.number > self._probed_last)
        return min(later, key=lambda flight: flight.batch.number, default=None)

    def record_probe(self, flight: InFlightBatch) -> None:
        """This one goes as the probe."""
        self._probes_of_one = self._probes_of_one + 1 if flight.batch.number == self._probed_last else 1
        self._probed_last = flight.batch.number

    def rule_out_last_probe(self) -> None:
        """The last probe's own events may have caused its fault: another one tells."""
        self._probes_of_one = PROBES_OF_ONE

    def restart_probing(self) -> None:
        """The next probe is the oldest flight again."""
        self._probed_last = 0

    def retry_all(self) -> None:
        """The vendor answers again: all that is held may go."""
        self.restart_probing()
        for flight in self._all.values():
            flight.retry_at = 0.0
