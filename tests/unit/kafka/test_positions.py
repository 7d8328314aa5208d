"""Where a newly assigned partition is read from, against a cluster that only has offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from connector.kafka.positions import Start, StartingPoint, StopRequestedError, starting_points

LOW, HIGH = 10, 100
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster:
    """A consumer's view of topics with three partitions each; partitions 1 have nothing as young as `SINCE`."""

    def __init__(self, committed: Mapping[int | tuple[str, int], tuple[int, str]]) -> None:
        self.offsets = {(("users", at) if isinstance(at, int) else at): each for at, each in committed.items()}

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        return [
            TopicPartition(
                each.topic, each.partition, *self.offsets.get((each.topic, each.partition), (OFFSET_INVALID,))
            )
            for each in partitions
        ]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return LOW, HIGH

    def offsets_for_times(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert {each.offset for each in partitions} == {int(SINCE.timestamp() * 1000)}
        return [TopicPartition(each.topic, each.partition, -1 if each.partition == 1 else 50) for each in partitions]

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.offsets |= {(each.topic, each.partition): (each.offset, "") for each in offsets}


def three(_: str) -> Sequence[int]:
    """The partitions of any topic, as others than the consumer report them: it must not be asked in its callback."""
    return (0, 1, 2)


def begin(
    cluster: Cluster, start: Start, *partitions: int, topic: str = "users", **how: Any
) -> dict[int, StartingPoint]:
    consumer: Any = cluster
    points = starting_points(consumer, [TopicPartition(topic, each) for each in partitions], start, three, **how)
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


def test_latest_begins_a_new_topic_at_the_ends_and_commits_them_for_all_members() -> None:
    cluster = Cluster({})
    points = begin(cluster, "latest", 0, 2)
    assert {number: point.offset for number, point in points.items()} == {0: HIGH, 2: HIGH}
    assert {number: offset for (_, number), (offset, _) in cluster.offsets.items()} == {0: HIGH, 1: HIGH, 2: HIGH}


def test_a_partition_that_appears_later_is_read_from_its_beginning_though_its_topic_began_at_the_end() -> None:
    points = begin(Cluster({0: (42, "")}), "latest", 0, 2)
    assert points[2] == StartingPoint("users", 2, LOW, None)


def test_a_member_that_is_not_the_first_takes_what_the_first_has_committed_meanwhile() -> None:
    class Meanwhile(Cluster):
        asked = 0

        def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
            self.asked += 1
            if self.asked == 3:
                self.offsets = {("users", 0): (90, ""), ("users", 1): (91, ""), ("users", 2): (92, "")}
            return super().committed(partitions, timeout)

    assert begin(Meanwhile({}), "latest", 2) == {2: StartingPoint("users", 2, 92, "")}


@pytest.mark.parametrize(("start", "offset"), [("latest", HIGH), (SINCE, 50), ("earliest", LOW)])
def test_a_topic_that_is_new_to_a_group_that_has_begun_in_others_begins_at_start(start: Start, offset: int) -> None:
    cluster = Cluster({("orders", 0): (42, ""), ("orders", 1): (42, "")})
    assert begin(cluster, start, 0)[0].offset == offset


def test_members_of_which_none_leads_in_one_of_two_new_topics_wait_in_that_one_alone() -> None:
    cluster = Cluster({("orders", 0): (7, ""), ("orders", 2): (8, "")})
    consumer: Any = cluster
    points = starting_points(consumer, [TopicPartition("users", 0), TopicPartition("orders", 2)], "latest", three)
    assert sorted(point[:3] for point in points) == [("orders", 2, 8), ("users", 0, HIGH)]


def test_a_topic_recreated_while_it_was_read_is_read_from_its_beginning_though_its_commits_are_gone() -> None:
    assert begin(Cluster({}), "latest", 0, 1, known={"users"}) == {
        0: StartingPoint("users", 0, LOW, None),
        1: StartingPoint("users", 1, LOW, None),
    }


@pytest.mark.parametrize(("start", "offset"), [("latest", HIGH), (SINCE, 50)])
def test_only_asking_commits_nothing_and_waits_for_nobody(start: Start, offset: int) -> None:
    cluster = Cluster({})
    assert begin(cluster, start, 2, dry=True)[2].offset == offset
    assert cluster.offsets == {}


def test_a_topic_whose_partitions_are_not_known_yet_is_led_by_whoever_reads_the_first() -> None:
    cluster = Cluster({})
    consumer: Any = cluster
    points = starting_points(consumer, [TopicPartition("users", 0)], "latest", lambda _: ())
    assert [point.offset for point in points] == [HIGH]
    assert set(cluster.offsets) == {("users", 0)}


@pytest.mark.parametrize(("start", "committed"), [("earliest", {}), ("latest", {0: (42, "")})])
def test_partitions_are_not_asked_for_where_all_begin_without(
    start: Start, committed: Mapping[int | tuple[str, int], tuple[int, str]]
) -> None:
    consumer: Any = Cluster(committed)
    asked: list[str] = []

    def told(topic: str) -> Sequence[int]:
        asked.append(topic)
        return (0,)

    starting_points(consumer, [TopicPartition("users", 0)], start, told)
    assert asked == []


@pytest.mark.parametrize("start", ["earliest", "latest", SINCE])
def test_a_partition_whose_commit_may_not_be_read_does_not_count_as_one_without_a_commit(start: Start) -> None:
    """To begin it at the end could skip events, to begin it at the start would send them again."""

    class Refused(NamedTuple):
        topic: str
        partition: int
        offset: int
        metadata: str | None
        leader_epoch: int | None
        error: KafkaError | None

    class Refusing(Cluster):
        def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[Any]:
            error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
            return [Refused(each.topic, each.partition, OFFSET_INVALID, None, None, error) for each in partitions]

    cluster = Refusing({})
    with pytest.raises(KafkaException) as raised:
        begin(cluster, start, 0)
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert cluster.offsets == {}


def test_a_member_that_waits_for_the_first_one_ends_the_wait_at_a_stop() -> None:
    with pytest.raises(StopRequestedError):
        begin(Cluster({}), "latest", 2, stop_requested=lambda: True)
