"""Notices that a topic was deleted and created again under the same name, by Kafka's ids of topics.

All of it runs on the polling thread.
"""

from __future__ import annotations

from confluent_kafka import Message

from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.source_interface import Notify, SourceListener
from connector.kafka.topic_ids import TopicIds

# How long to wait for the brokers' answer.
TOPIC_ID_SECONDS = 1.0
# The client reports by itself that a topic's id has changed; the brokers are asked so often all the same.
ASK_EVERY_SECONDS = 30.0


class TopicRecreation:
    """Compares the ids under which one client reads its topics with those that they had at the assignment.

    A client that has met a recreated topic is of no use any more: librdkafka keeps the leader epochs of the former
    topic's partitions, takes the new ones for outdated, and reads nothing, without an error.
    """

    def __init__(
        self, owned: OwnedPartitions, topic_ids: TopicIds, *, listener: SourceListener, notify: Notify
    ) -> None:
        self._recreated: set[str] = set()  # topics
        self._owned = owned
        self._topic_ids = topic_ids
        self._listener = listener
        self._notify = notify
        self._reported: list[tuple[str, str]] = []  # topics and their ids: the client's reports since the last poll
        self._client_ids: dict[str, str] = {}  # topic → id, as this client reported last
        self._ask_at = 0.0

    @property
    def detected(self) -> bool:
        """True if a topic was recreated."""
        return bool(self._recreated)

    def is_recreated(self, topic: str) -> bool:
        """True if this topic was recreated."""
        return topic in self._recreated

    def mark_recreated(self, topic: str) -> None:
        """Note that this topic was recreated."""
        self._recreated.add(topic)

    def on_topic_id(self, topic: str, topic_id: str) -> None:
        """Called by the client while it polls: it reads the topic under this id from now on."""
        self._reported.append((topic, topic_id))

    def drop_stale_messages(self, messages: list[Message]) -> list[Message]:
        """Return the messages without those of recreated topics, which were read at another log's offsets.

        They are dropped from this poll on, even if the client comes back to the former id.
        """
        for topic, topic_id in self._reported:
            before = self._client_ids.get(topic, "")
            identified, recreated = self._owned.client_reads_topic_id(topic, topic_id, before)
            self._client_ids[topic] = topic_id
            self._notify_identified(identified, topic_id)
            # The group may have taken a deleted topic's partitions away, and give the new one's back later.
            was_ours = topic in self._owned.topic_ids
            if recreated or (was_ours and before not in ("", topic_id)):
                self.mark_recreated(topic)
        self._reported.clear()
        if not self._recreated:
            return messages
        return [message for message in messages if message.topic() not in self._recreated]

    def fetch_topic_ids(self, now: float) -> None:
        """Ask the brokers for the ids of topics for which the client reports none, if it is time.

        May block for TOPIC_ID_SECONDS.
        """
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_EVERY_SECONDS
        topics = {topic for topic, _ in self._owned.epochs if topic not in self._owned.client_topic_ids}
        for topic, topic_id in self.ask(topics).items():
            self._notify_identified(self._owned.set_topic_id(topic, topic_id), topic_id)
            if any(self._owned.topic_id(each) != topic_id for each in self._owned.of_topic(topic)):
                self.mark_recreated(topic)

    def fetch_topic_ids_soon(self) -> None:
        """Let the next `fetch_topic_ids` ask: the brokers were unreachable, and topics may have changed meanwhile."""
        self._ask_at = 0.0

    def same_topic(self, partition: Partition) -> tuple[bool | None, str]:
        """Return True if the topic is the one that was read, None if that cannot be known; and its id ("": unknown).

        The id that the client has reported counts first, then the brokers'; where they do not answer, there is no
        sign of another topic.
        """
        topic, known = partition[0], self._owned.topic_id(partition)
        now = self._owned.client_topic_ids.get(topic, "")
        if not now:
            now = self._owned.unless_deleted(self.ask({topic}).get(topic, ""))
        if not known:
            return None, now
        return not now or now == known, now or known

    def ask(self, topics: set[str]) -> dict[str, str]:
        """Return the ids of topics as the brokers know them; see TopicIds.fetch."""
        return self._topic_ids.fetch(topics, TOPIC_ID_SECONDS)

    def _notify_identified(self, epochs: frozenset[int], topic_id: str) -> None:
        if epochs:
            self._notify(self._listener.on_topic_id, epochs, topic_id)
