"""When the source pauses its partitions, when it wakes the client, which sleeps then, and how it knows the ends."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, Message, TopicPartition
from structlog.testing import capture_logs

from connector.kafka.fetching import SLEEP_SECONDS
from connector.kafka.source import CHUNK_RECORDS, IDLE_POLL_SECONDS, PAUSE_AFTER_SECONDS
from connector.kafka.watermarks import EVERY_SECONDS_ASKED
from tests.unit.kafka.bench import CACHED_END, END, STALL, Bench, Event


@pytest.fixture
def fed(bench: Bench) -> Bench:
    """A source that has read the chunk that it may read at first, long after its partition came."""
    bench.clock.seconds += 10 * SLEEP_SECONDS
    bench.source._poll_once()
    assert bench.client.polls == [CHUNK_RECORDS, 1]  # what is there, and a wait for the first of what is not
    bench.client.polls.clear()
    return bench


def test_without_demand_single_records_are_read_and_nothing_is_paused(fed: Bench) -> None:
    """A pause would throw away what was prefetched, each time that the vendor is slow for a moment."""
    turns = int(PAUSE_AFTER_SECONDS / IDLE_POLL_SECONDS) - 1
    for _ in range(turns):
        fed.clock.seconds += IDLE_POLL_SECONDS + 0.01
        fed.source._poll_once()
    assert fed.client.polls == [1] * turns
    assert fed.client.paused == []


def test_without_demand_for_long_the_partitions_are_paused_until_more_is_wanted(fed: Bench) -> None:
    fed.clock.seconds += PAUSE_AFTER_SECONDS + 0.1
    fed.source._poll_once()
    fed.source._poll_once()  # at once: what is paused brings nothing that memory would have to hold
    assert (fed.client.paused, fed.client.polls) == ([0], [1, 1])
    fed.source.request_chunk()
    fed.source._poll_once()
    assert fed.source._member.fetching.nothing_paused
    assert fed.client.woken == 1


def test_each_demand_puts_the_pause_off(fed: Bench) -> None:
    for _ in range(3):
        fed.source.request_chunk()
        fed.source._poll_once()
        fed.clock.seconds += PAUSE_AFTER_SECONDS - 0.1
        fed.source._poll_once()
    assert fed.client.paused == []
    fed.clock.seconds += IDLE_POLL_SECONDS + 0.1
    fed.source._poll_once()
    assert fed.client.paused == [0]


@pytest.mark.parametrize("change", ["on_assign", "on_revoke", "on_lost"])
def test_a_rebalance_puts_the_client_to_sleep_so_it_is_woken_for_as_long_as_it_might_sleep(
    fed: Bench, change: str
) -> None:
    fed.source._owned.epochs["users", 1] = 2
    moved = [] if change == "on_assign" else [TopicPartition("users", 1)]
    getattr(fed.source._member, change)(fed.client, moved)
    for _ in range(2):
        fed.source.request_chunk()
        fed.source._poll_once()
    assert fed.client.woken == 2
    fed.clock.seconds += SLEEP_SECONDS
    fed.source.request_chunk()
    fed.source._poll_once()
    assert fed.client.woken == 2


def test_nothing_is_woken_that_brings_records_or_was_not_asked_for_them(fed: Bench) -> None:
    fed.source._member.on_assign(fed.client, [])  # type: ignore[arg-type]  # the recorder
    fed.client.messages.extend([Event()] * 2)
    fed.source.request_chunk()
    fed.source._poll_once()
    fed.clock.seconds += IDLE_POLL_SECONDS + 0.1
    fed.source._poll_once()
    assert (list(fed.client.messages), fed.client.woken) == ([], 0)


def test_each_chunk_is_wanted_by_itself(fed: Bench) -> None:
    fed.client.messages.extend([Event()] * 3 * CHUNK_RECORDS)
    fed.source.request_chunk()
    fed.source.request_chunk()
    for _ in range(3):
        fed.source._poll_once()
    assert len(fed.client.messages) == CHUNK_RECORDS


def test_while_what_was_prefetched_is_not_used_up_the_brokers_are_asked_for_the_ends(fed: Bench) -> None:
    """The watermarks of the last fetch are old then: a slow vendor would show too little lag."""
    fed.client.messages.extend([Event()] * 2 * (CHUNK_RECORDS + 1))
    seen = len(fed.listener.highs)
    for _ in range(2):
        fed.clock.seconds += EVERY_SECONDS_ASKED + 0.1
        fed.source.request_chunk()
        fed.source._poll_once()
        fed.clock.seconds += IDLE_POLL_SECONDS + 0.1
        fed.source._poll_once()  # a single record, as long as nothing is wanted
    assert (list(fed.client.messages), fed.listener.highs[seen:]) == ([], [{("users", 0): END}] * 2)
    fed.clock.seconds += EVERY_SECONDS_ASKED + 0.1
    fed.source.request_chunk()
    fed.source._poll_once()
    assert fed.listener.highs[-1] == {("users", 0): CACHED_END}


def test_ends_that_the_brokers_do_not_tell_any_more_are_unknown(fed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that hangs is no problem that the client reports, but a lag of before is no lag of now."""

    def away(*_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    fed.clock.seconds += PAUSE_AFTER_SECONDS + EVERY_SECONDS_ASKED
    fed.source._poll_once()  # pauses: the ends are asked for from now on
    fed.clock.seconds += EVERY_SECONDS_ASKED + 0.1
    fed.source._poll_once()
    assert fed.listener.highs[-1] == {("users", 0): END}
    monkeypatch.setattr(fed.client, "offsets_for_times", away)
    fed.clock.seconds += EVERY_SECONDS_ASKED + 0.1
    fed.source._poll_once()
    assert fed.listener.highs[-1] == {}


def test_a_stall_while_the_client_is_woken_leaves_no_poll_that_confirms_afterwards(
    fed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[tuple[bool, bool]] = []
    stalled = False

    def stall(partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        nonlocal stalled
        if partitions[0].offset != OFFSET_END:
            stalled = True
            fed.clock.seconds += STALL + 1.0
        return []

    monkeypatch.setattr(fed.client, "offsets_for_times", stall)
    monkeypatch.setattr(fed.listener, "on_poll", lambda _, __, confirmed, ___: turns.append((stalled, confirmed)))
    fed.source._member.on_assign(fed.client, [])  # type: ignore[arg-type]  # the recorder
    for _ in range(2):
        fed.source.request_chunk()
        fed.source._poll_once()
    assert turns == [(False, True), (True, False)]


def test_what_was_read_is_reported_before_what_cannot_be_read_behind_it(bench: Bench) -> None:
    """Whether that one is settled can be said only by who has what lies before it."""
    told: list[str] = []
    listener: Any = bench.listener
    listener.on_poll = lambda records, *_: told.append(f"{len(records)} records")
    listener.on_unreadable = lambda epoch, offset, why: told.append(f"{epoch} stands: {why}")
    error = KafkaError(KafkaError._BAD_COMPRESSION, "damaged")
    bench.client.messages.extend([Event(), Message(topic="users", partition=0, offset=8, error=error)])
    bench.source._poll_once()
    assert told == ["1 records", "1 stands: damaged"]


def test_records_of_others_do_not_end_the_problem_of_a_partition_that_waits(bench: Bench) -> None:
    """It would be reported and logged at every poll."""
    bench.source._owned.epochs["users", 1] = 2
    with capture_logs() as logs:
        bench.source._member.recovery.recover(("users", 1), "out of range")
        for _ in range(20):
            bench.client.messages.append(Event())
            bench.source.request_chunk()
            bench.source._poll_once()
    assert len(bench.listener.problems) == 1
    assert [entry["event"] for entry in logs] == ["Kafka cannot be read"]


def test_what_cannot_be_read_of_a_partition_that_has_left_is_nobodys_business(bench: Bench) -> None:
    error = KafkaError(KafkaError._BAD_COMPRESSION, "damaged")
    bench.client.messages.append(Message(topic="users", partition=7, offset=8, error=error))
    bench.source._poll_once()
    assert bench.listener.problems == []


def test_a_full_poll_of_another_topics_records_is_no_sign_that_what_was_prefetched_is_used_up(
    fed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = fed.source._member.poller
    poller._prefetch_exhausted = False
    monkeypatch.setattr(fed.source._member.recovery, "drop_stale", lambda _: [])
    poller.hand_over([Event(), Event()], 2, demanded=True)
    assert not poller._prefetch_exhausted
    poller.hand_over([Event()], 2, demanded=True)
    assert poller._prefetch_exhausted
