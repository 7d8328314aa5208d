"""Commit metadata: what we wrote comes back; anything else, however close, means nothing."""

from __future__ import annotations

import string
from base64 import urlsafe_b64encode
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kafka.commit_metadata import MAX_BITS, MAX_CHARACTERS, SURE_BITS, Metadata, Settled, decode, encode
from connector.kafka.part_bits import entry_bits, most_bits
from tests.support.settled import settled as settled_at

HERE = ("crm.mytracker", "accounts.users", 3)
TOPIC_ID = "i02IOLSvRk6Tt7e/D4+g8w"
# Which log it is, as an older version, a broker without ids, one without epochs and a new one say it.
LOGS = [("", -1), ("", 7), (TOPIC_ID, -1), (TOPIC_ID, 2**31 - 1)]


@settings(max_examples=200)
@given(
    st.integers(0, 2**63 - 30_000),
    st.integers(0, 2**32 - 1),
    st.sets(st.integers(1, MAX_BITS), max_size=200),
    st.sampled_from(LOGS),
    st.sampled_from([0, 1]),
)
def test_what_was_committed_comes_back(
    position: int, fingerprint: int, above: set[int], log: tuple[str, int], first: int
) -> None:
    settled = settled_at(fingerprint, position, {position + each for each in above}) if above else None
    if settled is not None and first == 0:
        settled = Settled(fingerprint, b"1" + settled.flags[: MAX_BITS - 1].rstrip(b"0"), first=0)
    metadata = Metadata(settled, *log)
    text = encode(*HERE, position, metadata)
    assert len(text) <= MAX_CHARACTERS
    assert decode(*HERE, position, text) == (metadata if text else None)


@settings(max_examples=200)
@given(
    st.sets(st.integers(1, 20_000), max_size=50),
    st.dictionaries(
        st.integers(0, 20_000),
        st.dictionaries(st.integers(1, 2**32 - 1), st.integers(1, 2**40), min_size=1, max_size=3),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(LOGS),
    st.sampled_from([0, 1]),
)
def test_what_is_settled_in_part_comes_back(
    above: set[int], halves: dict[int, dict[int, int]], log: tuple[str, int], first: int
) -> None:
    flags = settled_at(7, 0, above).flags if above else b""
    metadata = Metadata(Settled(7, b"1" + flags if first == 0 else flags, first, halves), *log)
    text = encode(*HERE, 100, metadata)
    assert text.startswith("4.")
    assert len(text) <= MAX_CHARACTERS
    assert decode(*HERE, 100, text) == metadata


def test_so_many_bits_as_are_sure_always_fit() -> None:
    for parts in (1, 7, 100, 5_000, SURE_BITS - 60):
        halves = {0: {2**32 - 1: 1 << parts - 1}}
        span = SURE_BITS - most_bits(1, [(1, entry_bits(parts))])
        settled = Settled(1, b"1" * span, 1, halves)
        text = encode(*HERE, 2**62, Metadata(settled, TOPIC_ID, 2**31 - 1))
        assert len(text) <= MAX_CHARACTERS
        assert decode(*HERE, 2**62, text) == Metadata(settled, TOPIC_ID, 2**31 - 1)


def test_of_more_than_fits_the_farthest_is_left_out_and_the_text_stays_within_its_bound() -> None:
    settled = Settled(1, b"1" * 20_000, 1, {above: {1: 1 << 999} for above in range(100)})
    fitting = settled.fitting()
    assert 0 < len(fitting.halves) < 25
    assert fitting.halves == {above: settled.halves[above] for above in range(len(fitting.halves))}
    assert settled.weight() - fitting.weight() > 0
    text = encode(*HERE, 7, Metadata(settled, TOPIC_ID, 3))
    assert len(text) <= MAX_CHARACTERS
    assert decode(*HERE, 7, text) == Metadata(fitting, TOPIC_ID, 3)


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("1.1874056d.00000005.oA", settled_at(5, 100, {101, 103})),
        ("2.5e9a1797.00000005.oA", Settled(5, b"101", first=0)),
    ],
)
def test_what_an_earlier_version_committed_is_read_and_written_alike(text: str, settled: Settled) -> None:
    assert encode(*HERE, 100, Metadata(settled)) == text
    assert decode(*HERE, 100, text) == Metadata(settled)


def test_a_position_whose_own_record_is_settled_is_among_the_settled_offsets() -> None:
    assert Settled(5, b"101", first=0).offsets(100) == {100, 102}


@pytest.mark.parametrize("above", range(1, 61))
def test_every_short_length_comes_back(above: int) -> None:
    metadata = Metadata(settled_at(5, 100, {100 + above}))
    assert decode(*HERE, 100, encode(*HERE, 100, metadata)) == metadata


@pytest.mark.parametrize("pattern", range(1, 64))
def test_every_last_character_comes_back(pattern: int) -> None:
    metadata = Metadata(settled_at(5, 100, {119 + bit for bit in range(6) if pattern & (32 >> bit)}))
    assert decode(*HERE, 100, encode(*HERE, 100, metadata)) == metadata


def test_twenty_thousand_offsets_above_the_position_fit_the_broker() -> None:
    text = encode(*HERE, 7, Metadata(settled_at(1, 7, set(range(8, 8 + 20_001))), TOPIC_ID, 2**31 - 1))
    assert len(text) <= MAX_CHARACTERS
    again = decode(*HERE, 7, text)
    assert again is not None
    assert again.settled is not None
    assert again.settled.offsets(7) == set(range(8, 8 + 20_001))


def test_what_lies_too_far_above_is_left_out_and_the_text_stays_within_its_bound() -> None:
    text = encode(*HERE, 0, Metadata(settled_at(1, 0, {1, MAX_BITS, MAX_BITS + 1, 10**6}), TOPIC_ID, 3))
    assert len(text) <= MAX_CHARACTERS
    assert decode(*HERE, 0, text) == Metadata(settled_at(1, 0, {1, MAX_BITS}), TOPIC_ID, 3)


@pytest.mark.parametrize("settled", [None, Settled(1, b""), settled_at(1, 10, {10 + MAX_BITS + 1})])
def test_nothing_settled_above_leaves_what_the_log_is(settled: Settled | None) -> None:
    assert encode(*HERE, 10, Metadata(settled)) == ""
    assert decode(*HERE, 10, encode(*HERE, 10, Metadata(settled, TOPIC_ID, 4))) == Metadata(None, TOPIC_ID, 4)


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata(settled_at(0xDEADBEEF, 100, {101, 103, 110, 131})),
        Metadata(Settled(0xDEADBEEF, b"1101", first=0)),
        Metadata(settled_at(0xDEADBEEF, 100, {101, 103}), TOPIC_ID, 12),
        Metadata(None, TOPIC_ID, -1),
        Metadata(Settled(0xDEADBEEF, b"101", 1, {1: {0xC0FFEE: 1, 5: 5}, 900: {5: 1}}), TOPIC_ID, 12),
    ],
)
def test_every_change_of_a_single_character_is_noticed(metadata: Metadata) -> None:
    text = encode(*HERE, 100, metadata)
    alphabet = string.ascii_letters + string.digits + "-_+/.= \n\x00é"
    for char in alphabet:
        assert decode(*HERE, 100, text + char) is None, "a character too many"
    for at in range(len(text)):
        assert decode(*HERE, 100, text[:at] + text[at + 1 :]) is None, "a character is missing"
        for other in alphabet:
            if other != text[at]:
                assert decode(*HERE, 100, text[:at] + other + text[at + 1 :]) is None
            assert decode(*HERE, 100, text[:at] + other + text[at:]) is None or other == text[at]
    assert decode(*HERE, 100, text[:20]) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("crm.sailplay", "accounts.users", 3, 100),
        ("crm.mytracker", "accounts.user", 3, 100),
        ("crm.mytracker", "accounts.users", 4, 100),
        ("crm.mytracker", "accounts.users", 3, 99),
        ("crm.mytracker", "accounts.users", 3, 101),
    ],
)
def test_another_group_topic_partition_or_position_means_nothing(elsewhere: tuple[str, str, int, int]) -> None:
    text = encode(*HERE, 100, Metadata(settled_at(5, 100, {101}), TOPIC_ID, 4))
    assert decode(*elsewhere, text) is None


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        "x",
        "1",
        "1..",
        "1.00000000.00000000.A",
        '{"consumer":"another"}',
        "2.00000000.00000000.gA",
        "3.00000000.-.-1",
        f"3.00000000.{TOPIC_ID}.7",
        f"3.00000000.{TOPIC_ID}.7.1.00000000.gA",
        f"3.00000000.{TOPIC_ID}.99999999999",
        "4.00000000.-.-1.1.00000000.gA.gA",
        "\ud800",
        "é",
    ],
)
def test_foreign_metadata_means_nothing(foreign: str | None) -> None:
    assert decode(*HERE, 100, foreign) is None


def test_even_a_right_checksum_over_bits_of_an_impossible_length_means_nothing() -> None:
    rest = "00000005.gAAAA"
    check = crc32(f"{HERE[0]}/{HERE[1]}/{HERE[2]}/100/{rest}".encode())
    assert decode(*HERE, 100, f"1.{check:08x}.{rest}") is None


def test_bits_of_nothing_mean_nothing() -> None:
    rest = "00000005.AA"
    check = crc32(f"{HERE[0]}/{HERE[1]}/{HERE[2]}/100/{rest}".encode())
    assert decode(*HERE, 100, f"1.{check:08x}.{rest}") is None


@pytest.mark.parametrize("parts", ["AAAA", "gAAAA", "B", "wAAA", "____"])
def test_even_a_right_checksum_over_impossible_parts_means_nothing(parts: str) -> None:
    rest = f"-.-1.1.00000005.gA.{parts}"
    check = crc32(f"4/{HERE[0]}/{HERE[1]}/{HERE[2]}/100/{rest}".encode())
    assert decode(*HERE, 100, f"4.{check:08x}.{rest}") is None


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    assert decode(*HERE, 100, text) is None


def test_six_offsets_take_one_character() -> None:
    short = encode(*HERE, 0, Metadata(settled_at(1, 0, {1})))
    long = encode(*HERE, 0, Metadata(settled_at(1, 0, {12_000})))
    assert len(long) - len(short) == pytest.approx(12_000 / 6, abs=3)
    assert short.endswith(urlsafe_b64encode(b"\x80").decode().rstrip("="))
