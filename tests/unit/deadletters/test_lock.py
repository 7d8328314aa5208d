"""The lock's group is no sink's group, whatever sinks are called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters import lock
from connector.deadletters.lock import ReplayLock, lock_group
from connector.errors import ConnectorError

# What the configuration takes for a sink's name.
_names = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
sinks = st.sets(st.sampled_from(["replay", "mytracker", "lock", "replay-lock"]) | _names)


@given(sinks, sinks, st.sampled_from(["crm", "crm.replay", "a.b"]))
def test_no_sink_consumes_by_the_group_that_is_the_lock(ours: set[str], others: set[str], group: str) -> None:
    own = lock_group(group, ours)
    assert own not in {f"{group}.{sink}" for sink in ours}
    if "replay" in ours:
        assert own not in {f"{of}.{sink}" for of in (group, "crm.replay:lock", "crm") for sink in others}


def test_where_no_sink_is_in_the_way_older_versions_are_shut_out_by_the_same_group() -> None:
    assert lock_group("crm", ["mytracker", "sailplay"]) == "crm.replay"


class Client:
    """A client to which the brokers never report the topic's partitions."""

    def __init__(self, _: dict[str, Any]) -> None:
        self.closed = False

    def list_topics(self, topic: str, timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions={})})

    def close(self) -> None:
        self.closed = True


def test_a_topic_that_the_client_does_not_get_to_know_is_no_other_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "Consumer", Client)
    monkeypatch.setattr(lock, "SESSION_SECONDS", 0.2)
    replay_lock = ReplayLock({}, "crm.replay", "receipts", 1)
    with pytest.raises(ConnectorError, match="topic receipts: the brokers do not report its 1 partitions"):
        replay_lock.acquire(lambda _: None)
    client: Any = replay_lock._consumer
    assert client.closed
