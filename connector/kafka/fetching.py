"""Which of our partitions are fetched: all, or none while nothing is wanted for long; not those read too far ahead."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

WAKING_SECONDS = 0.1
# The client's thread for a broker of which nothing is fetched sleeps so long.
SLEEP_SECONDS = 1.0


class Fetching:
    """Pauses and resumes; belongs to the thread that owns `consumer`. `held` is what is ours now, as it changes.

    A pause throws away what was prefetched.
    """

    def __init__(self, consumer: Consumer, held: Collection[tuple[str, int]]) -> None:
        self.paused = False
        self._consumer = consumer
        self._owned = held
        self._paused_partitions: set[tuple[str, int]] = set()

    @property
    def nothing_paused(self) -> bool:
        """Whether nothing is paused or halted."""
        return not self.paused and not self._paused_partitions

    def pause(self) -> None:
        """Fetch nothing, from partitions still to come neither."""
        if not self.paused:
            self.paused = True
            self._consumer.pause(_partitions(self._owned))

    def resume(self) -> None:
        """Fetch again all that is not halted."""
        if self.paused:
            self.paused = False
            self._fetch([place for place in self._owned if place not in self._paused_partitions])

    def pause_partition(self, place: tuple[str, int]) -> None:
        """Stop fetching one partition."""
        if place in self._owned:
            self._paused_partitions.add(place)
            self._consumer.pause(_partitions([place]))

    def resume_partition(self, place: tuple[str, int]) -> None:
        """Fetch it again."""
        if place in self._paused_partitions:
            self._paused_partitions.discard(place)
            if not self.paused:
                self._fetch([place])

    def partitions_assigned(self, places: Iterable[tuple[str, int]]) -> None:
        """These are ours now, and assigned. The client keeps a pause while a partition is another's."""
        if self.paused:
            self._consumer.pause(_partitions(places))
        else:
            self._consumer.resume(_partitions(places))

    def partitions_removed(self, places: Iterable[tuple[str, int]]) -> None:
        """These are ours no more."""
        self._paused_partitions.difference_update(places)

    def wake(self) -> None:
        """Let the client fetch at once what is to be fetched: neither a resume nor the end of a rebalance, in which it
        fetches nothing, wakes its threads."""
        self._wake([place for place in self._owned if place not in self._paused_partitions])

    def _fetch(self, places: Collection[tuple[str, int]]) -> None:
        self._consumer.resume(_partitions(places))
        self._wake(places)

    def _wake(self, places: Collection[tuple[str, int]]) -> None:
        """A request to the partitions' leaders does it, whatever it asks."""
        if not places:
            return
        try:
            self._consumer.offsets_for_times([TopicPartition(*place, 0) for place in places], timeout=WAKING_SECONDS)
        except KafkaException:
            return  # then it wakes by itself


def _partitions(places: Iterable[tuple[str, int]]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for topic, partition in places]
