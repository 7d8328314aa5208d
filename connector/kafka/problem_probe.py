"""Finds out if a problem with reading Kafka is over, also while nothing is read: the sink is held, or the topic idle.

All of it runs on the polling thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaException

from connector.kafka.client_errors import ProblemPart, ReadProblem
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.topic_ids import TopicIds
from connector.kafka.watermarks import Watermarks

# Seconds between two questions: doubled after each that is not answered, as polling waits for the answer.
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 16.0
ANSWER_SECONDS = 1.0

_PARTS_OF_TOPIC = (ProblemPart.ANSWER, ProblemPart.READ)


class ProblemProbe:
    """Ends problems when the brokers answer for what they are about.

    `topics` are what the source subscribes to. Problems of the part GROUP or RESET end elsewhere.
    """

    def __init__(
        self,
        problem: ReadProblem,
        owned: OwnedPartitions,
        watermarks: Watermarks,
        topic_ids: TopicIds,
        topics: Sequence[str],
    ) -> None:
        self._problem = problem
        self._owned = owned
        self._watermarks = watermarks
        self._topic_ids = topic_ids
        self._topics = topics
        self._next = 0.0
        self._wait = FIRST_SECONDS
        self._asked_last = ""

    def note_read(self, topics: Iterable[str]) -> bool:
        """Note that the brokers have sent something of these topics. Return True if that ends a problem."""
        ended = [topic for topic in topics if self._problem.clear(topic, *_PARTS_OF_TOPIC)]
        return bool(ended)

    def ask(self, now: float) -> bool:
        """Ask the brokers about one problem, if it is time; return True if it is over. May block for some seconds.

        `now` is in monotonic seconds.
        """
        if now < self._next or not self._problem.exists:
            return False
        over = self._ask_about_one()
        self._wait = FIRST_SECONDS if over else min(2 * self._wait, LONGEST_SECONDS)
        self._next = now + self._wait
        return over

    def _ask_about_one(self) -> bool:
        waiting = sorted({topic for part in _PARTS_OF_TOPIC for topic in self._problem.of(part)})
        if not waiting:
            return False
        topic = next((each for each in waiting if each > self._asked_last), waiting[0])  # one after the other
        self._asked_last = topic
        if topic:
            return self._topic_answers(topic) and self._problem.clear(topic, *_PARTS_OF_TOPIC)
        return self._brokers_answer(waiting) and self._problem.clear("", ProblemPart.ANSWER)

    def _topic_answers(self, topic: str) -> bool:
        partitions = self._owned.of_topic(topic)
        answers = self._watermarks.ask(partitions) if partitions else self._exists(topic)
        if answers and topic in self._problem.of(ProblemPart.READ):
            return self._topic_ids.may_read(topic, ANSWER_SECONDS) is True
        return answers

    def _exists(self, topic: str) -> bool:
        try:
            return bool(self._topic_ids.partitions(topic, ANSWER_SECONDS))
        except KafkaException:
            return False

    def _brokers_answer(self, in_trouble: Sequence[str]) -> bool:
        """True if the leaders of all partitions answer, but for topics that have a problem of their own."""
        partitions: list[Partition] = [each for each in self._owned.epochs if each[0] not in in_trouble]
        if partitions:
            return self._watermarks.ask(partitions)
        try:
            self._topic_ids.partitions(self._topics[0], ANSWER_SECONDS)
        except KafkaException:
            return False
        return True
