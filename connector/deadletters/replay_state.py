"""The letters that a replay has open, how each is closed by its receipt, and what became of them by sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.deadletters.remap import SKIPPED, Remapped
from connector.delivery.dead_letter_writer import DeadLetterSender
from connector.kafka.dead_letter import DeadLetter, ProducedLetter, digest
from connector.model import Failure, Item, Reason, Stage

# Letters in memory at a time: enough for every slot in flight, however slow the vendor.
MAX_OPEN = 2000
MAX_OPEN_BYTES = 32 << 20
_STAGES = frozenset(Stage)


@dataclass(slots=True)
class ReplayCounts:
    """One sink's letters, counted by result. `left_open` counts, by obstacle, those that were left as they are."""

    accepted: int = 0
    refused: int = 0
    left_open: Counter[str] = field(default_factory=Counter)

    @property
    def finished(self) -> int:
        """Letters that the replay has dealt with."""
        return self.accepted + self.refused + self.left_open.total()

    @property
    def skipped(self) -> int:
        """Letters that `connector skip` wrote: no replay sends them."""
        return self.left_open[SKIPPED]

    @property
    def unmappable(self) -> int:
        """Letters that cannot be sent: no such sink or route, a value that maps no more, a later version's reason."""
        return self.left_open.total() - self.skipped


class _Pair:
    """What one route makes of a letter's event: `waiting` are the items that are not answered, by their element."""

    __slots__ = ("accepted", "failures", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, Item] = {}
        self.accepted = 0
        self.failures: list[Failure] = []


class OpenLetter:
    """A letter with unsettled items, or whose receipt is not written yet.

    `pairs` has, by route, what is not settled. `interrupted`: the replay was stopped amid a pair's items.
    """

    __slots__ = ("complete", "interrupted", "letter", "pairs", "refused", "row", "size")

    def __init__(self, ordered: OrderedLetter, remapped: Remapped) -> None:
        self.letter: DeadLetter = ordered.letter
        self.row = ordered.row
        self.size = len(ordered.record.value or b"")
        self.complete = remapped.complete
        self.refused = remapped.refused_before
        self.interrupted = False
        self.pairs: dict[str | None, _Pair] = {}
        for item in remapped.items:
            self.pairs.setdefault(item.route, _Pair()).waiting[item.element] = item
        for failure in remapped.failures:  # of routes of which other items are sent
            self.pairs[failure.route].failures.append(failure)

    def as_failure(self, item: Item) -> Failure:
        """Return why an item is still a letter's that the replay did not come to."""
        letter = self.letter
        reason, stage = Reason(letter.reason), Stage(letter.stage) if letter.stage in _STAGES else Stage.SEND
        return Failure(
            item.record,
            reason,
            stage,
            letter.message,
            item.route,
            item.method,
            letter.status,
            letter.attempts,
            item.element,
        )


class OpenLetters:
    """Open letters by number; closes each by a receipt once its items are settled.

    `on_progress` is called when a letter is finished or a receipt is reported, `on_receipt_refused` with the reason if
    the brokers refuse a receipt. All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        index: LetterIndex,
        receipts: Receipts,
        producer: DeadLetterSender,
        *,
        topic: str,
        clock: Clock,
        on_progress: Callable[[], None],
        on_receipt_refused: Callable[[str], None],
    ) -> None:
        self.counts: dict[str, ReplayCounts] = {}  # by sink
        self.pending_receipts = 0
        self._index = index
        self._receipts = receipts
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._on_progress = on_progress
        self._on_receipt_refused = on_receipt_refused
        self._open: dict[int, OpenLetter] = {}
        self._open_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """True if no further letter may be opened until one is finished."""
        return bool(self._open) and (len(self._open) >= MAX_OPEN or self._open_bytes >= MAX_OPEN_BYTES)

    def sink_of(self, number: int) -> str:
        """Return the sink of an open letter."""
        return self._open[number].letter.sink

    def replays_of(self, number: int) -> int:
        """Return how often an open letter was replayed before."""
        return self._open[number].letter.replays

    def open_letter(self, number: int, ordered: OrderedLetter, remapped: Remapped) -> None:
        """Open a letter whose items are about to be sent; one without any items is closed at once."""
        open_letter = self._open[number] = OpenLetter(ordered, remapped)
        self._open_bytes += open_letter.size
        if not remapped.items:  # an earlier replay settled them, and was killed before it closed the letter
            self._close(number, open_letter)

    def accept(self, item: Item) -> Sequence[Failure]:
        """Note that the vendor accepted an item, and settle its pair if all of that is accepted.

        Otherwise, if it was the pair's last, the failures of the others are returned: write their new letter.
        """
        number = item.record.assignment_epoch
        pair = self._open[number].pairs[item.route]
        del pair.waiting[item.element]
        pair.accepted += 1
        if pair.waiting:
            return ()
        if not pair.failures:
            self.settle(number, item.route, LetterState.REPLAYED)
        return pair.failures

    def fail(self, failure: Failure) -> Sequence[Failure]:
        """Note that the vendor refused an item again; return the failures of its pair if it was the last of it."""
        pair = self._open[failure.record.assignment_epoch].pairs[failure.route]
        del pair.waiting[failure.element]
        pair.failures.append(failure)
        return () if pair.waiting else pair.failures

    def interrupt(self) -> Iterator[Sequence[Failure]]:
        """End the pairs of which some items were accepted and others will not be sent; nothing is in flight.

        Yields for each the failures of its new letter, so that the next replay does not send what was accepted.
        """
        for open_letter in self._open.values():
            for pair in open_letter.pairs.values():
                if pair.accepted and pair.waiting:
                    open_letter.interrupted = True
                    failures = [*pair.failures, *map(open_letter.as_failure, pair.waiting.values())]
                    pair.waiting.clear()
                    yield failures

    def settle(self, number: int, route: str | None, state: LetterState) -> None:
        """Settle what one route makes of an open letter's event.

        The vendor accepted all of it, or the new letter of the rest is written.
        """
        open_letter = self._open[number]
        letter = open_letter.letter
        del open_letter.pairs[route]
        open_letter.refused = open_letter.refused or state is LetterState.REFUSED
        if letter.route is None and (open_letter.pairs or not open_letter.complete):
            # The letter stays open until all its routes are settled: this route gets a receipt of its own.
            self._write(letter.identity_by(route), state, letter, {letter.place.partition: letter.place.offset}, None)
        if not open_letter.pairs:
            self._close(number, open_letter)

    def _close(self, number: int, open_letter: OpenLetter) -> None:
        if not open_letter.complete:
            self._finish(number)
            return
        letter = open_letter.letter
        state = LetterState.REFUSED if open_letter.refused else LetterState.REPLAYED
        self._write(letter.identity, state, letter, self._index.highest_offsets(open_letter.row), number)

    def _write(
        self, identity: bytes, state: LetterState, letter: DeadLetter, offsets: Mapping[int, int], finishes: int | None
    ) -> None:
        """Write a receipt for these offsets; `finishes` is the number of the letter that it finishes, if it does."""
        to_close = self._receipts.offsets_to_close(digest(identity), offsets)
        receipt = Receipt(state, self._clock.now(), letter.place.address(self._topic), to_close)
        # Before the brokers have it: where they refuse it, the replay stops.
        self._receipts.add_receipt(identity, receipt)
        self.pending_receipts += 1
        self._producer.write(
            ProducedLetter(identity, receipt.encode(), []), lambda error: self._on_report(finishes, error)
        )

    def _on_report(self, number: int | None, error: str | None) -> None:
        """Called on the loop once the brokers have a receipt, or refuse it."""
        self.pending_receipts -= 1
        if error is not None:
            self._on_receipt_refused(error)
        elif number is not None:
            open_letter = self._open[number]
            counts = self.counts[open_letter.letter.sink]
            if open_letter.interrupted:
                pass  # its new letter remains to be replayed
            elif open_letter.refused:
                counts.refused += 1
            else:
                counts.accepted += 1
            self._finish(number)
        self._on_progress()

    def _finish(self, number: int) -> None:
        self._open_bytes -= self._open.pop(number).size
        self._on_progress()
