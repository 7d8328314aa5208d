"""A source to try."""

from __future__ import annotations

import pytest

from connector.kafka import group_member, log_recovery
from tests.unit.kafka.bench import Bench, FakeConsumer


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    client = FakeConsumer()
    monkeypatch.setattr(group_member, "Consumer", lambda _: client)
    monkeypatch.setattr(log_recovery, "starting_points", lambda *_, **__: [])
    return Bench(client)
