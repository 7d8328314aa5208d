"""What is counted of a dead-letter topic at the start: the connector's own letters, whatever else lies there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from connector.kafka import letters, recent_letters
from connector.kafka.recent_letters import RecentLetter

NOW = 1_700_000_000.0
OURS = {
    letters.TOPIC: b"orders",
    letters.PARTITION: b"3",
    letters.OFFSET: b"7",
    letters.SINK: b"mytracker",
    letters.REASON: b"unmappable",
    letters.REPLAYS: b"0",
}


class Client:
    """A consumer of one partition that holds these messages."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    def list_topics(self, topic: str, timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions=[0])})

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(each.topic, each.partition, 0) for each in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, len(self._messages)

    def assign(self, partitions: list[TopicPartition]) -> None:
        return

    def consume(self, most: int, timeout: float) -> list[Message]:
        return self._messages

    def close(self) -> None:
        return


def message(offset: int, headers: dict[str, bytes]) -> Message:
    listed: Any = list(headers.items())
    return Message(topic="dead", partition=0, offset=offset, headers=listed, timestamp=(1, int(NOW * 1000)))


@pytest.mark.parametrize(
    "foreign",
    [
        {letters.OFFSET: b"-5"},
        {letters.OFFSET: b"1" + b"0" * 400},  # an int that no float holds
        {letters.OFFSET: b"9" * 5_000},  # a text that is no int for Python
        {letters.OFFSET: str(1 << 63).encode()},
        {letters.PARTITION: b"-1"},
        {letters.PARTITION: str(1 << 31).encode()},
        {letters.PARTITION: b"\xff"},
        {letters.REPLAYS: b"99999999999"},
    ],
    ids=lambda given: f"{next(iter(given))}={next(iter(given.values()))[:12]!r}",
)
def test_what_the_connector_cannot_have_written_is_not_counted(
    monkeypatch: pytest.MonkeyPatch, foreign: dict[str, bytes]
) -> None:
    client = Client([message(0, {**OURS, **foreign}), message(1, {}), message(2, OURS)])
    monkeypatch.setattr(recent_letters, "Consumer", lambda _: client)
    found = recent_letters.recent_letters({}, "dead", NOW)
    assert found == [RecentLetter("mytracker", "unmappable", "orders", 3, 7, NOW)]
