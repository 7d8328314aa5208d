"""A source to try."""

from __future__ import annotations

import pytest

from connector.kafka import log_recovery, source
from tests.unit.kafka.bench import Bench, Recorder


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    client = Recorder()
    monkeypatch.setattr(source, "Consumer", lambda _: client)
    monkeypatch.setattr(log_recovery, "starting_points", lambda *_, **__: [])
    return Bench(client)
