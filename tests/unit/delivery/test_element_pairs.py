"""Pairs of an event and a route with `each`: when they end, and what their letter says."""

from __future__ import annotations

from connector.delivery.element_pairs import ElementPairs, merge_failures
from connector.kafka.letter_elements import ALL, digest_of
from connector.model import Failure, Item, Reason, Stage
from tests.support.records import record


def item(element: int, *, offset: int = 0, route: str = "lines", epoch: int = 1) -> Item:
    return Item(record(offset, epoch=epoch), route, "login", b"{}", element)


def failure(element: int, message: str = "no id", *, offset: int = 0, status: int | None = None) -> Failure:
    return Failure(record(offset), Reason.REFUSED, Stage.SEND, message, "lines", "login", status, 1, element=element)


def test_pairs_are_counted_each_once_however_many_items_they_have() -> None:
    pairs = ElementPairs()
    assert pairs.open(record(0), [item(0, route="a"), item(0, route="b")]) == 2
    assert (len(pairs), pairs.ever_used) == (0, False)
    results: list[Item | Failure] = [item(0, route="a"), item(1), item(2), item(1, route="others"), failure(3)]
    assert pairs.open(record(1), results) == 3
    assert (len(pairs), pairs.ever_used) == (2, True)


def test_a_pair_ends_with_its_last_item_and_is_forgotten_if_all_were_accepted() -> None:
    pairs = ElementPairs()
    pairs.open(record(0), [item(1), item(2)])
    assert pairs.accept(item(2)) is None
    ended = pairs.accept(item(1))
    assert ended is not None
    assert (ended.failures, len(pairs)) == ([], 0)


def test_a_pair_with_failures_is_kept_until_its_letter_is_written() -> None:
    pairs = ElementPairs()
    pairs.open(record(0), [item(1), item(2), item(3)])
    assert pairs.fail(failure(2)) is None
    assert pairs.accept(item(1)) is None
    ended = pairs.fail(failure(3))
    assert ended is not None
    assert [each.element for each in ended.failures] == [2, 3]
    assert len(pairs) == 1
    pairs.close(failure(0))
    assert len(pairs) == 0


def test_what_is_dropped_says_how_many_items_it_has_beyond_its_pairs() -> None:
    pairs = ElementPairs()
    pairs.open(record(0), [item(1), item(2), item(3), item(1, route="others")])
    pairs.open(record(0, epoch=2), [item(1, epoch=2), item(2, epoch=2)])
    pairs.accept(item(1))
    pairs.fail(failure(2))
    assert pairs.drop({1}) == 1  # of lines 2 and 3 are open, of others the one
    assert pairs.accept(item(3)) is None
    assert pairs.fail(failure(3)) is None
    assert (len(pairs), pairs.drop({2}), len(pairs)) == (1, 1, 0)


def test_one_letter_tells_of_all_by_the_first() -> None:
    merged = merge_failures([failure(4, "later", status=413), failure(2, "first", status=422)], list("abcde"))
    assert merged.message == "2 of 5 items failed; the first, 1: first"
    assert (merged.status, merged.element, merged.route) == (422, 0, "lines")
    assert merged.elements is not None
    assert merged.elements.numbers == (2, 4)
    assert merged.elements.named == f"1/{digest_of('b')},3/{digest_of('d')}"


def test_where_the_list_cannot_be_had_all_are_named() -> None:
    merged = merge_failures([failure(2)], None)
    assert merged.message == "1 items failed; the first, 1: no id"
    assert merged.elements is not None
    assert merged.elements.named == ALL


def test_if_one_may_have_taken_effect_the_letter_says_so() -> None:
    """Whoever replays refused letters must not give points twice."""
    lost = failure(3, "the answer was lost")._replace(reason=Reason.UNKNOWN_OUTCOME)
    merged = merge_failures([failure(2, "first"), lost, failure(4)], list("abcde"))
    assert merged.reason is Reason.UNKNOWN_OUTCOME
    assert merged.message == "3 of 5 items failed; it is unknown if 2 took effect: the answer was lost"
    assert merged.elements is not None
    assert merged.elements.numbers == (2, 3, 4)
