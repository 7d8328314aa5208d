"""Settled parts as bits: what was packed comes back, in no more bits than were promised, and no bits raise but so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kafka.part_bits import entry_bits, most_bits, pack, unpack

TAGS = st.integers(1, 2**32 - 1)
PARTS = st.one_of(st.just(1), st.integers(1, 2**8), st.integers(1, 2**1000 - 1))
HALVES = st.dictionaries(
    st.one_of(st.integers(0, 40), st.integers(0, 30_000), st.integers(0, 2**40)),
    st.dictionaries(TAGS, PARTS, min_size=1, max_size=4),
    max_size=40,
)


@settings(max_examples=300)
@given(HALVES, st.integers(0, 16))
def test_what_was_packed_comes_back_whatever_zeros_follow(halves: dict[int, dict[int, int]], zeros: int) -> None:
    packed = pack(halves) if halves else ""
    assert set(packed) <= {"0", "1"}
    if halves:
        assert unpack(packed + "0" * zeros) == halves


@settings(max_examples=300)
@given(HALVES, st.data())
def test_whichever_of_the_records_are_half_settled_the_bits_promised_are_enough(
    possible: dict[int, dict[int, int]], data: st.DataObject
) -> None:
    span = max(possible, default=0) + 1 + data.draw(st.integers(0, 1000))
    routes: dict[int, list[int]] = {}
    for parts in possible.values():
        for tag, bits in parts.items():
            routes.setdefault(tag, []).append(entry_bits(bits.bit_length()))
    most = most_bits(span, [(len(each), sum(each)) for each in routes.values()])
    settled = data.draw(st.sets(st.sampled_from(sorted(possible))) if possible else st.just(set()))
    actual = {
        offset: {tag: data.draw(st.integers(1, bits)) for tag, bits in possible[offset].items()} for offset in settled
    }
    assert not actual or len(pack(actual)) <= most


@settings(max_examples=200)
@given(st.integers(1, 3_000), st.integers(0, 30_000), st.integers(0, 2**32))
def test_fewer_records_take_no_more_than_was_promised_for_all(records: int, more: int, seed: int) -> None:
    dice = random.Random(seed)
    offsets = sorted(dice.sample(range(records + more), records))
    most = most_bits(records + more, [(records, records * entry_bits(1))])
    for share in (0.1, 0.5, 0.51, 0.9, 1.0):
        some = {each: {1: 1} for each in offsets if dice.random() < share}
        assert not some or len(pack(some)) <= most


@given(st.text("01", max_size=300))
def test_bits_that_were_never_packed_raise_one_error_or_say_something(bits: str) -> None:
    try:
        unpack(bits)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("halves", "characters"),
    [
        ({above: {1: 1 << 999} for above in range(0, 23_000, 1_000)}, 23 * 173),  # 23 records of 1,000 items
        ({above: {1 + above % 2: 1} for above in range(1_000)}, 2 * 1_000 / 6 + 2 * 1_000 / 6),  # every record of two
        ({above * 1_000: {1: 1} for above in range(20)}, 20 * 13 / 6 + 12),  # a few, far apart
    ],
)
def test_it_takes_little_room(halves: dict[int, dict[int, int]], characters: float) -> None:
    assert len(pack(halves)) / 6 <= characters + 15
