"""A source whose clients fail: each is another one, and what it was made with is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from connector.kafka import group_member, log_recovery
from connector.kafka.positions import StartingPoint
from tests.unit.kafka.bench import Bench, FakeConsumer

REFUSED = "Fatal error: Broker: The instance ID is still used by another member in the consumer group: for a test"
FENCED = (
    "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id: "
    "Fatal consumer error: Broker: Static consumer fenced by other consumer with same group.instance.id"
)


class Clients(Bench):
    """A bench whose every client is another one; `made` has them, and `settings` what each was made with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[FakeConsumer] = []
        self.settings: list[dict[str, Any]] = []
        self.requested = 1
        monkeypatch.setattr(group_member, "Consumer", self._make)
        monkeypatch.setattr(log_recovery, "starting_points", starting_points)
        super().__init__(FakeConsumer())
        self.source._owned._last_epoch = 1

    def _make(self, settings: dict[str, Any]) -> FakeConsumer:
        self.made.append(FakeConsumer())
        self.settings.append(settings)
        return self.made[-1]

    @property
    def now(self) -> FakeConsumer:
        """The client of now."""
        return self.made[-1]

    def poll_once(self) -> None:
        """One poll of the thread, with demand."""
        self.requested += 1
        self.source.request_chunk()
        self.source._poll_or_replace_client()

    def fail(self, said: str = REFUSED) -> None:
        """A poll that brings a fatal error."""
        self.now.messages.append(failure(said))
        self.poll_once()

    def assign(self, *partitions: int) -> None:
        """The group gives partitions to the client of now."""
        self.now.subscribed["on_assign"](self.now, [TopicPartition("users", each) for each in partitions])


def failure(said: str) -> Message:
    return Message(topic="users", partition=0, error=KafkaError(KafkaError._FATAL, said))


def starting_points(_: Any, partitions: Sequence[TopicPartition], *__: Any, **___: Any) -> list[StartingPoint]:
    """Every partition begins at the same offset."""
    return [StartingPoint(each.topic, each.partition, 40, None) for each in partitions]
