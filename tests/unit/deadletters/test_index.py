"""Letters by identity: which are one, what the newest says, and which are open."""

from __future__ import annotations

from connector.deadletters.index import Index
from connector.deadletters.receipts import Receipt, Receipts, State
from connector.kafka.dead_letter import DeadLetter, read_letter
from connector.model import Record
from tests.unit.deadletters.support import message, record


def letter(place: tuple[int, int], of: Record | None = None, *, replays: int = 0, now: float = 1_700_000_100.0,
           route: str | None = "mytracker.login", sink: str = "mytracker") -> DeadLetter:  # fmt: skip
    found = read_letter(message(of or record(), place, replays=replays, now=now, route=route, sink=sink))
    assert found is not None
    return found


def closed(places: dict[int, int], what: State = State.REPLAYED) -> Receipts:
    receipts = Receipts()
    receipts.add(letter((0, 0)).identity, Receipt(what, 0.0, "", places))
    return receipts


def test_letters_of_other_records_routes_or_sinks_are_others() -> None:
    index = Index(Receipts())
    for each in (letter((0, 0)), letter((0, 1), record(8)), letter((0, 2), route="b"), letter((0, 3), sink="other"),
                 letter((0, 4), route=None)):  # fmt: skip
        index.add(each, b"k", taken=True)
    assert len(list(index.rows())) == 5


def test_a_letter_written_twice_is_one_and_its_receipt_closes_both() -> None:
    index = Index(Receipts())
    index.add(letter((0, 5)), b"k", taken=True)
    index.add(letter((0, 9)), b"k", taken=True)
    (row,) = index.rows()
    assert index.place(row) == (0, 9)
    assert index.places(row) == {0: 9}


def test_of_letters_in_several_partitions_each_is_closed() -> None:
    index = Index(Receipts())
    index.add(letter((2, 5)), None, taken=True)
    index.add(letter((0, 9)), None, taken=True)
    (row,) = index.rows()
    assert index.places(row) == {0: 9, 2: 5}


def test_the_letter_that_was_replayed_most_often_speaks_for_all_wherever_it_lies() -> None:
    index = Index(Receipts())
    newest, old = letter((0, 3), replays=2), letter((1, 800), replays=1, now=1_800_000_000.0)
    index.add(newest, None, taken=True, group=4)
    index.add(old, None, taken=False, group=5)
    (row,) = index.rows()
    assert (index.place(row), index.groups[row]) == ((0, 3), 4)
    assert index.row_at(newest) == row
    assert index.row_at(old) is None


def test_the_filters_look_at_the_newest_letter() -> None:
    index = Index(Receipts())
    index.add(letter((0, 3)), b"k", taken=True)
    index.add(letter((0, 4), replays=1), b"k", taken=False)
    assert list(index.rows()) == []


def test_a_letter_behind_its_receipt_is_open_again() -> None:
    index = Index(closed({0: 5}))
    index.add(letter((0, 5)), b"k", taken=True)
    assert list(index.rows()) == []
    assert list(index.rows(closed=True)) == [0]
    index.add(letter((0, 6)), b"k", taken=True)
    (row,) = index.rows()
    assert index.state(row) is State.OPEN


def test_the_order_of_reading_partitions_does_not_decide_what_is_open() -> None:
    index = Index(closed({0: 5}, State.REFUSED))
    index.add(letter((1, 2), replays=1), None, taken=True)
    index.add(letter((0, 5)), None, taken=True)
    assert len(list(index.rows())) == 1
