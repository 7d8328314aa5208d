"""Partitions leave, are lost, the process stops or stalls: what waits, what is committed, what is never sent again."""

from __future__ import annotations

import asyncio

import pytest

from connector.kafka import commit_metadata
from connector.model import Limits
from tests.component.doubles import DOWN, Log, accept, refuse_those_marked
from tests.component.harness import GROUP, HERE, Harness

THERE = ("users", 1)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_revocation_waits_for_its_own_requests_only_and_commits_what_they_settled() -> None:
    line = Harness(max_in_flight=2, limits=Limits(max_events=2, max_bytes=1000))
    line.source.assign(THERE)
    line.vendor.latency = 3.0
    for number in range(20):
        line.produce(b"here", key=b"here%d" % number)
    await line.until(lambda: line.vendor.in_flight == 2)
    begun = now()
    commits = await line.source.revoke(HERE)
    assert now() - begun <= 3.0
    assert [commit.position for commit in commits] == [4]
    await asyncio.sleep(30)
    assert sorted(item.record.offset for item in line.vendor.accepted) == [0, 1, 2, 3], "what was never sent is sent"
    assert (line.stats.given_back, line.assignment.open_records) == (16, 0)
    line.check_balance()
    await line.end()


async def test_a_revocation_of_an_idle_partition_waits_for_nothing_although_another_is_busy() -> None:
    line = Harness()
    line.source.assign(THERE)
    line.vendor.latency = 10.0
    line.produce(b"busy")
    await line.until(lambda: line.vendor.in_flight == 1)
    begun = now()
    await line.source.revoke(THERE)
    assert now() == begun
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_what_waits_behind_a_key_of_a_partition_that_leaves_goes_on_at_once() -> None:
    line = Harness()
    line.source.assign(THERE)
    line.vendor.answer = lambda _: DOWN
    line.produce(b"leaves", key=b"k")
    await line.until(lambda: line.dispatcher.batches_awaiting_retry == 1 and not line.vendor.in_flight)
    line.produce(b"stays", key=b"k", place=THERE)
    await line.until(lambda: line.assignment.open_records == 2 and not line.vendor.in_flight)
    await line.source.revoke(HERE)
    line.vendor.answer = accept
    await line.until(lambda: line.stats.delivered == 1, 60)
    assert line.vendor.accepted[0].record.partition == 1
    line.check_balance()
    await line.end()


async def test_a_revocation_starts_no_retry_and_no_half_and_gives_up_at_the_end_of_its_budget() -> None:
    line = Harness(drain=2.0)
    line.vendor.latency = 100.0
    line.produce(b"event")
    await line.until(lambda: line.vendor.in_flight == 1)
    begun = now()
    commits = await line.source.revoke(HERE)
    assert now() - begun == pytest.approx(2.0)
    assert [commit.position for commit in commits] in ([], [0])
    await asyncio.sleep(200)
    assert len(line.vendor.requests) == 1
    assert (line.stats.delivered, line.stats.given_back, line.stats.late) == (1, 1, 1)
    assert (line.assignment.open_records, line.assignment.open_bytes) == (0, 0)
    line.check_balance()
    await line.end()


async def test_a_culprit_that_comes_back_during_the_revocation_gets_its_letter_and_is_committed() -> None:
    line = Harness(limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.answer = refuse_those_marked
    line.vendor.latency = 1.0
    line.produce(b"bad")
    await line.until(lambda: line.vendor.in_flight == 1)
    commits = await line.source.revoke(HERE)
    assert [commit.position for commit in commits] == [1]
    assert line.topic.reasons() == {"refused": 1}
    line.check_balance()
    await line.end()


async def test_a_letter_that_the_brokers_refuse_does_not_use_up_the_budget() -> None:
    line = Harness()
    line.topic.refusal = "no such topic"
    line.produce(b"undecodable")
    await line.until(lambda: line.topic.attempts >= 8, 3600)
    begun, attempts = now(), line.topic.attempts
    commits = await line.source.revoke(HERE)
    assert now() - begun < 0.1
    assert [commit.position for commit in commits] in ([], [0])
    await asyncio.sleep(120)
    assert line.topic.attempts <= attempts + 1
    assert line.letters.pending == 0
    line.check_balance()
    await line.end()


async def test_the_next_owner_reads_what_was_not_settled_and_nothing_that_was() -> None:
    """Offset 0 is held; the metadata carries that 1 to 9 are settled."""
    log = Log()
    first = Harness(log, limits=Limits(max_events=1, max_bytes=1000))
    first.topic.refusal = "not now"
    first.produce(b"undecodable", *[b"event"] * 9, key=None)
    await first.until(lambda: first.stats.delivered == 9)
    (commit,) = await first.source.revoke(HERE)
    assert commit.position == 0
    decoded = commit_metadata.decode(GROUP, *HERE, 0, commit.metadata)
    assert decoded is not None
    assert decoded.settled is not None
    assert decoded.settled.offsets(0) == set(range(1, 10))
    await first.end()

    second = Harness(log)
    second.produce(b"event", key=None)
    await second.settled()
    assert second.stats.settled_before == 9
    assert [item.record.offset for item in second.vendor.accepted] == [10]
    assert log.committed[HERE].position == 11
    second.check_accounts()
    await second.end()


async def test_a_partition_that_comes_back_is_read_from_its_commit_and_old_results_do_not_count() -> None:
    line = Harness(drain=1.0, max_in_flight=2)
    line.vendor.latency = 10.0
    line.produce(b"event", b"event", key=b"k")
    await line.until(lambda: line.vendor.in_flight == 1)
    await line.source.revoke(HERE)
    line.source.assign(HERE)
    await line.until(lambda: line.assignment.open_records == 2)
    await line.until(lambda: line.stats.late == 2)
    assert line.assignment.open_records == 2, "a result of the earlier assignment has settled the later one's events"
    await line.until(lambda: not line.assignment.open_records)
    assert line.vendor.order_of(b"k") == [0, 1, 0, 1]
    line.check_balance()
    await line.end()


async def test_what_is_lost_is_forgotten_at_once() -> None:
    line = Harness(max_in_flight=1)
    line.vendor.latency = 5.0
    for number in range(40):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: line.vendor.in_flight == 1)
    committed = dict(line.log.committed)
    line.source.lose(HERE)
    assert (line.assignment.open_records, len(line.assignment)) == (0, 0)
    await asyncio.sleep(60)
    assert len(line.vendor.requests) == 1
    assert line.log.committed == committed
    assert line.dispatcher.items_in_flight() == 0
    assert not line.dispatcher.can_probe()
    line.check_balance()
    await line.end()


async def test_epochs_that_are_gone_are_not_remembered_for_ever() -> None:
    line = Harness()
    for number in range(50):
        line.produce(b"event", b"undecodable", key=b"%d" % number)
        await line.settled()
        await line.source.revoke(HERE)
        line.source.assign(HERE)
    assert len(line.dispatcher._revoked) <= 1
    assert len(line.letters._revoked) <= 1
    assert len(line.assignment.offsets) == 1
    assert len(line.assignment._committed) <= 1
    line.check_balance()
    await line.end()


async def test_a_stop_settles_what_is_in_flight_commits_it_and_sends_nothing_more() -> None:
    line = Harness(max_in_flight=2, limits=Limits(max_events=2, max_bytes=1000))
    line.vendor.latency = 3.0
    for number in range(20):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: line.vendor.in_flight == 2)
    begun = now()
    assert await line.pipeline.stop(begun + 20.0)
    assert now() - begun <= 3.0
    assert line.source.stopped_with is not None
    assert [commit.position for commit in line.source.stopped_with] == [4]
    await asyncio.sleep(60)
    assert len(line.vendor.accepted) == 4
    line.check_balance()
    await line.end()


async def test_a_stop_whose_budget_runs_out_says_so_and_commits_only_what_is_settled() -> None:
    line = Harness()
    line.vendor.latency = 100.0
    line.produce(b"event")
    await line.until(lambda: line.vendor.in_flight == 1)
    begun = now()
    assert not await line.pipeline.stop(begun + 5.0)
    assert now() - begun == pytest.approx(5.0)
    assert line.log.committed[HERE].position == 0
    await line.end()


async def test_a_stop_waits_for_the_letter_under_way_but_not_for_brokers_that_are_silent_past_its_budget() -> None:
    line = Harness()
    line.topic.silent = True
    line.produce(b"undecodable")
    await line.until(lambda: line.letters.pending == 1)
    begun = now()
    assert not await line.pipeline.stop(begun + 5.0)
    assert now() - begun == pytest.approx(5.0)
    await line.end()


async def test_after_a_stall_nothing_is_sent_and_nothing_committed_until_the_assignment_is_confirmed() -> None:
    line = Harness(stall=45.0)
    line.produce(b"before")
    await line.settled()
    line.source.confirmed = False
    line.produce(b"after")
    commits = len(line.source.commits)
    await asyncio.sleep(30)
    assert (line.stats.read, line.stats.delivered) == (2, 1)
    assert len(line.source.commits) == commits
    line.source.confirmed = True
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_a_polling_thread_that_is_silent_for_too_long_stops_the_sending() -> None:
    line = Harness(stall=45.0, max_in_flight=1, limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.latency = 10.0
    for number in range(20):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: line.assignment.open_records == 20)
    line.source.blocked = True
    await asyncio.sleep(300)
    assert 4 <= len(line.vendor.requests) <= 6
    line.source.blocked = False
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_a_revocation_while_the_assignment_is_in_doubt_commits_nothing() -> None:
    line = Harness()
    line.produce(b"event")
    await line.until(lambda: line.stats.delivered == 1)
    line.source.confirmed = False
    line.source.poll()
    assert await line.source.revoke(HERE) == []
    await line.end()


async def test_a_commit_that_fails_is_made_again() -> None:
    line = Harness()
    line.source.commit_error = "coordinator moved"
    line.produce(b"event")
    await line.until(lambda: line.stats.commit_failures >= 3)
    line.source.commit_error = None
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_a_topic_recreated_takes_the_old_epochs_place_and_a_stop_survives_it() -> None:
    line = Harness()
    line.topic.refusal = "not now"
    line.produce(b"undecodable")
    await line.until(lambda: line.assignment.open_records == 1)
    line.source.assign(HERE)  # what the source says when the log ends before the position
    line.source.lose(HERE)
    assert await line.pipeline.stop(now() + 1.0)
    await line.end()


async def test_a_stop_whose_last_commit_nobody_has_reported_is_not_clean_until_it_is() -> None:
    line = Harness()
    line.produce(b"event")
    await line.until(lambda: line.stats.delivered == 1)
    assert await line.pipeline.stop(now() + 20.0)
    assert line.source.stopped_with
    clean = [line.pipeline.last_commit_succeeded]
    line.pipeline.on_committed(None, last=True)
    clean.append(line.pipeline.last_commit_succeeded)
    assert clean == [False, True]
    await line.end()


@pytest.mark.parametrize("last", [None, "refused"])
async def test_of_the_last_commits_of_a_stop_each_must_be_made(last: str | None) -> None:
    line = Harness()
    line.produce(b"event")
    await line.until(lambda: line.stats.delivered == 1)
    assert await line.pipeline.stop(now() + 20.0)
    for error in ("refused" if last is None else None, last):
        line.pipeline.on_committed(error, last=True)
    assert not line.pipeline.last_commit_succeeded
    await line.end()


async def test_a_stop_that_may_not_commit_what_it_should_is_not_clean() -> None:
    line = Harness()
    line.produce(b"event")
    await line.until(lambda: line.stats.delivered == 1)
    line.source.confirmed = False
    await asyncio.sleep(0.2)
    assert await line.pipeline.stop(now() + 20.0)
    assert line.source.stopped_with == []
    assert not line.pipeline.last_commit_succeeded
    await line.end()


async def test_a_stop_with_nothing_to_commit_is_clean() -> None:
    line = Harness()
    await line.settled()
    assert await line.pipeline.stop(now() + 20.0)
    assert line.pipeline.last_commit_succeeded
    await line.end()
