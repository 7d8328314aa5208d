"""The lock's group is no sink's group, whatever sinks are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.lock import lock_group

# What the configuration takes for a sink's name.
_names = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
sinks = st.sets(st.sampled_from(["replay", "mytracker", "lock", "replay-lock"]) | _names)


@given(sinks, sinks, st.sampled_from(["crm", "crm.replay", "a.b"]))
def test_no_sink_consumes_by_the_group_that_is_the_lock(ours: set[str], others: set[str], group: str) -> None:
    lock = lock_group(group, ours)
    assert lock not in {f"{group}.{sink}" for sink in ours}
    if "replay" in ours:
        assert lock not in {f"{of}.{sink}" for of in (group, "crm.replay:lock", "crm") for sink in others}


def test_where_no_sink_is_in_the_way_older_versions_are_shut_out_by_the_same_group() -> None:
    assert lock_group("crm", ["mytracker", "sailplay"]) == "crm.replay"
