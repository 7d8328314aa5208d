"""What a commit says is settled, for whoever does not own the partition."""

from __future__ import annotations

import pytest

from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata, Settled
from connector.kafka.settled_offsets import settled_offsets


def committed(position: int, flags: bytes, *, group: str = "crm.mytracker") -> str:
    return commit_metadata.encode(group, "events", 3, position, Metadata(Settled(7, flags), "", 2))


def test_all_below_the_position_is_settled_and_above_it_what_the_metadata_names() -> None:
    of = settled_offsets("crm.mytracker", "events", 3, 100, committed(100, b"0101"))
    assert [offset for offset in range(98, 107) if of.has(offset)] == [98, 99, 102, 104]


@pytest.mark.parametrize("metadata", [None, "", "of another program", committed(100, b"01", group="crm.sailplay")])
def test_metadata_that_is_not_ours_means_nothing(metadata: str | None) -> None:
    of = settled_offsets("crm.mytracker", "events", 3, 100, metadata)
    assert (of.position, of.above) == (100, frozenset())


@pytest.mark.parametrize(
    ("first", "last", "settled"),
    [(90, 99, 10), (90, 101, 10), (90, 104, 12), (102, 102, 1), (105, 200, 0), (103, 99, 0)],
)
def test_what_is_settled_between_two_offsets_is_counted(first: int, last: int, settled: int) -> None:
    of = settled_offsets("crm.mytracker", "events", 3, 100, committed(100, b"0101"))
    assert of.count_between(first, last) == settled
