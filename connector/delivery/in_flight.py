"""The batches of one sink that were taken to be sent and are not settled yet, and which of them probes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from connector.batching.batcher import Batch
from connector.batching.isolation import Parts
from connector.model import Item

# In an outage the oldest batch alone is sent; but a vendor may hang on just that one.
PROBES_OF_ONE = 3


class Flight:
    """One batch from its first request until every item of it is settled; it holds its keys as long."""

    __slots__ = ("airborne", "batch", "parts", "retry_at")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.parts = Parts(batch.items)
        self.retry_at = 0.0
        self.airborne = False


class Flights:
    """Every flight, in the air (its request is under way) or held (it waits for another try)."""

    def __init__(self) -> None:
        self.held = 0
        self._all: dict[int, Flight] = {}  # by the batch's number
        self._probed_last = 0  # the number of the batch that was the last probe; 0: begin with the oldest
        self._probes_of_one = 0  # how often in a row it was

    def __len__(self) -> int:
        return len(self._all)

    # --- coming and going ----------------------------------------------------------------------------------------

    def board(self, batch: Batch) -> Flight:
        """A batch was taken: it is held until it departs."""
        flight = self._all[batch.number] = Flight(batch)
        self.held += 1
        return flight

    def depart(self, flight: Flight) -> None:
        """Its request goes out."""
        flight.airborne = True
        self.held -= 1

    def arrive(self, flight: Flight) -> None:
        """Its request came back, whatever it said."""
        flight.airborne = False
        self.held += 1

    def end(self, flight: Flight) -> None:
        """All of a held flight is settled."""
        del self._all[flight.batch.number]
        self.held -= 1

    def forget(self, gone: Callable[[Item], bool]) -> tuple[list[Item], list[Flight]]:
        """Drop the items that are `gone` from what is held; returns them, and the flights that have nothing left."""
        held = [flight for flight in self._all.values() if not flight.airborne]
        dropped = [item for flight in held for item in flight.parts.forget(gone)]
        return dropped, [flight for flight in held if flight.parts.done]

    # --- what is where -------------------------------------------------------------------------------------------

    def airborne(self, claims: AbstractSet[int] | None = None) -> int:
        """How many items of these claims (None: of all) are in a request now."""
        return sum(
            1
            for flight in self._all.values()
            if flight.airborne
            for item in flight.parts.current.items
            if claims is None or item.record.claim in claims
        )

    def airborne_records(self) -> set[tuple[int, int]]:
        """Of which records, as claim and offset, something is in a request now."""
        return {
            (item.record.claim, item.record.offset)
            for flight in self._all.values()
            if flight.airborne
            for item in flight.parts.current.items
        }

    def held_items(self) -> int:
        """How many items are not in the air: they wait for another try, or for the rest of their batch."""
        return sum(len(flight.parts.items()) for flight in self._all.values()) - self.airborne()

    def claims(self) -> set[int]:
        """The claims of all items, settled ones of their batches included."""
        return {item.record.claim for flight in self._all.values() for item in flight.batch.items}

    # --- which goes next -----------------------------------------------------------------------------------------

    def due(self, now: float) -> Flight | None:
        """A held flight whose time for another try has come."""
        if not self.held:
            return None
        return next((each for each in self._all.values() if not each.airborne and each.retry_at <= now), None)

    def next_retry(self) -> float | None:
        """When the next held flight is due; None if none is held."""
        if not self.held:
            return None
        return min(flight.retry_at for flight in self._all.values() if not flight.airborne)

    def same_probe(self) -> Flight | None:
        """The last probe, if it is to go again."""
        flight = self._all.get(self._probed_last)
        return flight if self._probes_of_one < PROBES_OF_ONE and flight is not None and not flight.airborne else None

    def unprobed(self) -> Flight | None:
        """The oldest held flight that comes after the last probe."""
        held = (flight for flight in self._all.values() if not flight.airborne)
        later = (flight for flight in held if flight.batch.number > self._probed_last)
        return min(later, key=lambda flight: flight.batch.number, default=None)

    def probed(self, flight: Flight) -> None:
        """This one goes as the probe."""
        self._probes_of_one = self._probes_of_one + 1 if flight.batch.number == self._probed_last else 1
        self._probed_last = flight.batch.number

    def suspect_probe(self) -> None:
        """The last probe's own events may have caused its fault: another one tells."""
        self._probes_of_one = PROBES_OF_ONE

    def begin_round(self) -> None:
        """The next probe is the oldest flight again."""
        self._probed_last = 0

    def retry_all(self) -> None:
        """The vendor answers again: all that is held may go."""
        self.begin_round()
        for flight in self._all.values():
            flight.retry_at = 0.0
