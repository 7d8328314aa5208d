"""Letters go in the order of the events they were, key by key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import EventOrder
from connector.deadletters.receipts import Receipts
from connector.kafka.dead_letter import read_letter
from tests.unit.deadletters.support import message, record


@given(st.permutations(range(12)), st.integers(1, 3))
def test_each_key_is_in_order_whatever_the_topic_holds_first(offsets: list[int], partitions: int) -> None:
    """Letter n is in partition n % partitions; keys are every fourth offset; partitions are read one by one."""
    index = LetterIndex(Receipts())
    for number, offset in enumerate(offsets):
        letter = read_letter(message(record(offset), (number % partitions, number)))
        assert letter is not None
        index.add_letter(letter, b"%d" % (offset % 4), selected=True)
    ordering: EventOrder[int] = EventOrder(index, list(index.rows()))
    came = [what for row, offset in enumerate(offsets) for _, what in ordering.release(row, offset)]
    assert sorted(came) == list(range(12))
    for key in range(4):
        assert [offset for offset in came if offset % 4 == key] == [key, key + 4, key + 8]
    assert list(ordering.flush()) == []


def test_without_a_key_nothing_waits() -> None:
    index = LetterIndex(Receipts())
    for number, offset in enumerate((9, 3)):
        letter = read_letter(message(record(offset), (0, number)))
        assert letter is not None
        index.add_letter(letter, None, selected=True)
    ordering: EventOrder[str] = EventOrder(index, [0, 1])
    assert list(ordering.release(0, "nine")) == [(0, "nine")]


def test_what_waited_for_a_letter_that_never_came_goes_at_the_end() -> None:
    index = LetterIndex(Receipts())
    for number, offset in enumerate((9, 3, 5)):
        letter = read_letter(message(record(offset), (0, number)))
        assert letter is not None
        index.add_letter(letter, b"k", selected=True)
    ordering: EventOrder[str] = EventOrder(index, [0, 1, 2])
    assert list(ordering.release(0, "nine")) == []
    assert list(ordering.release(2, "five")) == []
    assert list(ordering.flush()) == [(2, "five"), (0, "nine")]
