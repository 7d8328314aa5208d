"""Letters by identity: which are one, what the newest says, and which are open."""

from __future__ import annotations

from connector.deadletters.index import LetterIndex
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.kafka.dead_letter import DeadLetter, read_letter
from connector.model import Record
from tests.unit.deadletters.support import message, record


def letter(location: tuple[int, int], failed: Record | None = None, *, replays: int = 0, now: float = 1_700_000_100.0,
           route: str | None = "mytracker.login", sink: str = "mytracker") -> DeadLetter:  # fmt: skip
    found = read_letter(message(failed or record(), location, replays=replays, now=now, route=route, sink=sink))
    assert found is not None
    return found


def closed(offsets: dict[int, int], state: LetterState = LetterState.REPLAYED) -> Receipts:
    receipts = Receipts()
    receipts.add_receipt(letter((0, 0)).identity, Receipt(state, 0.0, "", offsets))
    return receipts


def test_letters_of_other_records_routes_or_sinks_are_others() -> None:
    index = LetterIndex(Receipts())
    for each in (letter((0, 0)), letter((0, 1), record(8)), letter((0, 2), route="b"), letter((0, 3), sink="other"),
                 letter((0, 4), route=None)):  # fmt: skip
        index.add_letter(each, b"k", selected=True)
    assert len(list(index.rows())) == 5


def test_a_letter_written_twice_is_one_and_its_receipt_closes_both() -> None:
    index = LetterIndex(Receipts())
    index.add_letter(letter((0, 5)), b"k", selected=True)
    index.add_letter(letter((0, 9)), b"k", selected=True)
    (row,) = index.rows()
    assert index.newest_location(row) == (0, 9)
    assert index.highest_offsets(row) == {0: 9}


def test_of_letters_in_several_partitions_each_is_closed() -> None:
    index = LetterIndex(Receipts())
    index.add_letter(letter((2, 5)), None, selected=True)
    index.add_letter(letter((0, 9)), None, selected=True)
    (row,) = index.rows()
    assert index.highest_offsets(row) == {0: 9, 2: 5}


def test_the_letter_that_was_replayed_most_often_speaks_for_all_wherever_it_lies() -> None:
    index = LetterIndex(Receipts())
    newest, old = letter((0, 3), replays=2), letter((1, 800), replays=1, now=1_800_000_000.0)
    index.add_letter(newest, None, selected=True, group=4)
    index.add_letter(old, None, selected=False, group=5)
    (row,) = index.rows()
    assert (index.newest_location(row), index.groups[row]) == ((0, 3), 4)
    assert index.row_at(newest) == row
    assert index.row_at(old) is None


def test_the_filters_look_at_the_newest_letter() -> None:
    index = LetterIndex(Receipts())
    index.add_letter(letter((0, 3)), b"k", selected=True)
    index.add_letter(letter((0, 4), replays=1), b"k", selected=False)
    assert list(index.rows()) == []


def test_a_letter_behind_its_receipt_is_open_again() -> None:
    index = LetterIndex(closed({0: 5}))
    index.add_letter(letter((0, 5)), b"k", selected=True)
    assert list(index.rows()) == []
    assert list(index.rows(closed=True)) == [0]
    index.add_letter(letter((0, 6)), b"k", selected=True)
    (row,) = index.rows()
    assert index.state(row) is LetterState.OPEN


def test_the_order_of_reading_partitions_does_not_decide_what_is_open() -> None:
    index = LetterIndex(closed({0: 5}, LetterState.REFUSED))
    index.add_letter(letter((1, 2), replays=1), None, selected=True)
    index.add_letter(letter((0, 5)), None, selected=True)
    assert len(list(index.rows())) == 1
