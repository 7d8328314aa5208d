"""The letters of a topic by identity: a letter written twice, or replayed and refused again, is one. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from connector.deadletters.receipts import Receipts, State
from connector.kafka.dead_letter import DeadLetter, LetterPlace, digest

_NO_LANE = 0


class Index:
    """What is kept of each letter: numbers in arrays, about 165 bytes in all, so that a million are no burden.

    Every array holds whatever `read_letter` lets through: a partition has 32 bits, an offset 64.

    A row is an identity. What a row says is what its newest letter says: the one replayed most often, of those the
    one that failed last. It is open while any of its letters is.
    """

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._rows: dict[bytes, int] = {}
        self._partitions = array("i")  # where the newest letter lies
        self._at = array("q")  # its offset there
        self._replays = array("I")
        self._states = array("B")
        self._taken = array("B")  # whether the filters take the newest letter
        self._lanes = array("q")  # what is kept in order: hash of sink, topic, partition and key
        self._offsets = array("q")  # the failed record's
        self.failed_at = array("d")
        self.groups = array("I")
        self._others: dict[int, dict[int, int]] = {}  # row → the highest offset by partition, where there are several

    def __len__(self) -> int:
        return len(self._at)

    def add(self, letter: DeadLetter, key: bytes | None, *, taken: bool, group: int = 0) -> None:
        """Take in a letter; `taken` says whether the filters mean it, `group` is the caller's own number."""
        mark = digest(letter.identity)
        state = self._receipts.state_of(letter, letter.route)
        row = self._rows.setdefault(mark, len(self))
        if row == len(self):
            self._append(letter, key, state, taken, group)
            return
        self._remember_place(row, letter.place)
        rank = (letter.replays, letter.failed_at, letter.place)
        newest = rank > (self._replays[row], self.failed_at[row], self.place(row))
        if newest:
            self._partitions[row], self._at[row] = letter.place
            self._replays[row] = letter.replays
            self._taken[row], self.failed_at[row], self.groups[row] = taken, letter.failed_at, group
        if State.OPEN in (state, self._states[row]):
            self._states[row] = State.OPEN
        elif newest:
            self._states[row] = state

    def _append(self, letter: DeadLetter, key: bytes | None, state: State, taken: bool, group: int) -> None:
        self._partitions.append(letter.place.partition)
        self._at.append(letter.place.offset)
        self._replays.append(letter.replays)
        self._states.append(state)
        self._taken.append(taken)
        lane = _NO_LANE if key is None else hash((letter.sink, letter.topic, letter.partition, key))
        self._lanes.append(lane)
        self._offsets.append(letter.offset)
        self.failed_at.append(letter.failed_at)
        self.groups.append(group)

    def _remember_place(self, row: int, place: LetterPlace) -> None:
        places = self._others.get(row) or dict((self.place(row),))
        places[place.partition] = max(place.offset, places.get(place.partition, -1))
        self._others[row] = places

    def rows(self, *, closed: bool = False) -> Iterator[int]:
        """The rows that the filters take; open ones, with `closed` all."""
        return (row for row in range(len(self)) if self.wanted(row, closed=closed))

    def wanted(self, row: int, *, closed: bool = False) -> bool:
        """Whether `rows` has this one."""
        return bool(self._taken[row]) and (closed or self._states[row] == State.OPEN)

    def place(self, row: int) -> LetterPlace:
        """Where the row's newest letter lies."""
        return LetterPlace(self._partitions[row], self._at[row])

    def state(self, row: int) -> State:
        """What became of it."""
        return State(self._states[row])

    def row_at(self, letter: DeadLetter) -> int | None:
        """The row of which this letter is the newest; None if it is not, or was not there."""
        row = self._rows.get(digest(letter.identity))
        return row if row is not None and self.place(row) == letter.place else None

    def places(self, row: int) -> dict[int, int]:
        """The highest offset, by partition, at which a letter of this row lies: what a receipt closes."""
        return self._others.get(row) or dict((self.place(row),))

    def lane(self, row: int) -> int | None:
        """What the letter must keep its order in; None if it is free."""
        return self._lanes[row] or None

    def in_order(self, rows: Iterator[int]) -> list[int]:
        """These rows, those of one lane together and in the order of the records that failed."""
        lanes, offsets = self._lanes, self._offsets
        return sorted(rows, key=lambda row: (lanes[row], offsets[row]))
