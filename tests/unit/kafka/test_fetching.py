"""What is fetched: everything, nothing while nothing is wanted, and never what was read too far ahead."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connector.kafka.fetching import Fetching

ANSWER_SECONDS = 1.5
A, B, C = ("users", 0), ("users", 1), ("orders", 0)


class Consumer:
    """A consumer that knows what it fetches, and which leaders were woken."""

    def __init__(self) -> None:
        self.paused: set[tuple[str, int]] = set()
        self.woken: list[set[tuple[str, int]]] = []
        self.away = False

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {(each.topic, each.partition) for each in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {(each.topic, each.partition) for each in partitions}

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> None:
        assert timeout == ANSWER_SECONDS
        self.woken.append({(each.topic, each.partition) for each in partitions})
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def held() -> dict[tuple[str, int], int]:
    return {A: 1, B: 2}


@pytest.fixture
def fetching(consumer: Any, held: dict[tuple[str, int], int]) -> Fetching:
    return Fetching(consumer, held.keys(), ANSWER_SECONDS)


def test_a_pause_stops_all_and_a_resume_wakes_their_leaders_at_once(consumer: Consumer, fetching: Fetching) -> None:
    fetching.pause()
    assert (consumer.paused, fetching.paused, fetching.nothing_paused) == ({A, B}, True, False)
    fetching.resume()
    assert (consumer.paused, fetching.paused, fetching.nothing_paused) == (set(), False, True)
    assert consumer.woken == [{A, B}]


def test_to_pause_or_resume_twice_asks_nothing_of_the_client(consumer: Consumer, fetching: Fetching) -> None:
    fetching.resume()
    assert consumer.woken == []
    fetching.pause()
    consumer.paused.clear()
    fetching.pause()
    assert consumer.paused == set()


def test_what_is_paused_stays_so_over_a_pause_of_all(consumer: Consumer, fetching: Fetching) -> None:
    fetching.pause_partition(A)
    assert (consumer.paused, fetching.nothing_paused) == ({A}, False)
    fetching.pause()
    fetching.resume()
    assert (consumer.paused, consumer.woken) == ({A}, [{B}])
    fetching.resume_partition(A)
    assert (consumer.paused, fetching.nothing_paused) == (set(), True)
    assert consumer.woken == [{B}, {A}]


def test_a_partition_resumed_during_a_pause_of_all_waits_for_the_pauses_end(
    consumer: Consumer, fetching: Fetching
) -> None:
    fetching.pause_partition(A)
    fetching.pause()
    fetching.resume_partition(A)
    assert (consumer.paused, consumer.woken) == ({A, B}, [])
    fetching.resume()
    assert consumer.paused == set()


def test_what_comes_during_a_pause_is_paused_too(
    consumer: Consumer, fetching: Fetching, held: dict[tuple[str, int], int]
) -> None:
    fetching.partitions_assigned([A, B])
    assert consumer.paused == set()
    fetching.pause()
    held[C] = 3
    fetching.partitions_assigned([C])
    assert consumer.paused == {A, B, C}
    fetching.resume()
    assert consumer.paused == set()


def test_what_left_is_not_paused_when_it_comes_again(consumer: Consumer, fetching: Fetching) -> None:
    fetching.pause_partition(A)
    fetching.partitions_removed([A])
    assert fetching.nothing_paused
    fetching.resume_partition(A)
    assert consumer.woken == []


def test_what_is_not_ours_cannot_be_paused(consumer: Consumer, fetching: Fetching) -> None:
    fetching.pause_partition(C)
    assert (consumer.paused, fetching.nothing_paused) == (set(), True)


def test_brokers_that_are_away_keep_nothing_paused(consumer: Consumer, fetching: Fetching) -> None:
    consumer.away = True
    fetching.pause()
    fetching.resume()
    assert (consumer.paused, fetching.paused) == (set(), False)


def test_what_left_in_a_pause_is_fetched_when_it_comes_back_after_it(
    consumer: Consumer, fetching: Fetching, held: dict[tuple[str, int], int]
) -> None:
    """The client keeps a partition's pause while it is another's."""
    fetching.pause()
    del held[A]
    fetching.partitions_removed([A])
    fetching.resume()
    assert consumer.paused == {A}
    held[A] = 3
    fetching.partitions_assigned([A])
    assert consumer.paused == set()


def test_what_left_paused_is_fetched_when_it_comes_back(
    consumer: Consumer, fetching: Fetching, held: dict[tuple[str, int], int]
) -> None:
    fetching.pause_partition(A)
    del held[A]
    fetching.partitions_removed([A])
    held[A] = 3
    fetching.partitions_assigned([A])
    assert consumer.paused == set()


def test_the_leaders_of_all_but_what_is_paused_are_woken(
    consumer: Consumer, fetching: Fetching, held: dict[tuple[str, int], int]
) -> None:
    fetching.pause_partition(A)
    fetching.wake()
    assert consumer.woken == [{B}]
    del held[B]
    fetching.wake()
    assert consumer.woken == [{B}]
