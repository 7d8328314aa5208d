"""Isolation by halving: exactly the culprits come out alone, the rest is accepted in order, with a bounded effort."""

from __future__ import annotations

from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.batching.isolation import SubBatch, SubBatches
from connector.model import Item, Record


def items(count: int, epoch: int = 1) -> list[Item]:
    return [Item(Record("users", 0, offset, 0, b"k", b"", (), epoch), "r", "login", b"{}") for offset in range(count)]


def isolate(count: int, culprits: frozenset[int]) -> tuple[list[int], list[int], int]:
    """(accepted, given up, requests) against a vendor that refuses every request with a culprit in it."""
    parts, accepted, given_up, requests = SubBatches(items(count)), [], [], 0
    while not parts.all_settled:
        requests += 1
        sent = [each.record.offset for each in parts.current.items]
        if culprits.isdisjoint(sent):
            accepted += sent
            parts.settle_current()
        elif len(sent) == 1:
            given_up += sent
            parts.settle_current()
        else:
            parts.halve()
    return accepted, given_up, requests


def check(count: int, culprits: frozenset[int]) -> None:
    accepted, given_up, requests = isolate(count, culprits)
    assert given_up == sorted(culprits)
    assert accepted == [offset for offset in range(count) if offset not in culprits]
    assert requests <= 2 * count - 1
    assert requests <= 1 + 2 * len(culprits) * ceil(log2(count) if count > 1 else 0)


@pytest.mark.parametrize("count", range(1, 11))
def test_every_set_of_culprits_is_isolated(count: int) -> None:
    for how_many in range(count + 1):
        for culprits in combinations(range(count), how_many):
            check(count, frozenset(culprits))


@settings(max_examples=500)
@given(st.integers(11, 20).flatmap(lambda n: st.tuples(st.just(n), st.frozensets(st.integers(0, n - 1)))))
def test_a_full_batch_is_isolated(case: tuple[int, frozenset[int]]) -> None:
    check(*case)


def test_one_culprit_among_twenty_costs_at_most_eleven_requests() -> None:
    assert max(isolate(20, frozenset({culprit}))[2] for culprit in range(20)) <= 11


def test_what_was_never_sent_has_drawn_nothing_and_has_seen_no_success_not_even_none_yet() -> None:
    part = SubBatches(items(2)).current
    assert (part.attempts, part.http_500s, part.successes_at_last_500, part.retrying_since) == (0, 0, -1, None)


def test_halves_remember_how_often_their_items_were_sent_but_count_their_own_500s() -> None:
    parts = SubBatches(items(2))
    parts.current.attempts, parts.current.http_500s = 3, 3
    parts.halve()
    assert (parts.current.attempts, parts.current.http_500s) == (3, 0)


def keyed(*keys: bytes | None) -> list[Item]:
    return [Item(Record("users", 0, at, 0, key, b"", (), 1), "r", "login", b"{}") for at, key in enumerate(keys)]


def offsets(sub_batch: SubBatch) -> list[int]:
    return [each.record.offset for each in sub_batch.items]


def free(parts: SubBatches, *, ordered: bool = True) -> list[int]:
    return [each.item.record.offset for each in parts.free_items(ordered=ordered)]


def test_free_is_what_no_unsettled_item_of_its_key_precedes() -> None:
    parts = SubBatches(keyed(b"a", b"b", b"a", None, b"c", None, b"b"))
    parts.halve()
    assert free(parts) == [0, 1, 3, 4, 5]
    assert free(parts, ordered=False) == list(range(7))
    assert offsets(parts.settle_current()) == [0, 1, 2]
    assert free(parts) == [3, 4, 5, 6]


def test_a_free_item_is_sent_alone_and_first_and_the_others_keep_their_order() -> None:
    parts = SubBatches(items(4))
    parts.isolate(list(parts.free_items(ordered=False))[2])
    assert [offsets(parts.settle_current()) for _ in range(3)] == [[2], [0, 1], [3]]
    assert parts.all_settled


def test_an_item_that_is_alone_already_is_the_same_sub_batch_afterwards() -> None:
    parts = SubBatches(items(2))
    parts.halve()
    first = parts.current
    first.http_500s = 2
    parts.isolate(list(parts.free_items(ordered=False))[1])
    assert offsets(parts.current) == [1]
    parts.isolate(list(parts.free_items(ordered=False))[1])
    assert parts.current is first


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([b"a", b"b", b"c", None]), min_size=1, max_size=20),
    st.lists(st.integers(0, 21), max_size=20),
)
def test_whatever_is_isolated_the_items_of_a_key_stay_in_order(keys: list[bytes | None], steps: list[int]) -> None:
    """A step isolates the free item of that number, 20 halves, 21 settles."""
    parts = SubBatches(keyed(*keys))
    sent: list[Item] = []
    for step in [*steps, *[21] * len(keys)]:
        if parts.all_settled:
            break
        if step < 20:
            choices = list(parts.free_items(ordered=True))
            parts.isolate(choices[step % len(choices)])
        elif step == 20 and len(parts.current.items) > 1:
            parts.halve()
        else:
            sent += parts.settle_current().items
    assert len(sent) == len(keys)
    for key in {*keys} - {None}:
        of_key = [each.record.offset for each in sent if each.record.key == key]
        assert of_key == sorted(of_key)


def test_what_is_left_of_several_parts_is_told_in_order() -> None:
    parts = SubBatches(items(8))
    parts.halve()
    parts.halve()
    assert [each.record.offset for each in parts.items()] == list(range(8))


def test_what_is_forgotten_is_in_no_part_and_the_order_stays() -> None:
    parts = SubBatches(items(8))
    parts.halve()
    parts.drop_items(lambda each: each.record.offset < 5)
    assert [each.record.offset for each in parts.items()] == [5, 6, 7]
    assert [each.record.offset for each in parts.current.items] == [5, 6, 7]


def test_nothing_is_done_at_once() -> None:
    assert SubBatches([]).all_settled
