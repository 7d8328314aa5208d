"""Addresses as people write them, and errors that name theirs."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from connector.kafka import topic_reader
from connector.kafka.records import Address, parse_address


def test_an_address_is_topic_partition_and_offset() -> None:
    assert parse_address("game.events/3/1204") == Address("game.events", 3, 1204)
    assert str(parse_address("game.events/3/1204")) == "game.events/3/1204"


@pytest.mark.parametrize("text", ["", "game.events", "game.events/3", "/3/4", "t/x/4", "t/3/-1", "t/3/4/5", "t/³/4"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="topic/partition/offset"):
        parse_address(text)


def test_an_error_of_a_record_names_its_offset_so_that_somebody_can_find_it() -> None:
    message = Message(topic="t", partition=3, offset=17, error=KafkaError(KafkaError._BAD_MSG, "damaged"))
    with pytest.raises(KafkaException) as raised:
        topic_reader._is_before_end(message, {3: 20}, {3})
    assert raised.value.args[0].str() == "damaged (partition 3, offset 17)"
    message = Message(topic="t", partition=3, offset=17, error=KafkaError(KafkaError._AUTHENTICATION, "refused"))
    with pytest.raises(KafkaException) as raised:
        topic_reader._is_before_end(message, {3: 20}, {3})
    assert raised.value.args[0].str() == "refused"
