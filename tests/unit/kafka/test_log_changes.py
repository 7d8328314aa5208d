"""Where reading goes on in a log that is not the one that was read: never past an event that was not read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kafka.log_changes import LogChangeKind, Resumption, Truncation, resumption, truncation

CUT = Truncation(120, 3)


DETECTED = (
    "Partition log truncation detected at offset 5153 (leader epoch 2): broker end offset is 3063 "
    "(offset leader epoch 2). Reset to INVALID.: Local: Offset out of range"
)
NOTHING_LEFT = (
    "No leader_epoch found less or equal to offset 300 (leader epoch 5): broker end offset is -1 "
    "(offset leader epoch -1). Reset using configured policy.: Local: No offset stored"
)
OUT_OF_RANGE = "fetch failed due to requested offset not available on the broker: Broker: Offset out of range"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (DETECTED, Truncation(3063, 2)),
        (NOTHING_LEFT, Truncation(-1, -1)),
        (OUT_OF_RANGE, None),
        ("", None),
    ],
)
def test_what_the_client_says_of_a_truncation(said: str, found: Truncation | None) -> None:
    assert truncation(said) == found


# wanted, low, high, truncated, same_topic → offset, leader epoch, what happened
TABLE = [
    # The log that was read, whole.
    (200, 0, 300, None, True, 200, -1, None),
    (200, 0, 200, None, None, 200, -1, None),
    (200, 200, 200, None, True, 200, -1, None),
    # Cut where the client knows: read on from the cut, whether it has grown past our offset or not.
    (200, 0, 150, CUT, True, 120, 3, LogChangeKind.TRUNCATED),
    (200, 0, 120, CUT, True, 120, 3, LogChangeKind.TRUNCATED),
    (200, 0, 200, CUT, True, 120, 3, LogChangeKind.OVERWRITTEN),
    (200, 0, 900, CUT, True, 120, 3, LogChangeKind.OVERWRITTEN),
    # The cut lies below what retention left, nothing is left of what was read, or the log ends before the cut.
    (200, 130, 300, CUT, True, 130, -1, LogChangeKind.OVERWRITTEN),
    (200, 5, 300, Truncation(-1, -1), True, 5, -1, LogChangeKind.OVERWRITTEN),
    (200, 0, 100, CUT, True, 100, -1, LogChangeKind.TRUNCATED),
    # What the client says of a cut that lies above is of an offset that is to be read no more.
    (100, 0, 300, CUT, True, 100, -1, LogChangeKind.OVERWRITTEN),
    # Cut where nobody knows: all of it.
    (200, 7, 150, None, True, 7, -1, LogChangeKind.TRUNCATED),
    # Whose log it is is not known: it may be another topic's, whatever the epochs of that one say.
    (200, 7, 150, None, None, 7, -1, LogChangeKind.RECREATED),
    (200, 7, 150, CUT, None, 7, -1, LogChangeKind.RECREATED),
    (200, 7, 900, CUT, None, 7, -1, LogChangeKind.RECREATED),
    # Another topic's.
    (200, 7, 900, None, False, 7, -1, LogChangeKind.RECREATED),
    (200, 7, 900, CUT, False, 7, -1, LogChangeKind.RECREATED),
    (200, 7, 150, None, False, 7, -1, LogChangeKind.RECREATED),
    (2, 7, 150, None, False, 7, -1, LogChangeKind.RECREATED),
    # Retention.
    (2, 7, 150, None, True, 7, -1, LogChangeKind.EXPIRED),
    (2, 7, 150, None, None, 7, -1, LogChangeKind.EXPIRED),
]


@pytest.mark.parametrize(("wanted", "low", "high", "truncated", "same", "offset", "leader_epoch", "change"), TABLE)
def test_where_reading_goes_on(
    wanted: int,
    low: int,
    high: int,
    truncated: Truncation | None,
    same: bool | None,
    offset: int,
    leader_epoch: int,
    change: LogChangeKind | None,
) -> None:
    found = resumption(wanted, low, high, truncated=truncated, same_topic=same)
    assert found == Resumption(offset, leader_epoch, change)


offsets = st.integers(0, 30)


@settings(max_examples=500)
@given(
    low=offsets,
    length=offsets,
    wanted=offsets,
    cut=st.none() | st.builds(Truncation, st.integers(-1, 30), st.integers(-1, 5)),
    same=st.sampled_from([True, False, None]),
)
def test_no_event_that_the_log_holds_and_nobody_read_is_passed_over(
    low: int, length: int, wanted: int, cut: Truncation | None, same: bool | None
) -> None:
    """What was read is what lies below `wanted`, of the log that was read: none of another topic's, and of a truncated
    one only what lies below its end."""
    high = low + length
    found = resumption(wanted, low, high, truncated=cut, same_topic=same)
    if same is False or (same is None and cut is not None):
        read = 0
    elif cut is not None:
        read = min(wanted, max(cut.end, 0))
    else:
        read = wanted if wanted <= high else 0
    assert found.offset <= max(low, read)
    assert low <= found.offset <= max(high, low), "an offset that cannot be read"
    assert found.leader_epoch in {-1, cut and cut.leader_epoch}
    assert (found.change is None) == (found.offset == wanted and cut is None and same is not False)
