"""The letters that a replay has open, how each is closed by its receipt, and what became of them by sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.deadletters.remap import SKIPPED, Remapped
from connector.delivery.dead_letter_writer import DeadLetterSender
from connector.kafka.dead_letter import DeadLetter, ProducedLetter, digest

# Letters in memory at a time: enough for every slot in flight, however slow the vendor.
MAX_OPEN = 2000
MAX_OPEN_BYTES = 32 << 20


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


class OpenLetter:
    """A letter with unsettled items, or whose receipt is not written yet."""

    __slots__ = ("complete", "letter", "refused", "row", "size", "unsettled")

    def __init__(self, ordered: OrderedLetter, remapped: Remapped) -> None:
        self.letter: DeadLetter = ordered.letter
        self.row = ordered.row
        self.size = len(ordered.record.value or b"")
        self.unsettled = len(remapped.items)
        self.complete = remapped.complete
        self.refused = remapped.refused_before


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

    def settle(self, number: int, route: str | None, state: LetterState) -> None:
        """Settle one item of an open letter: the vendor accepted it, or refused it and its new letter is written."""
        open_letter = self._open[number]
        letter = open_letter.letter
        open_letter.unsettled -= 1
        open_letter.refused = open_letter.refused or state is LetterState.REFUSED
        if letter.route is None and (open_letter.unsettled or not open_letter.complete):
            # The letter stays open until all its routes are settled: this route gets a receipt of its own.
            self._write(letter.identity_by(route), state, letter, {letter.place.partition: letter.place.offset}, None)
        if open_letter.unsettled == 0:
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
            if open_letter.refused:
                counts.refused += 1
            else:
                counts.accepted += 1
            self._finish(number)
        self._on_progress()

    def _finish(self, number: int) -> None:
        self._open_bytes -= self._open.pop(number).size
        self._on_progress()
