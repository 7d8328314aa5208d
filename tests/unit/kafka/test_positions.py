"""Where a newly assigned partition is read from, against a cluster that only has offsets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition

from connector.kafka.positions import Start, StartingPoint, starting_points

LOW, HIGH = 10, 100
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster:
    """A consumer's view of one topic with three partitions; partition 1 has nothing as young as `SINCE`."""

    def __init__(self, committed: dict[int, tuple[int, str]]) -> None:
        self.offsets = committed

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        return [
            TopicPartition("users", each.partition, *self.offsets.get(each.partition, (OFFSET_INVALID,)))
            for each in partitions
        ]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return LOW, HIGH

    def offsets_for_times(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert {each.offset for each in partitions} == {int(SINCE.timestamp() * 1000)}
        return [TopicPartition("users", each.partition, -1 if each.partition == 1 else 50) for each in partitions]

    def list_topics(self, timeout: float) -> Any:
        topic = SimpleNamespace(partitions={0: None, 1: None, 2: None})
        return SimpleNamespace(topics={"users": topic, "others": topic})

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.offsets |= {each.partition: (each.offset, "") for each in offsets}


def begin(
    cluster: Cluster, start: Start, *partitions: int, subscribed: tuple[str, ...] = ("users",)
) -> dict[int, StartingPoint]:
    consumer: Any = cluster
    points = starting_points(consumer, [TopicPartition("users", each) for each in partitions], start, subscribed)
    return {point.partition: point for point in points}


@pytest.mark.parametrize("start", ["earliest", "latest", SINCE])
def test_what_is_committed_is_read_on_from_there_with_its_metadata(start: Start) -> None:
    points = begin(Cluster({0: (42, "1.x"), 1: (43, "")}), start, 0, 1)
    assert points == {0: StartingPoint("users", 0, 42, "1.x"), 1: StartingPoint("users", 1, 43, "")}


def test_earliest_begins_at_the_low_watermark() -> None:
    assert begin(Cluster({}), "earliest", 0, 1) == {
        0: StartingPoint("users", 0, LOW, None),
        1: StartingPoint("users", 1, LOW, None),
    }


def test_a_time_begins_at_the_first_record_since_and_at_the_end_where_there_is_none() -> None:
    points = begin(Cluster({}), SINCE, 0, 1)
    assert {number: point.offset for number, point in points.items()} == {0: 50, 1: HIGH}


def test_latest_begins_a_new_group_at_the_ends_and_commits_them_for_all_members() -> None:
    cluster = Cluster({})
    points = begin(cluster, "latest", 0, 2)
    assert {number: point.offset for number, point in points.items()} == {0: HIGH, 2: HIGH}
    assert {number: offset for number, (offset, _) in cluster.offsets.items()} == {0: HIGH, 1: HIGH, 2: HIGH}


def test_a_partition_that_appears_later_is_read_from_its_beginning_though_the_group_began_at_the_end() -> None:
    points = begin(Cluster({0: (42, "")}), "latest", 0, 2)
    assert points[2] == StartingPoint("users", 2, LOW, None)


def test_a_member_that_is_not_the_first_takes_what_the_first_has_committed_meanwhile() -> None:
    class Meanwhile(Cluster):
        asked = 0

        def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
            self.asked += 1
            if self.asked == 3:
                self.offsets = {0: (90, ""), 1: (91, ""), 2: (92, "")}
            return super().committed(partitions, timeout)

    assert begin(Meanwhile({}), "latest", 2) == {2: StartingPoint("users", 2, 92, "")}


@pytest.mark.parametrize("pattern", ["^use.*", "^orders|sers"])
def test_a_pattern_counts_the_topics_that_it_matches(pattern: str) -> None:
    cluster = Cluster({})
    begin(cluster, "latest", 0, subscribed=(pattern,))
    assert set(cluster.offsets) == {0, 1, 2}
