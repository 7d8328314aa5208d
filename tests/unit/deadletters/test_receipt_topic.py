"""Asking for the receipts topic does not make it, even where brokers create topics by themselves."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from connector.deadletters import receipt_topic
from connector.errors import ConnectorError
from connector.simulators.kafka import MockKafka


def test_a_receipts_topic_is_only_made_as_a_compacted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock cluster creates what is asked for, as brokers do by default, but cannot be told to create a topic."""
    monkeypatch.setattr(receipt_topic, "TIMEOUT_SECONDS", 1.0)
    with MockKafka() as kafka:
        conf = {"bootstrap.servers": kafka.bootstrap}
        with pytest.raises(ConnectorError, match=r"topic letters\.receipts, which keeps what was replayed"):
            receipt_topic.ensure_receipt_topic(conf, "letters.receipts")
        assert "letters.receipts" not in AdminClient({**conf}).list_topics(timeout=5).topics


def test_a_topic_that_stays_unknown_is_an_error_since_a_lock_on_no_partitions_is_everybodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receipt_topic, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(receipt_topic, "_partitions", lambda *_: 0)
    monkeypatch.setattr(receipt_topic, "_create", lambda *_: None)
    with pytest.raises(ConnectorError, match="do not know it yet"):
        receipt_topic.ensure_receipt_topic({"bootstrap.servers": "127.0.0.1:1"}, "letters.receipts")
