"""Records that are packed: what they unpack to is more than any topic's limit says."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from connector.kafka.dead_letter import failed_record, read_letter
from connector.kafka.topic_reader import TopicReader
from tests.support.dead_letters import NEW, Desk

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_letter_of_a_packed_record_fits_a_topic_of_the_same_limit(desk: Desk, codec: str) -> None:
    """Topics' limits count what is packed: a letter that is not would stop its partition, for a record that fitted."""
    value = b"[" + b"no event. " * 400_000  # 4 MB, in topics that take 1 MiB
    producer = Producer(
        {"bootstrap.servers": desk.broker.bootstrap, "compression.type": codec, "message.max.bytes": 10_000_000}
    )
    producer.produce(desk.events, value, b"k")
    assert producer.flush(60) == 0
    await desk.deliver(desk.settings(NEW), 1)
    with TopicReader({"bootstrap.servers": desk.broker.bootstrap}, desk.letters) as reader:
        ((message,),) = (messages for messages in reader.read() if messages)
        letter = read_letter(message)
        assert letter is not None
        assert failed_record(letter, message).value == value
