"""Isolation by halving: exactly the culprits come out alone, the rest is accepted in order, with a bounded effort."""

from __future__ import annotations

from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.batching.isolation import SubBatches
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


def test_a_probe_singles_out_the_first_item_and_leaves_the_others_together() -> None:
    parts = SubBatches(items(4))
    parts.isolate_first()
    assert [each.record.offset for each in parts.settle_current().items] == [0]
    assert [each.record.offset for each in parts.settle_current().items] == [1, 2, 3]
    assert parts.all_settled


def test_a_lone_item_that_is_singled_out_leaves_nothing_behind_it() -> None:
    parts = SubBatches(items(1))
    parts.isolate_first()
    assert [each.record.offset for each in parts.settle_current().items] == [0]
    assert parts.all_settled


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
