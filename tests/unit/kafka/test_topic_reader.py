"""Addresses as people write them."""

from __future__ import annotations

import pytest

from connector.kafka.records import Address, parse_address


def test_an_address_is_topic_partition_and_offset() -> None:
    assert parse_address("game.events/3/1204") == Address("game.events", 3, 1204)
    assert str(parse_address("game.events/3/1204")) == "game.events/3/1204"


@pytest.mark.parametrize("text", ["", "game.events", "game.events/3", "/3/4", "t/x/4", "t/3/-1", "t/3/4/5", "t/³/4"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="topic/partition/offset"):
        parse_address(text)
