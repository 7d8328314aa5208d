"""The letters of a topic by identity: a letter written twice, or replayed and refused again, is one. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from connector.deadletters.receipts import LetterState, Receipts
from connector.kafka.dead_letter import DeadLetter, LetterPlace, digest

_NO_KEY = 0


class LetterIndex:
    """One row for each identity, in arrays of numbers: about 170 bytes a row, so that a million rows fit in memory.

    A row describes its newest letter: the one replayed most often, and of those the one that failed last. The row is
    open while any of its letters is. The arrays take every number that `read_letter` accepts: 32-bit partitions and
    64-bit offsets.
    """

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._rows: dict[bytes, int] = {}  # by the identity's digest
        self._partitions = array("i")  # the newest letter's, in the dead-letter topic
        self._letter_offsets = array("q")
        self._replays = array("I")
        self._states = array("B")
        self._selected = array("B")  # 1 where the filters select the newest letter
        self._ordering_keys = array("q")
        self._event_offsets = array("q")  # the failed records'
        self.failed_at = array("d")
        self.groups = array("I")
        self.items = array("I")  # how many items the newest letter stands for
        self._copies: dict[int, dict[int, int]] = {}  # by row, where several letters share it: see highest_offsets

    def __len__(self) -> int:
        return len(self._letter_offsets)

    def add_letter(self, letter: DeadLetter, key: bytes | None, *, selected: bool, group: int = 0) -> None:
        """Index a letter. `selected`: the filters select it; `group` is a number of the caller's own."""
        state = self._receipts.state_of(letter, letter.route)
        row = self._rows.setdefault(digest(letter.identity), len(self))
        if row == len(self):
            self._append(letter, key, state, selected, group)
            return
        self._note_copy(row, letter.place)
        rank = (letter.replays, letter.failed_at, letter.place)
        newest = rank > (self._replays[row], self.failed_at[row], self.newest_location(row))
        if newest:
            self._partitions[row], self._letter_offsets[row] = letter.place
            self._replays[row] = letter.replays
            self._selected[row], self.failed_at[row], self.groups[row] = selected, letter.failed_at, group
            self.items[row] = letter.items
        if LetterState.OPEN in (state, self._states[row]):
            self._states[row] = LetterState.OPEN
        elif newest:
            self._states[row] = state

    def _append(self, letter: DeadLetter, key: bytes | None, state: LetterState, selected: bool, group: int) -> None:
        self._partitions.append(letter.place.partition)
        self._letter_offsets.append(letter.place.offset)
        self._replays.append(letter.replays)
        self._states.append(state)
        self._selected.append(selected)
        ordering_key = _NO_KEY if key is None else hash((letter.sink, letter.topic, letter.partition, key))
        self._ordering_keys.append(ordering_key)
        self._event_offsets.append(letter.offset)
        self.failed_at.append(letter.failed_at)
        self.groups.append(group)
        self.items.append(letter.items)

    def _note_copy(self, row: int, location: LetterPlace) -> None:
        offsets = self._copies.get(row) or dict((self.newest_location(row),))
        offsets[location.partition] = max(location.offset, offsets.get(location.partition, -1))
        self._copies[row] = offsets

    def rows(self, *, closed: bool = False) -> Iterator[int]:
        """Iterate over the open rows that the filters select; with `closed`, over the closed ones too."""
        return (row for row in range(len(self)) if self.is_selected(row, closed=closed))

    def is_selected(self, row: int, *, closed: bool = False) -> bool:
        """True if `rows` yields this row."""
        return bool(self._selected[row]) and (closed or self._states[row] == LetterState.OPEN)

    def newest_location(self, row: int) -> LetterPlace:
        """Return where the row's newest letter lies in the dead-letter topic."""
        return LetterPlace(self._partitions[row], self._letter_offsets[row])

    def state(self, row: int) -> LetterState:
        """Return OPEN while any letter of the row is open, else the newest letter's state."""
        return LetterState(self._states[row])

    def row_at(self, letter: DeadLetter) -> int | None:
        """Return the row whose newest letter this is; None for an older letter, and for one that was not indexed."""
        row = self._rows.get(digest(letter.identity))
        return row if row is not None and self.newest_location(row) == letter.place else None

    def highest_offsets(self, row: int) -> dict[int, int]:
        """Return, by partition of the dead-letter topic, the highest offset of the row's letters: a receipt closes all
        up to it."""
        return self._copies.get(row) or dict((self.newest_location(row),))

    def ordering_key(self, row: int) -> int | None:
        """Return a hash of the sink, topic, partition and key whose letters must keep their order; None: no key."""
        return self._ordering_keys[row] or None

    def in_event_order(self, rows: Iterator[int]) -> list[int]:
        """Return the rows sorted by ordering key, and within one by the failed records' offsets."""
        keys, offsets = self._ordering_keys, self._event_offsets
        return sorted(rows, key=lambda row: (keys[row], offsets[row]))
